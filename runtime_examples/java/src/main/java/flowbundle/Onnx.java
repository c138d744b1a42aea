package flowbundle;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a graph may hold: operators and fields of the file that are on a list, so that it has one
 * reading.
 */
final class Onnx {
  /** Message → number of a field → what it is. */
  private static final Map<String, Map<Long, String>> MESSAGES = messages();

  /** How protobuf writes what a field is; anything else is length-delimited. */
  private static final Map<String, Integer> WIRES =
      Map.of("int", 0, "ints", 0, "float", 5, "floats", 5, "doubles", 1);

  private static final int LENGTH_DELIMITED = 2;

  private final String name;
  private final Map<Long, Long> numbers = new HashMap<>();
  private final Map<Long, String> texts = new HashMap<>();
  private final Map<Long, Integer> counts = new HashMap<>();

  private Onnx(String name) {
    this.name = name;
  }

  /**
   * Refuses an ONNX file with anything that is not on the list: see docs/bundle.md.
   *
   * @throws IllegalArgumentException that says what it is
   */
  static void check(byte[] data) {
    try {
      new Onnx("Model").walk(ByteBuffer.wrap(data));
    } catch (BufferUnderflowException error) {
      throw new IllegalArgumentException("is cut short", error);
    }
  }

  private static Map<String, Map<Long, String>> messages() {
    Map<String, Map<Long, String>> found = new HashMap<>();
    for (String row : Operators.FIELDS.split(";", -1)) {
      String[] words = row.split(" ", -1);
      Map<Long, String> fields = new HashMap<>();
      for (int index = 1; index < words.length; index += 2) {
        fields.put(Long.valueOf(words[index]), words[index + 1]);
      }
      found.put(words[0], fields);
    }
    return found;
  }

  /** Holds a message, and those in it, to the list. */
  private void walk(ByteBuffer data) {
    while (data.hasRemaining()) {
      long tag = varint(data);
      long number = tag >>> 3;
      int wire = (int) (tag & 7);
      String kind = MESSAGES.get(name).getOrDefault(number, "");
      String base = kind.replace("*", "");
      int own = WIRES.getOrDefault(base, LENGTH_DELIMITED);
      boolean packed = wire == LENGTH_DELIMITED && base.endsWith("s");
      require(
          !base.isEmpty() && (wire == own || packed),
          name + " has the field " + number + ", which is not on the list");
      require(
          counts.merge(number, 1, Integer::sum) == 1 || kind.endsWith("*"),
          name + " has the field " + number + " twice");
      if (wire == 0) {
        numbers.put(number, varint(data));
        continue;
      }
      long size = wire == LENGTH_DELIMITED ? varint(data) : wire == 5 ? 4 : 8;
      require(size >= 0 && size <= data.remaining(), "is cut short");
      ByteBuffer part = data.slice(data.position(), (int) size);
      data.position(data.position() + (int) size);
      if (MESSAGES.containsKey(base)) {
        new Onnx(base).walk(part);
      } else if (base.equals("text")) {
        texts.put(number, StandardCharsets.UTF_8.decode(part).toString());
      }
    }
    requireSaid();
  }

  /** What a message must say. */
  private void requireSaid() {
    switch (name) {
      case "Model" ->
          require(
              counts.getOrDefault(7L, 0) == 1 && counts.getOrDefault(8L, 0) == 1,
              "expected one graph and one opset");
      case "Opset" ->
          require(
              text(1).isEmpty() && numbers.getOrDefault(2L, 0L) == Operators.OPSET,
              "opset: expected " + Operators.OPSET + " of the standard domain alone");
      case "Node" ->
          require(
              text(7).isEmpty() && isListed(Operators.OPERATORS, text(4)),
              "\"" + text(4) + "\" is not on the list of operators");
      case "Tensor" -> requireElement(numbers.getOrDefault(2L, 0L));
      case "TensorType" -> requireElement(numbers.getOrDefault(1L, 0L));
      default -> {}
    }
  }

  private String text(long number) {
    return texts.getOrDefault(number, "");
  }

  private static void requireElement(long code) {
    require(isListed(Operators.TYPES, Long.toString(code)), "a tensor of the element type " + code);
  }

  private static boolean isListed(String list, String word) {
    return List.of(list.split(" ", -1)).contains(word);
  }

  private static void require(boolean holds, String fault) {
    if (!holds) {
      throw new IllegalArgumentException(fault);
    }
  }

  /** A number of at most ten bytes. */
  private static long varint(ByteBuffer data) {
    long value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      byte next = data.get();
      value |= (next & 0x7FL) << shift;
      if (next >= 0) {
        return value;
      }
    }
    throw new IllegalArgumentException("a number of more than ten bytes");
  }
}
