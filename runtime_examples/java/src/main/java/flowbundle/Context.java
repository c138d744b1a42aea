package flowbundle;

import flowbundle.InputException.Code;
import flowbundle.Manifest.ContextFeature;
import java.util.List;

/** The context of a call, a block of rows at a time. */
interface Context {
  /** The part that belongs to a block; null for a model without context. */
  Rows block(long start, int rows);

  /**
   * Checks a context: its presence, shape and codes.
   *
   * @param given one row for all, or a row each; may be null
   * @param count rows of the call
   * @throws InputException for what does not fit
   */
  static Context of(Manifest manifest, Rows given, long count) {
    List<ContextFeature> columns = manifest.context();
    if (given == null && columns.isEmpty()) {
      return (start, rows) -> null;
    }
    if (given == null) {
      List<String> names = columns.stream().map(ContextFeature::name).toList();
      throw new InputException(Code.MISSING_CONTEXT, "context: this model needs " + names);
    }
    if (columns.isEmpty()) {
      throw new InputException(Code.WRONG_SHAPE, "context: this model takes none");
    }
    given.requireShape("context", List.of(columns.size()));
    if (given.count() != count && given.count() != 1) {
      throw new InputException(
          Code.WRONG_SHAPE, "context: " + given.count() + " rows, expected 1 or " + count);
    }
    for (int index = 0; index < given.size(); index++) {
      ContextFeature column = columns.get(index % columns.size());
      if (!column.admits(given.get(index))) {
        String message = "context: " + column.name() + ": no category has the code ";
        throw new InputException(Code.UNKNOWN_CATEGORY, message + given.get(index));
      }
    }
    if (given.count() == count) {
      return (start, rows) -> given.slice((int) start, rows);
    }
    int most = (int) Math.min(count, Model.BLOCK_ROWS);
    Rows repeated = Rows.allocate(given.isWide(), most, List.of(columns.size()));
    for (int index = 0; index < repeated.size(); index++) {
      repeated.put(index, given.get(index % columns.size()));
    }
    return (start, rows) -> repeated.slice(0, rows);
  }
}
