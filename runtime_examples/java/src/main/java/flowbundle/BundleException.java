package flowbundle;

/**
 * A bundle breaks the format: a file, a key, a type, a hash, or a graph that cannot be run. The
 * message is one line that names file and key.
 */
public class BundleException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public BundleException(String message) {
    super(message);
  }

  public BundleException(String message, Throwable cause) {
    super(message, cause);
  }
}
