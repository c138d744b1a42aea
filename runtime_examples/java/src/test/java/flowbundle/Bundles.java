package flowbundle;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Bundles for the tests. */
public final class Bundles {
  /**
   * A model made by hand, whose answers are known exactly (see make_bundle.py beside it): of x
   * {@code [batch, 1, 2, 2]}, z {@code [batch, 5]} with a selector and context {@code [batch, 2]}
   * with a category, and with the shift 10 · c₀ + c₁, log_prob = Σ ln x + shift, and x = z₀ … z₃ +
   * 100 · z₄ + shift.
   */
  public static final Path BY_HAND = Path.of("../rust/tests/bundle");

  public static final Path BANANA = Path.of("../../models/banana/bundle");

  private static final ObjectMapper MAPPER = new ObjectMapper();

  private Bundles() {}

  /** A copy of the model made by hand, to be tampered with. */
  public static Path copy(Path parent) throws IOException {
    Path folder = parent.resolve("bundle");
    List<Path> files;
    try (Stream<Path> found = Files.walk(BY_HAND)) {
      files = found.toList();
    }
    for (Path file : files) {
      Files.copy(file, folder.resolve(BY_HAND.relativize(file).toString()));
    }
    return folder;
  }

  /** The flow.json of the model made by hand. */
  static ObjectNode manifest() throws IOException {
    return (ObjectNode) MAPPER.readTree(BY_HAND.resolve("flow.json").toFile());
  }

  /** Changes flow.json. */
  public static void edit(Path folder, Consumer<ObjectNode> change) throws IOException {
    Path file = folder.resolve("flow.json");
    ObjectNode manifest = (ObjectNode) MAPPER.readTree(file.toFile());
    change.accept(manifest);
    MAPPER.writeValue(file.toFile(), manifest);
  }

  /** Replaces a file, and its hash. */
  public static void replace(Path folder, String name, byte[] bytes) throws IOException {
    Files.write(folder.resolve(name), bytes);
    edit(folder, manifest -> manifest.withObject("/files").put(name, sha256(bytes)));
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException error) {
      throw new AssertionError(error);
    }
  }
}
