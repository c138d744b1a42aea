package flowbundle;

/**
 * How samples are drawn.
 *
 * @param seed an unsigned 64-bit integer ({@link Long#parseUnsignedLong}); the same one gives the
 *     same rows in every language
 * @param temperature multiplies the noise, from 0 to 1,000,000
 * @param context {@code [1, context]} for all rows, or {@code [rows, context]}; of a category its
 *     code; null for a model without
 */
public record Draw(long seed, float temperature, Rows context) {
  /** A little above it, neighbouring float32 latents are a standard deviation apart. */
  private static final float HOTTEST = 1e6f;

  public Draw {
    if (!(temperature >= 0 && temperature <= HOTTEST)) {
      throw new IllegalArgumentException(
          "temperature: expected a number from 0 to 1000000, got " + temperature);
    }
  }

  /** A draw at temperature 1 from a model without context. */
  public Draw(long seed) {
    this(seed, 1, null);
  }

  /** A draw at temperature 1. */
  public Draw(long seed, Rows context) {
    this(seed, 1, context);
  }
}
