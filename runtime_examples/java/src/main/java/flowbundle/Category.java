package flowbundle;

import flowbundle.InputException.Code;
import flowbundle.Manifest.ContextFeature;
import java.util.List;
import java.util.regex.Pattern;

/** Categories of a context, by their labels. */
final class Category {
  private static final Pattern DECIMAL =
      Pattern.compile(" *[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)? *");

  private Category() {}

  /** The code of a label, as {@link Model#category} has it. */
  static float code(List<ContextFeature> columns, String column, String label) {
    List<String> labels =
        columns.stream()
            .filter(each -> each.name().equals(column) && each.categories() != null)
            .findFirst()
            .map(ContextFeature::categories)
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "context: no column \"" + column + "\" has categories"));
    for (int code = 0; code < labels.size(); code++) {
      if (isSame(labels.get(code), label)) {
        return code;
      }
    }
    throw new InputException(
        Code.UNKNOWN_CATEGORY, "context: " + column + ": \"" + label + "\" is no category");
  }

  private static boolean isSame(String label, String other) {
    boolean numbers = DECIMAL.matcher(label).matches() && DECIMAL.matcher(other).matches();
    return trimmed(label).equals(trimmed(other))
        || (numbers && Double.parseDouble(label) == Double.parseDouble(other));
  }

  /** Without the spaces around it, and nothing but spaces. */
  private static String trimmed(String text) {
    return text.replaceAll("^ +| +$", "");
  }
}
