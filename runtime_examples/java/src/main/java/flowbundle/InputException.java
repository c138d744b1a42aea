package flowbundle;

import java.util.Locale;

/** Numbers handed to a model do not fit it; {@link #code} says how. */
public class InputException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  /** What does not fit. */
  public enum Code {
    WRONG_SHAPE,
    MISSING_CONTEXT,
    WRONG_DTYPE,
    UNKNOWN_CATEGORY;

    /** The name that golden cases give it, such as {@code wrong_shape}. */
    public String inGoldenCases() {
      return name().toLowerCase(Locale.ROOT);
    }
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
