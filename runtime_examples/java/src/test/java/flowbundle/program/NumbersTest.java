package flowbundle.program;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NumbersTest {
  @ParameterizedTest
  @CsvSource({
    "0.1, 0.1",
    "0.33333334, 0.33333334",
    "16777216, 16777216",
    "-123456.79, -123456.79",
    "8.5899346E9, 8589935000",
    "0.002, 0.002",
    "0.0001, 0.0001",
    "1.234E-5, 0.00001234",
    "1E-7, 1E-7",
    "3.4028235E38, 3.4028235E+38",
    "1.4E-45, 1E-45",
    "0, 0",
    "-0.0, -0",
    "NaN, nan",
    "Infinity, inf",
    "-Infinity, -inf"
  })
  void aFloatIsPrintedInAsFewDigitsAsReadItBack(float value, String text) {
    assertEquals(text, Numbers.format(value));
  }

  @Test
  void theTextReadsBackTheSameFloatAndNoShorterOneDoes() {
    for (int step = 0; step < 20_000; step++) {
      float value = Float.intBitsToFloat(step * 0x9E3779B1);
      if (Float.isFinite(value) && value != 0) {
        String text = Numbers.format(value);
        assertEquals(value, Float.parseFloat(text));
        int digits = new BigDecimal(text).stripTrailingZeros().precision();
        assertTrue(
            digits == 1
                || new BigDecimal(value).round(new MathContext(digits - 1)).floatValue() != value,
            text);
      }
    }
  }

  @Test
  void aDoubleIsPrintedInAsFewDigitsAsReadItBack() {
    assertEquals("0.30000000000000004", Numbers.format(0.1 + 0.2));
    // Before JDK 19 Java prints 2.0000000000000002E-5 or the like for some.
    assertEquals("2E-12", Numbers.format(2e-12));
    assertEquals("42.5", Numbers.format(42.5));
  }

  @Test
  void thePointIsAPointInEveryLocale() {
    Locale before = Locale.getDefault();
    try {
      Locale.setDefault(Locale.GERMANY);
      assertEquals("1234.5", Numbers.format(1234.5f));
      assertEquals("1.23", Numbers.figure(1.2345));
    } finally {
      Locale.setDefault(before);
    }
  }
}
