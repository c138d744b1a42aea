package flowbundle;

/** Numbers handed to a model do not fit it; {@link #code} says how. */
public class InputException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  /** What does not fit. */
  public enum Code {
    WRONG_SHAPE,
    MISSING_CONTEXT,
    WRONG_DTYPE,
    UNKNOWN_CATEGORY
  }

  private final Code code;

  public InputException(Code code, String message) {
    super(message);
    this.code = code;
  }

  public Code code() {
    return code;
  }
}
