package flowbundle.program;

import flowbundle.BundleException;
import flowbundle.InputException;
import flowbundle.Rows;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** An array of an .npy file: float32 or float64, in C order. */
final class NdArray {
  /** The magic and version 1.0. */
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};

  private static final Pattern HEADER =
      Pattern.compile(
          "\\{'descr': '<(f4|f8)', 'fortran_order': False, 'shape': \\(((?:[0-9]{1,9}, ?){0,5}(?:[0-9]{1,9})?)\\),? *\\} *\n");

  private final List<Integer> shape;
  private final boolean single;
  private final ByteBuffer numbers;

  private NdArray(List<Integer> shape, boolean single, ByteBuffer numbers) {
    this.shape = shape;
    this.single = single;
    this.numbers = numbers;
  }

  /**
   * Reads an .npy file of version 1.0, C order, {@code <f4} or {@code <f8}.
   *
   * @param where its path, for messages
   * @throws BundleException for anything else, or a size that does not fit the shape
   */
  static NdArray read(byte[] bytes, String where) {
    ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (bytes.length < MAGIC.length + 2 || ByteBuffer.wrap(MAGIC).mismatch(file) != MAGIC.length) {
      throw new BundleException(where, "is not an .npy file of version 1.0");
    }
    int start = MAGIC.length + 2 + Short.toUnsignedInt(file.getShort(MAGIC.length));
    Matcher header =
        HEADER.matcher(
            new String(
                bytes,
                MAGIC.length + 2,
                Math.max(0, Math.min(start, bytes.length) - MAGIC.length - 2),
                StandardCharsets.ISO_8859_1));
    if (start > bytes.length || !header.matches()) {
      throw new BundleException(where, "the header is not that of '<f4' or '<f8' in C order");
    }
    boolean single = header.group(1).equals("f4");
    ByteBuffer body = file.position(start).slice().order(ByteOrder.LITTLE_ENDIAN);
    List<Integer> shape =
        Stream.of(header.group(2).split(", ?"))
            .filter(size -> !size.isEmpty())
            .map(Integer::valueOf)
            .toList();
    double size = shape.stream().mapToDouble(axis -> axis).reduce(1, (a, b) -> a * b);
    if (size * (single ? Float.BYTES : Double.BYTES) != body.capacity()) {
      throw new BundleException(where, body.capacity() + " bytes do not fill the shape " + shape);
    }
    return new NdArray(shape, single, body);
  }

  public List<Integer> shape() {
    return shape;
  }

  /** How many numbers there are. */
  public int size() {
    return numbers.capacity() / (single ? Float.BYTES : Double.BYTES);
  }

  /** The number at a place in C order. */
  public double get(int index) {
    return single ? numbers.getFloat(index * Float.BYTES) : numbers.getDouble(index * Double.BYTES);
  }

  /**
   * A part of the rows, {@code start} to {@code stop}, on the same memory.
   *
   * @throws IndexOutOfBoundsException where there is none of them, or not all
   */
  public NdArray rows(int start, int stop) {
    int count = shape.isEmpty() ? 0 : shape.get(0);
    if (start < 0 || start >= stop || stop > count) {
      throw new IndexOutOfBoundsException("rows " + start + " to " + stop + " of " + count);
    }
    int rowBytes = numbers.capacity() / count;
    List<Integer> part = new ArrayList<>(shape);
    part.set(0, stop - start);
    ByteBuffer body = numbers.slice(start * rowBytes, (stop - start) * rowBytes);
    return new NdArray(List.copyOf(part), single, body.order(ByteOrder.LITTLE_ENDIAN));
  }

  /**
   * The array as a model takes it.
   *
   * @param wide whether the model is of float64
   * @throws InputException where the model is not, and the array is
   */
  public Rows toRows(boolean wide) {
    ByteBuffer body = numbers.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    int[] sizes = shape.stream().mapToInt(Integer::intValue).toArray();
    if (!single && !wide) {
      throw new InputException(InputException.Code.WRONG_DTYPE, "expected float32, got float64");
    }
    return single ? Rows.of(body.asFloatBuffer(), sizes) : Rows.of(body.asDoubleBuffer(), sizes);
  }
}
