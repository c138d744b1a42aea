package flowbundle;

import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Rows of numbers in C order, such as {@code [rows, features]}, of float32 or of float64, in memory
 * that ONNX Runtime works on without a copy. Every model takes either, and gives its own.
 *
 * <p>Whoever holds rows may change their numbers, but not while a call runs on them.
 */
public final class Rows {
  private final Buffer numbers;
  private final int[] shape;

  private Rows(Buffer numbers, int[] shape) {
    this.numbers = numbers;
    this.shape = shape;
  }

  /**
   * Rows of zeros, of float32.
   *
   * @param shape the first axis is that of the rows
   * @throws IllegalArgumentException for no shape at all, or more than fits one buffer
   */
  public static Rows allocate(int... shape) {
    return allocate(false, shape);
  }

  private static Rows allocate(boolean wide, int... shape) {
    double bytes = (wide ? Double.BYTES : Float.BYTES) * size(shape);
    if (!(bytes <= Integer.MAX_VALUE)) {
      throw new IllegalArgumentException("shape: cannot allocate " + Arrays.toString(shape));
    }
    ByteBuffer memory = ByteBuffer.allocateDirect((int) bytes).order(ByteOrder.nativeOrder());
    return new Rows(wide ? memory.asDoubleBuffer() : memory.asFloatBuffer(), shape.clone());
  }

  static Rows allocate(boolean wide, int count, List<Integer> rowShape) {
    return allocate(
        wide,
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
    requireSize(data, shape);
    if (data.isDirect() && data.order() == ByteOrder.nativeOrder()) {
      return new Rows(data.slice(), shape.clone());
    }
    Rows copy = allocate(shape);
    copy.data().put(data.duplicate());
    return copy;
  }

  /** {@link #of(FloatBuffer, int...)} of float64. */
  public static Rows of(DoubleBuffer data, int... shape) {
    requireSize(data, shape);
    if (data.isDirect() && data.order() == ByteOrder.nativeOrder()) {
      return new Rows(data.slice(), shape.clone());
    }
    Rows copy = allocate(true, shape);
    copy.doubles().put(data.duplicate());
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
      copy.requireWidth(row.length);
      data.put(row);
    }
    return copy;
  }

  /** {@link #of(float[][])} of float64. */
  public static Rows of(double[]... rows) {
    Rows copy = allocate(true, rows.length, rows.length == 0 ? 0 : rows[0].length);
    DoubleBuffer data = copy.doubles();
    for (double[] row : rows) {
      copy.requireWidth(row.length);
      data.put(row);
    }
    return copy;
  }

  /** How many there are. */
  public int count() {
    return shape[0];
  }

  /** Whether the numbers are of float64. */
  public boolean isWide() {
    return numbers instanceof DoubleBuffer;
  }

  /**
   * The numbers of float32: a view of its own position, on the same memory.
   *
   * @throws ClassCastException for those of float64
   */
  public FloatBuffer data() {
    return (FloatBuffer) numbers.duplicate();
  }

  /**
   * The numbers of float64: a view of its own position, on the same memory.
   *
   * @throws ClassCastException for those of float32
   */
  public DoubleBuffer doubles() {
    return (DoubleBuffer) numbers.duplicate();
  }

  /** How many numbers there are in all. */
  public int size() {
    return numbers.capacity();
  }

  /** The number at a place in C order, whatever its type. */
  public double get(int index) {
    return numbers instanceof DoubleBuffer doubles
        ? doubles.get(index)
        : ((FloatBuffer) numbers).get(index);
  }

  void put(int index, double number) {
    if (numbers instanceof DoubleBuffer doubles) {
      doubles.put(index, number);
    } else {
      ((FloatBuffer) numbers).put(index, (float) number);
    }
  }

  public int[] shape() {
    return shape.clone();
  }

  /** The rows as numbers of a type: themselves, or a copy where they are of the other one. */
  Rows as(boolean wide) {
    if (wide == isWide()) {
      return this;
    }
    Rows copy = allocate(wide, shape);
    for (int index = 0; index < size(); index++) {
      copy.put(index, get(index));
    }
    return copy;
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

  /** Numbers in a row. */
  int width() {
    return shape[0] == 0 ? 0 : size() / shape[0];
  }

  /** A part of the rows, on the same memory. */
  Rows slice(int start, int count) {
    int[] part = shape.clone();
    part[0] = count;
    return new Rows(numbers.slice(start * width(), count * width()), part);
  }

  private void requireWidth(int length) {
    if (length != shape[1]) {
      throw new InputException(
          InputException.Code.WRONG_SHAPE, "rows of " + shape[1] + " and " + length);
    }
  }

  private static void requireSize(Buffer data, int[] shape) {
    if (data.remaining() != size(shape)) {
      throw new InputException(
          InputException.Code.WRONG_SHAPE,
          data.remaining() + " numbers are not rows of the shape " + Arrays.toString(shape));
    }
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
