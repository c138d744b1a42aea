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
    long bytes = Float.BYTES * size(shape);
    if (shape.length == 0 || bytes < 0 || bytes > Integer.MAX_VALUE) {
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
    if (shape.length == 0 || data.remaining() != size(shape)) {
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
   * @throws InputException for no rows, or rows of different lengths
   */
  public static Rows of(float[]... rows) {
    FloatBuffer flat = FloatBuffer.allocate(Arrays.stream(rows).mapToInt(row -> row.length).sum());
    for (float[] row : rows) {
      if (row.length != rows[0].length) {
        throw new InputException(
            InputException.Code.WRONG_SHAPE, "rows of " + rows[0].length + " and " + row.length);
      }
      flat.put(row);
    }
    return of(flat.flip(), rows.length, rows.length == 0 ? 0 : rows[0].length);
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
          name + ": expected rows of the shape " + rowShape + ", got " + this);
    }
  }

  /** A part of the rows, on the same memory. */
  Rows slice(int start, int count) {
    int width = shape[0] == 0 ? 0 : data.capacity() / shape[0];
    int[] part = shape.clone();
    part[0] = count;
    return new Rows(data.slice(start * width, count * width), part);
  }

  /** How many numbers a shape has; negative where it is none, and capped beyond any buffer. */
  private static long size(int[] shape) {
    long size = 1;
    for (int axis : shape) {
      if (axis < 0) {
        return -1;
      }
      size = Math.min(size * axis, 1L << 31);
    }
    return size;
  }

  @Override
  public String toString() {
    return "Rows" + Arrays.toString(shape);
  }
}
