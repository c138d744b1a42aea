package flowbundle;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NoiseTest {
  private static String philox(String counter, String key) {
    int[] c = words(counter);
    int[] k = words(key);
    return Arrays.stream(Noise.philox4x32(c[0], c[1], c[2], c[3], k[0], k[1]))
        .mapToObj(word -> HexFormat.of().toHexDigits(word))
        .collect(Collectors.joining(" "));
  }

  private static int[] words(String text) {
    return Stream.of(text.split(" ")).mapToInt(HexFormat::fromHexDigits).toArray();
  }

  private static float[] normals(long seed, long start, int count) {
    FloatBuffer found = FloatBuffer.allocate(count);
    Noise.normals(seed, start, found);
    return found.array();
  }

  @ParameterizedTest
  @CsvSource({
    "0 0 0 0, 0 0, 6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    "243f6a88 85a308d3 13198a2e 03707344, a4093822 299f31d0, d16cfe09 94fdcceb 5001e420 24126ea1",
    "ffffffff ffffffff ffffffff ffffffff, ffffffff ffffffff, 408f276d 41c83b0e a20bc7c6 6d5451fd"
  })
  void philoxGivesThePublishedAnswers(String counter, String key, String expected) {
    assertEquals(expected, philox(counter, key));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0, 0.9911377, -0.9246626, -0.61760896, -0.4820686",
    "9223372036854775813, 0, 0.24326237, 0.01694727, -1.5504903, 0.27301276",
    // The number of a block has more than 32 bits.
    "7, 17179869182, -1.7847663, 1.7219129, 1.1478884, 1.4430003"
  })
  void normalsAreThoseOfTheFormat(
      String seed, long start, float first, float second, float third, float fourth) {
    float[] expected = {first, second, third, fourth};
    assertArrayEquals(expected, normals(Long.parseUnsignedLong(seed), start, 4), 2e-7f);
  }

  @Test
  void anySliceOfTheStreamCanBeDrawnAlone() {
    for (long base : new long[] {0, (4L << 32) - 8, 1L << 62}) {
      float[] whole = normals(7, base, 16);
      for (int start = 0; start < 9; start++) {
        for (int count : new int[] {0, 1, 5, 7}) {
          assertArrayEquals(
              Arrays.copyOfRange(whole, start, start + count), normals(7, base + start, count));
        }
      }
    }
  }

  @Test
  void bothHalvesOfTheSeedCount() {
    assertEquals(
        4, Stream.of(0L, 1L, 1L << 32, -1L).map(seed -> normals(seed, 0, 1)[0]).distinct().count());
  }

  @Test
  void aSliceThatDoesNotExistIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> normals(0, -1, 1));
    assertThrows(IllegalArgumentException.class, () -> normals(0, Long.MAX_VALUE, 1));
  }
}
