package flowbundle;

/**
 * A bundle breaks the format: a file, a key, a type, a hash, or a graph that cannot be run. The
 * message is one line that names file and key.
 */
public class BundleException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public BundleException(String path, String fault) {
    this(path, fault, null);
  }

  /**
   * A fault, cut to what fits a line.
   *
   * @param path of the file
   * @param fault begins with the key, where there is one; may quote what the bundle says
   */
  public BundleException(String path, String fault, Throwable cause) {
    super(path + ": " + String.format("%.300s", fault).replaceAll("\\p{Cntrl}+", " "), cause);
  }
}
