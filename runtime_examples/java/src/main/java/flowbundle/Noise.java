package flowbundle;

import java.nio.FloatBuffer;

/**
 * The noise behind every sample: Philox4x32-10 (Salmon et al., SC 2011, <a
 * href="https://doi.org/10.1145/2063384.2063405">doi 10.1145/2063384.2063405</a>) and Box–Muller,
 * the same numbers in every language. Normals of a seed are one stream, numbered from 0; any slice
 * of it can be drawn alone.
 */
public final class Noise {
  private static final double TWO_32 = 0x1p32;

  private Noise() {}

  /** Ten rounds of Philox on a counter of four words with a key of two. */
  static int[] philox4x32(int c0, int c1, int c2, int c3, int key0, int key1) {
    for (int round = 0; round < 10; round++) {
      long product0 = 0xD2511F53L * Integer.toUnsignedLong(c0);
      long product1 = 0xCD9E8D57L * Integer.toUnsignedLong(c2);
      c0 = (int) (product1 >>> 32) ^ c1 ^ (key0 + round * 0x9E3779B9);
      c1 = (int) product1;
      c2 = (int) (product0 >>> 32) ^ c3 ^ (key1 + round * 0xBB67AE85);
      c3 = (int) product0;
    }
    return new int[] {c0, c1, c2, c3};
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
    float[] normals = new float[4];
    int skipped = (int) (start % 4);
    for (long block = start / 4; out.hasRemaining(); block++) {
      int[] words =
          philox4x32((int) block, (int) (block >>> 32), 0, 0, (int) seed, (int) (seed >>> 32));
      for (int pair = 0; pair < 4; pair += 2) {
        double u = (Integer.toUnsignedLong(words[pair]) + 1.0) / TWO_32;
        double angle = 2 * Math.PI * Integer.toUnsignedLong(words[pair + 1]) / TWO_32;
        double radius = Math.sqrt(-2 * Math.log(u));
        normals[pair] = (float) (radius * Math.cos(angle));
        normals[pair + 1] = (float) (radius * Math.sin(angle));
      }
      out.put(normals, skipped, Math.min(4 - skipped, out.remaining()));
      skipped = 0;
    }
  }
}
