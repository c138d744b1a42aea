package flowbundle.program;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.function.Predicate;

/** Numbers as text: the shortest that reads back the same, with a point in every locale. */
final class Numbers {
  /** From so many digits before the point on, an exponent is easier to read than the digits. */
  private static final int MOST_DIGITS = 21;

  /** And from so many zeros behind the point on. */
  private static final int MOST_ZEROS = 4;

  private Numbers() {}

  static String format(float value) {
    if (!Float.isFinite(value) || value == 0) {
      return format((double) value);
    }
    return shortest(
        Float.toString(value), new BigDecimal(value), text -> text.floatValue() == value);
  }

  /** A number of float64, or else of float32. */
  static String format(double value, boolean wide) {
    return wide ? format(value) : format((float) value);
  }

  static String format(double value) {
    if (Double.isNaN(value)) {
      return "nan";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return 1 / value > 0 ? "0" : "-0";
    }
    return shortest(
        Double.toString(value), new BigDecimal(value), text -> text.doubleValue() == value);
  }

  /** Three digits of a figure. */
  static String figure(double value) {
    return Double.isFinite(value)
        ? plain(new BigDecimal(value, new MathContext(3)).stripTrailingZeros())
        : format(value);
  }

  /**
   * Before JDK 19 what Java prints reads back the same, but may have a digit more than it needs.
   */
  private static String shortest(String printed, BigDecimal exact, Predicate<BigDecimal> reads) {
    BigDecimal found = new BigDecimal(printed).stripTrailingZeros();
    while (found.precision() > 1) {
      BigDecimal shorter = exact.round(new MathContext(found.precision() - 1));
      if (!reads.test(shorter)) {
        break;
      }
      found = shorter.stripTrailingZeros();
    }
    return plain(found);
  }

  private static String plain(BigDecimal number) {
    int digitsBeforePoint = number.precision() - number.scale();
    return digitsBeforePoint > -MOST_ZEROS && digitsBeforePoint <= MOST_DIGITS
        ? number.toPlainString()
        : number.toString();
  }
}
