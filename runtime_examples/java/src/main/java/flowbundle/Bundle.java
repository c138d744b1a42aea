package flowbundle;

import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.TextNode;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A bundle's folder: its files, inside it, each held to its hash. */
public final class Bundle {
  /** The limit of one protobuf message, and so of every file of a bundle. */
  private static final long MOST_BYTES = Integer.MAX_VALUE;

  /** A larger flow.json is refused before it is parsed. */
  private static final long MOST_MANIFEST_BYTES = 4 << 20;

  /**
   * Every key must be there, with its own type, unless it says otherwise; others are passed over.
   */
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .defaultSetterInfo(JsonSetter.Value.forValueNulls(Nulls.FAIL, Nulls.FAIL))
          .withCoercionConfigDefaults(
              types ->
                  Stream.of(CoercionInputShape.values())
                      .forEach(shape -> types.setCoercion(shape, CoercionAction.Fail)))
          .withCoercionConfig(
              LogicalType.Float,
              types -> types.setCoercion(CoercionInputShape.Integer, CoercionAction.TryConvert))
          .build();

  /** Controls, marks that turn the direction of writing, and halves of surrogate pairs. */
  private static final Pattern HIDDEN =
      Pattern.compile(
          "[\\p{Cc}\\p{Cs}\\u061c\\u200e\\u200f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]");

  private final Path folder;
  private final String json;
  private final Manifest manifest;

  private Bundle(Path folder, String digest) {
    this.folder = folder;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    String found = copy("flow.json", MOST_MANIFEST_BYTES, bytes);
    if (digest != null && !digest.equals(found)) {
      throw fault(String.format("digest: expected %.12s…, found %.12s…", digest, found));
    }
    try {
      json =
          StandardCharsets.UTF_8
              .newDecoder()
              .decode(ByteBuffer.wrap(bytes.toByteArray()))
              .toString();
    } catch (CharacterCodingException error) {
      throw new BundleException(path("flow.json"), "is not UTF-8", error);
    }
    if (json.startsWith("\ufeff")) {
      throw fault("begins with a byte order mark");
    }
    if (json.startsWith("version https://git-lfs.github.com/spec/")) {
      throw fault("is a pointer of Git LFS, and not the file itself");
    }
    requireOneReading(json(JsonNode.class), "");
    json(Manifest.Format.class);
    manifest = json(Manifest.class);
  }

  /**
   * Opens a folder, and holds every file that its {@code flow.json} lists to its hash.
   *
   * @throws BundleException naming the file and the key
   */
  public static Bundle open(Path folder) {
    return open(folder, null);
  }

  /**
   * {@link #open(Path)} of the bundle alone whose {@code flow.json} has this SHA-256, in lower-case
   * hex; null for any.
   */
  public static Bundle open(Path folder, String digest) {
    Bundle bundle = new Bundle(folder, digest);
    for (String name : bundle.manifest.files().keySet()) {
      // A buffer at a time: weights, which no graph needs, may be larger than the heap.
      bundle.copyHashed(name, OutputStream.nullOutputStream());
    }
    return bundle;
  }

  /**
   * Refuses texts that hide what they say, and numbers beyond float64; {@code key} is for messages.
   */
  private void requireOneReading(JsonNode node, String key) {
    if (node.isTextual() && HIDDEN.matcher(node.textValue()).find()) {
      throw fault(key + ": a text holds a control character, or a mark that hides what it says");
    }
    if (node.isNumber() && !Double.isFinite(node.doubleValue())) {
      throw fault(key + ": a number is beyond float64");
    }
    for (JsonNode entry : node.isArray() ? node : List.<JsonNode>of()) {
      requireOneReading(entry, key);
    }
    node.properties()
        .forEach(
            entry -> {
              requireOneReading(TextNode.valueOf(entry.getKey()), key);
              requireOneReading(entry.getValue(), entry.getKey());
            });
  }

  public Manifest manifest() {
    return manifest;
  }

  /** flow.json as a record, whose constructor may refuse it with an IllegalArgumentException. */
  private <T> T json(Class<T> type) {
    try {
      return MAPPER.readValue(json, type);
    } catch (IOException error) {
      String key = error instanceof JsonMappingException at ? key(at) : "";
      String fault =
          error.getCause() instanceof IllegalArgumentException refused
              ? "." + refused.getMessage()
              : ": " + error.getMessage().lines().findFirst().orElse("is no JSON");
      throw new BundleException(
          path("flow.json"), (key + fault).replaceFirst("^[.: ]+", ""), error);
    }
  }

  /**
   * A listed file, whole. The hash is that of the very bytes that are returned.
   *
   * @throws BundleException where it is not there, leads out of the folder, or has another hash
   */
  public byte[] read(String name) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    copyHashed(name, bytes);
    return bytes.toByteArray();
  }

  /** The path of a file, for messages. */
  public String path(String name) {
    return folder.resolve(name).toString();
  }

  /** What is wrong with a key of this bundle's flow.json. */
  public BundleException fault(String keyAndMessage) {
    return new BundleException(path("flow.json"), keyAndMessage);
  }

  /** Such as {@code .golden.cases[0].name}. */
  private static String key(JsonMappingException error) {
    return error.getPath().stream()
        .map(
            step ->
                step.getFieldName() == null
                    ? "[" + step.getIndex() + "]"
                    : "." + step.getFieldName())
        .collect(Collectors.joining());
  }

  private void copyHashed(String name, OutputStream out) {
    String expected = manifest.files().get(name);
    if (expected == null) {
      throw new BundleException(path(name), "files: is not listed");
    }
    String found = copy(name, MOST_BYTES, out);
    if (!found.equals(expected)) {
      throw new BundleException(
          path(name),
          String.format("files: hash differs (expected %.12s…, found %.12s…)", expected, found));
    }
  }

  /** Reads a file that lies in the folder, links followed; gives the SHA-256 of what was read. */
  private String copy(String name, long limit, OutputStream out) {
    try {
      Path target = folder.resolve(name).toRealPath();
      if (!target.startsWith(folder.toRealPath())) {
        throw new BundleException(path(name), "files: is a link that leaves the folder");
      }
      // A pipe or a device could be read for ever.
      if (!Files.isRegularFile(target) || Files.size(target) > limit) {
        throw new BundleException(path(name), "is no file of at most " + limit + " bytes");
      }
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      Files.copy(target, new DigestOutputStream(out, digest));
      return HexFormat.of().formatHex(digest.digest());
    } catch (IOException | NoSuchAlgorithmException error) {
      String reason = error instanceof NoSuchFileException ? "no such file" : error.getMessage();
      throw new BundleException(path(name), "cannot be read (" + reason + ")", error);
    }
  }
}
