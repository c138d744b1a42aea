package flowbundle;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * A value of flow.json and the key that it stands under: taken with its type, or refused by its
 * key.
 */
public final class Key {
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_INTEGER_FOR_INTS)
          .build();

  private static final int SHOWN_LENGTH = 60;

  private final String file;
  private final String path;
  private final JsonNode value;

  private Key(String file, String path, JsonNode value) {
    this.file = file;
    this.path = path;
    this.value = value;
  }

  /**
   * Parses a file.
   *
   * @param file its path, for messages
   * @throws BundleException where it is not one JSON object
   */
  static Key parse(byte[] json, String file) {
    JsonNode root;
    try {
      root = MAPPER.readTree(json);
    } catch (IOException error) {
      String reason = String.valueOf(error.getMessage()).lines().findFirst().orElse("");
      throw new BundleException(file + ": is not JSON (" + reason + ")", error);
    }
    if (!root.isObject()) {
      throw new BundleException(file + ": is not a JSON object");
    }
    return new Key(file, "", root);
  }

  /** A key of this object, which must be there. */
  public Key get(String name) {
    requireObject();
    Key found = child(name, value.get(name));
    if (found.value == null) {
      throw found.fault("is missing");
    }
    return found;
  }

  /** A key of this object, where it is there and not null. */
  public Optional<Key> optional(String name) {
    requireObject();
    return Optional.ofNullable(value.get(name))
        .filter(found -> !found.isNull())
        .map(found -> child(name, found));
  }

  /** This value, read, or another where it is null. */
  public <T> T orElse(Function<Key, T> read, T other) {
    return value.isNull() ? other : read.apply(this);
  }

  public boolean isText() {
    return value.isTextual();
  }

  public String text() {
    if (!value.isTextual()) {
      throw expected("text");
    }
    return value.textValue();
  }

  public String oneOf(String... choices) {
    if (!List.of(choices).contains(text())) {
      throw expected(String.join(" or ", choices));
    }
    return text();
  }

  /** The name of a file, which must be listed. */
  public String oneOf(Set<String> files) {
    if (!files.contains(text())) {
      throw fault("\"" + shown(text()) + "\" is not listed in files");
    }
    return text();
  }

  public boolean truth() {
    if (!value.isBoolean()) {
      throw expected("true or false");
    }
    return value.booleanValue();
  }

  /** A finite number. */
  public double number() {
    if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
      throw expected("a finite number");
    }
    return value.doubleValue();
  }

  /** A whole number. */
  public long whole(long least, long most) {
    if (!value.isIntegralNumber()
        || !value.canConvertToLong()
        || value.longValue() < least
        || value.longValue() > most) {
      throw expected("a whole number from " + least + " to " + most);
    }
    return value.longValue();
  }

  /** A whole number of 32 bits. */
  public int whole(int least) {
    return (int) whole(least, Integer.MAX_VALUE);
  }

  /** The entries of a list, each read. */
  public <T> List<T> list(int least, int most, Function<Key, T> read) {
    if (!value.isArray()) {
      throw expected("a list");
    }
    if (value.size() < least || value.size() > most) {
      String range = least == most ? "" + least : least + " to " + most;
      throw fault("expected " + range + " entries, got " + value.size());
    }
    List<T> entries = new ArrayList<>();
    for (JsonNode entry : value) {
      entries.add(read.apply(new Key(file, path + "[" + entries.size() + "]", entry)));
    }
    return List.copyOf(entries);
  }

  /** The values of an object of any keys, each read, in the order of the file. */
  public <T> Map<String, T> map(Function<Key, T> read) {
    requireObject();
    Map<String, T> entries = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : value.properties()) {
      String name = entry.getKey();
      entries.put(name, read.apply(child(shown(name), entry.getValue())));
    }
    return entries;
  }

  /** What is wrong with this value, after the file and the key. */
  public BundleException fault(String message) {
    return new BundleException(file + ": " + path + ": " + message);
  }

  private BundleException expected(String what) {
    return fault("expected " + what + ", got " + shown());
  }

  private void requireObject() {
    if (!value.isObject()) {
      throw expected("an object");
    }
  }

  private Key child(String name, JsonNode node) {
    return new Key(file, path.isEmpty() ? name : path + "." + name, node);
  }

  private String shown() {
    return switch (value.getNodeType()) {
      case ARRAY -> "a list";
      case OBJECT -> "an object";
      default -> shown(value.toString());
    };
  }

  /** Text, cut to what fits a message. */
  static String shown(String text) {
    return text.length() > SHOWN_LENGTH ? text.substring(0, SHOWN_LENGTH) + "…" : text;
  }
}
