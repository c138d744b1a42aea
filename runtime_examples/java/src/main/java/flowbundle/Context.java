package flowbundle;

import flowbundle.InputException.Code;
import flowbundle.Manifest.ContextFeature;
import java.nio.FloatBuffer;
import java.util.List;

/** The context of a call: none, one row for all, or a row each. */
final class Context {
  private final Rows rows;
  private final boolean oneForAll;

  private Context(Rows rows, boolean oneForAll) {
    this.rows = rows;
    this.oneForAll = oneForAll;
  }

  /**
   * Checks a context: its presence, shape and codes.
   *
   * @param given may be null
   * @param count rows of the call
   * @throws InputException for what does not fit
   */
  static Context of(Manifest manifest, Rows given, long count) {
    List<ContextFeature> columns = manifest.context();
    if (given == null) {
      if (columns.isEmpty()) {
        return new Context(null, true);
      }
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
    for (int column = 0; column < columns.size(); column++) {
      requireCodes(columns.get(column), given.data(), column, columns.size());
    }
    return given.count() == count
        ? new Context(given, false)
        : new Context(repeated(given, (int) Math.min(count, Model.BLOCK_ROWS)), true);
  }

  /** The part that belongs to a block, or null where there is no context. */
  Rows block(long start, int count) {
    return rows == null ? null : rows.slice(oneForAll ? 0 : (int) start, count);
  }

  private static void requireCodes(ContextFeature column, FloatBuffer data, int first, int width) {
    if (column.categories() == null) {
      return;
    }
    for (int at = first; at < data.limit(); at += width) {
      float code = data.get(at);
      if (!(code >= 0 && code < column.categories().size() && code == (int) code)) {
        throw new InputException(
            Code.UNKNOWN_CATEGORY,
            String.format(
                "context: %s: expected a code from 0 to %d, got %s",
                column.name(), column.categories().size() - 1, code));
      }
    }
  }

  private static Rows repeated(Rows one, int count) {
    Rows block = Rows.allocate(count, one.data().remaining());
    FloatBuffer data = block.data();
    for (int row = 0; row < count; row++) {
      data.put(one.data());
    }
    return block;
  }
}
