package flowbundle;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Rows of float32 numbers in C order, such as {@code [rows, features]}, in memory that ONNX Runtime
 * works on without a copy.
 *
 * <p>Whoever holds rows may change their numbers, but not while a call runs on them.
 */
public final class Rows {
  private final FloatBuffer data;
  private final int[] shape;

  private Rows(FloatBuffer data, int[] shape) {
    this.data = data;
    this.shape = shape;
  }

  /**
   * Rows of zeros.
   *
   * @param shape the first axis is that of the rows
   * @throws IllegalArgumentException for no shape at all, or more than fits one buffer
   */
  public static Rows allocate(int... shape) {
    double bytes = Float.BYTES * size(shape);
    if (!(bytes <= Integer.MAX_VALUE)) {
      throw new IllegalArgumentException("shape: cannot allocate " + Arrays.toString(shape));
    }
    ByteBuffer memory = ByteBuffer.allocateDirect((int) bytes).order(ByteOrder.nativeOrder());
    return of(memory.asFloatBuffer(), shape);
  }

  static Rows allocate(int count, List<Integer> rowShape) {
    return allocate(
        IntStream.concat(IntStream.of(count), rowShape.stream().mapToInt(axis -> axis)).toArray());
  }

  /**
   * The numbers of a buffer from its position to its limit. A direct buffer in native order is used
   * as it is, another is copied.
   *
   * @param shape the first axis is that of the rows
   * @throws InputException where the buffer does not fill the shape
   */
  public static Rows of(FloatBuffer data, int... shape) {
    if (data.remaining() != size(shape)) {
      throw new InputException(
          InputException.Code.WRONG_SHAPE,
          data.remaining() + " numbers are not rows of the shape " + Arrays.toString(shape));
    }
    if (data.isDirect() && data.order() == ByteOrder.nativeOrder()) {
      return new Rows(data.slice(), shape.clone());
    }
    Rows copy = allocate(shape);
    copy.data().put(data.duplicate());
    return copy;
  }

  /**
   * A copy of rows of numbers, {@code [rows, numbers]}.
   *
   * @throws InputException for rows of different lengths
   */
  public static Rows of(float[]... rows) {
    Rows copy = allocate(rows.length, rows.length == 0 ? 0 : rows[0].length);
    FloatBuffer data = copy.data();
    for (float[] row : rows) {
      if (row.length != copy.shape[1]) {
        throw new InputException(
            InputException.Code.WRONG_SHAPE, "rows of " + copy.shape[1] + " and " + row.length);
      }
      data.put(row);
    }
    return copy;
  }

  /** How many there are. */
  public int count() {
    return shape[0];
  }

  /** The numbers: a view of its own position, on the same memory. */
  public FloatBuffer data() {
    return data.duplicate();
  }

  public int[] shape() {
    return shape.clone();
  }

  /**
   * Refuses another shape.
   *
   * @param name for messages
   * @param rowShape the shape of one row
   */
  void requireShape(String name, List<Integer> rowShape) {
    if (!Arrays.stream(shape).skip(1).boxed().toList().equals(rowShape)) {
      throw new InputException(
          InputException.Code.WRONG_SHAPE,
          name + ": expected rows of " + rowShape + ", got " + Arrays.toString(shape));
    }
  }

  /** A part of the rows, on the same memory. */
  Rows slice(int start, int count) {
    int width = shape[0] == 0 ? 0 : data.capacity() / shape[0];
    int[] part = shape.clone();
    part[0] = count;
    return new Rows(data.slice(start * width, count * width), part);
  }

  /** How many numbers a shape has, without overflow; NaN where it is none. */
  private static double size(int[] shape) {
    return shape.length == 0
        ? Double.NaN
        : Arrays.stream(shape)
            .mapToDouble(axis -> axis < 0 ? Double.NaN : axis)
            .reduce(1, (a, b) -> a * b);
  }
}
