package flowbundle;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** A bundle's folder: its files, inside it, each held to its hash. */
public final class Bundle {
  /** The limit of one protobuf message, and so of every file of a bundle. */
  private static final long MOST_BYTES = Integer.MAX_VALUE;

  private static final int SHOWN_DIGITS = 12;

  /** A larger flow.json is refused before it is parsed. */
  private static final int MOST_MANIFEST_BYTES = 4 << 20;

  private final Path folder;
  private final Key json;
  private final Manifest manifest;

  private Bundle(Path folder) {
    this.folder = folder;
    json =
        Key.parse(
            readInside("flow.json", MOST_MANIFEST_BYTES, InputStream::readAllBytes),
            path("flow.json"));
    manifest = Manifest.read(json);
  }

  /**
   * Opens a folder, and holds every file that its {@code flow.json} lists to its hash.
   *
   * @throws BundleException naming the file and the key
   */
  public static Bundle open(Path folder) {
    Bundle bundle = new Bundle(folder);
    for (String name : bundle.manifest.files().keySet()) {
      // A buffer at a time: weights, which no graph needs, may be larger than the heap.
      bundle.hashed(name, stream -> stream.transferTo(OutputStream.nullOutputStream()));
    }
    return bundle;
  }

  public Manifest manifest() {
    return manifest;
  }

  /** The whole flow.json. */
  public Key json() {
    return json;
  }

  /**
   * A listed file, whole. The hash is that of the very bytes that are returned.
   *
   * @throws BundleException where it is not there, leads out of the folder, or has another hash
   */
  public byte[] read(String name) {
    return hashed(name, InputStream::readAllBytes);
  }

  /** The path of a file, for messages. */
  public String path(String name) {
    return folder.resolve(name).toString();
  }

  /** What is wrong with a key of this bundle's flow.json. */
  public BundleException fault(String keyAndMessage) {
    return new BundleException(path("flow.json") + ": " + keyAndMessage);
  }

  private <T> T hashed(String name, Reading<T> reading) {
    MessageDigest digest = sha256();
    T result =
        readInside(name, MOST_BYTES, stream -> reading.read(new DigestInputStream(stream, digest)));
    String expected = manifest.files().get(name);
    String found = HexFormat.of().formatHex(digest.digest());
    if (!found.equals(expected)) {
      throw new BundleException(
          String.format(
              "%s: files: hash differs (expected %s…, found %s…)",
              path(name), expected.substring(0, SHOWN_DIGITS), found.substring(0, SHOWN_DIGITS)));
    }
    return result;
  }

  /** Reads a file that lies in the folder, links followed. */
  private <T> T readInside(String name, long limit, Reading<T> reading) {
    Path file = folder.resolve(name);
    try {
      Path target = file.toRealPath();
      if (!target.startsWith(folder.toRealPath())) {
        throw new BundleException(file + ": files: is a link that leaves the folder");
      }
      // A pipe or a device could be read for ever.
      if (!Files.isRegularFile(target)) {
        throw new BundleException(file + ": is no file");
      }
      if (Files.size(target) > limit) {
        throw new BundleException(file + ": is larger than " + limit + " bytes");
      }
      try (InputStream stream = Files.newInputStream(target)) {
        return reading.read(stream);
      }
    } catch (NoSuchFileException error) {
      throw new BundleException(file + ": cannot be read (no such file)", error);
    } catch (IOException error) {
      throw new BundleException(file + ": cannot be read (" + error.getMessage() + ")", error);
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException error) {
      throw new AssertionError("every Java platform has SHA-256", error);
    }
  }

  private interface Reading<T> {
    T read(InputStream stream) throws IOException;
  }
}
