package flowbundle;

/**
 * How samples are drawn.
 *
 * @param seed an unsigned 64-bit integer ({@link Long#parseUnsignedLong}); the same one gives the
 *     same rows in every language
 * @param temperature multiplies the noise, from 0
 * @param context {@code [1, context]} for all rows, or {@code [rows, context]}; of a category its
 *     code; null for a model without
 */
public record Draw(long seed, float temperature, Rows context) {
  public Draw {
    if (!(temperature >= 0 && temperature <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException(
          "temperature: expected a finite number from 0, got " + temperature);
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
