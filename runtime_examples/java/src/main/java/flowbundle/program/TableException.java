package flowbundle.program;

/** A table of rows, or a context, cannot be read; the message says where. */
final class TableException extends RuntimeException {
  private static final long serialVersionUID = 1;

  TableException(String message) {
    super(message);
  }
}
