package flowbundle;

import java.nio.FloatBuffer;

/**
 * The noise behind every sample: Philox4x32-10 (Salmon et al., SC 2011, <a
 * href="https://doi.org/10.1145/2063384.2063405">doi 10.1145/2063384.2063405</a>) and Box–Muller,
 * the same numbers in every language. Normals of a seed are one stream, numbered from 0; any slice
 * of it can be drawn alone.
 */
public final class Noise {
  private static final int ROUNDS = 10;
  private static final long MULTIPLIER_0 = 0xD2511F53L;
  private static final long MULTIPLIER_1 = 0xCD9E8D57L;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;
  private static final double TWO_32 = 0x1p32;

  private Noise() {}

  /**
   * Ten rounds of Philox on one counter of four words with a key of two, into {@code words}.
   *
   * @param words the counter, and then the result
   */
  static void philox4x32(int[] words, int key0, int key1) {
    int c0 = words[0];
    int c1 = words[1];
    int c2 = words[2];
    int c3 = words[3];
    for (int round = 0; round < ROUNDS; round++) {
      long product0 = MULTIPLIER_0 * Integer.toUnsignedLong(c0);
      long product1 = MULTIPLIER_1 * Integer.toUnsignedLong(c2);
      c0 = (int) (product1 >>> 32) ^ c1 ^ (key0 + round * WEYL_0);
      c1 = (int) product1;
      c2 = (int) (product0 >>> 32) ^ c3 ^ (key1 + round * WEYL_1);
      c3 = (int) product0;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
  }

  /**
   * Fills a buffer with standard normals of a seed. None is larger than 6.66.
   *
   * @param seed an unsigned 64-bit integer ({@link Long#parseUnsignedLong})
   * @param start the number of the first
   * @param out filled from its position to its limit; the position moves there
   * @throws IllegalArgumentException where the slice does not exist
   */
  public static void normals(long seed, long start, FloatBuffer out) {
    if (start < 0 || start > Long.MAX_VALUE - out.remaining()) {
      throw new IllegalArgumentException("start: there are no normals from number " + start);
    }
    int[] words = new int[4];
    float[] block = new float[4];
    for (int skipped = (int) (start % 4); out.hasRemaining(); skipped = 0) {
      long index = start / 4;
      words[0] = (int) index;
      words[1] = (int) (index >>> 32);
      words[2] = 0;
      words[3] = 0;
      philox4x32(words, (int) seed, (int) (seed >>> 32));
      for (int pair = 0; pair < 4; pair += 2) {
        double radius =
            Math.sqrt(-2 * Math.log((Integer.toUnsignedLong(words[pair]) + 1.0) / TWO_32));
        double angle = 2 * Math.PI * Integer.toUnsignedLong(words[pair + 1]) / TWO_32;
        block[pair] = (float) (radius * Math.cos(angle));
        block[pair + 1] = (float) (radius * Math.sin(angle));
      }
      int count = Math.min(4 - skipped, out.remaining());
      out.put(block, skipped, count);
      start += count;
    }
  }
}
