package flowbundle.program;

import flowbundle.Manifest;
import flowbundle.Manifest.ContextFeature;
import flowbundle.Model;
import flowbundle.Rows;
import java.io.Reader;
import java.io.StringReader;
import java.nio.DoubleBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Rows of a CSV as a model takes them, a block at a time. */
final class Table {
  private static final Pattern NUMBER =
      Pattern.compile("[+-]?+(?:[0-9]++(?:\\.[0-9]*+)?|\\.[0-9]++)(?:[eE][+-]?+[0-9]++)?");

  private static final int SHOWN_LENGTH = 40;

  /**
   * Rows of x, and the context of each.
   *
   * @param context null for a model without
   */
  record Block(Rows x, Rows context) {}

  private final Csv csv;
  private final List<ContextFeature> columns;
  private final int[] places;
  private final int width;
  private final int[] shape;
  private final boolean wide;
  private final int cellCount;

  /**
   * A table with a header: columns by name, in any order, others passed over.
   *
   * @param where its name, for messages
   * @throws TableException for a missing column
   */
  Table(Manifest manifest, Reader reader, String where) {
    csv = new Csv(reader, where);
    wide = manifest.isWide();
    columns =
        Stream.concat(
                manifest.features().stream().map(name -> new ContextFeature(name, null)),
                manifest.context().stream())
            .toList();
    width = manifest.features().size();
    shape =
        Stream.concat(Stream.of(0), manifest.eventShape().stream())
            .mapToInt(axis -> axis)
            .toArray();
    List<String> header = csv.read();
    List<String> names = header == null ? List.of() : header;
    cellCount = names.size();
    names.stream()
        .filter(name -> names.indexOf(name) != names.lastIndexOf(name))
        .findFirst()
        .ifPresent(
            name -> {
              throw new TableException(where + ": two columns \"" + name + "\" in the header");
            });
    places = columns.stream().mapToInt(column -> place(names, column.name(), where)).toArray();
  }

  /**
   * The next rows, {@link Model#BLOCK_ROWS} at most, or null at the end.
   *
   * @throws TableException for a cell, by its row (the first is 1) and column
   */
  Block next() {
    List<double[]> rows = new ArrayList<>();
    List<String> cells = null;
    while (rows.size() < Model.BLOCK_ROWS && (cells = csv.read()) != null) {
      if (cells.size() != cellCount) {
        String found = "expected " + cellCount + " cells, got " + cells.size();
        throw new TableException(csv.place() + ": " + found);
      }
      double[] row = new double[columns.size()];
      for (int column = 0; column < row.length; column++) {
        row[column] =
            value(cells.get(places[column]), columns.get(column), csv.place(), wide, false);
      }
      rows.add(row);
    }
    if (rows.isEmpty()) {
      return null;
    }
    DoubleBuffer x = DoubleBuffer.allocate(rows.size() * width);
    DoubleBuffer context = DoubleBuffer.allocate(rows.size() * (columns.size() - width));
    for (double[] row : rows) {
      x.put(row, 0, width);
      context.put(row, width, row.length - width);
    }
    shape[0] = rows.size();
    return new Block(
        Rows.of(x.flip(), shape),
        columns.size() == width
            ? null
            : Rows.of(context.flip(), rows.size(), columns.size() - width));
  }

  /**
   * A context as it is written: numbers, and of a categorical column its name or code.
   *
   * @return {@code [1, context]}
   * @throws TableException for another number of values, or naming the column
   */
  static Rows context(Manifest manifest, String text, String where) {
    List<String> record = new Csv(new StringReader(text), where).read();
    List<String> cells = record == null ? List.of("") : record;
    List<ContextFeature> columns = manifest.context();
    if (cells.size() != columns.size()) {
      throw new TableException(
          where + ": this model takes " + columns.size() + " values, got " + cells.size());
    }
    double[] values = new double[cells.size()];
    for (int column = 0; column < values.length; column++) {
      values[column] =
          value(cells.get(column), columns.get(column), where, manifest.isWide(), true);
    }
    return Rows.of(values);
  }

  /** A number in decimal, or NaN. */
  static double number(String text) {
    return NUMBER.matcher(text).matches() ? Double.parseDouble(text) : Double.NaN;
  }

  private static String trim(String text) {
    return text.replaceAll("^ +| +$", "");
  }

  private static int place(List<String> header, String name, String where) {
    int place = header.indexOf(name);
    if (place < 0) {
      throw new TableException(where + ": no column \"" + name + "\" in the header");
    }
    return place;
  }

  /**
   * A finite number, or the code of a category, whose label the cell holds. Labels that are numbers
   * are compared as numbers.
   *
   * @param coded whether a code will do as well, where no label is a number
   */
  private static double value(
      String cell, ContextFeature column, String where, boolean wide, boolean coded) {
    String text = trim(cell);
    List<String> categories = column.categories();
    double value = number(text);
    if (categories != null) {
      double given = value;
      List<String> labels = categories.stream().map(Table::trim).toList();
      int code =
          IntStream.range(0, labels.size())
              .filter(i -> labels.get(i).equals(text) || number(labels.get(i)) == given)
              .findFirst()
              .orElse(-1);
      boolean plain = labels.stream().allMatch(label -> Double.isNaN(number(label)));
      value = code >= 0 ? code : coded && plain ? value : Double.NaN;
    }
    if (!Double.isFinite(wide ? value : (float) value) || !column.admits(value)) {
      String wanted =
          categories == null ? "a finite number" : "one of " + String.join(", ", categories);
      String shown = text.substring(0, Math.min(text.length(), SHOWN_LENGTH));
      throw new TableException(
          where + ": column " + column.name() + ": expected " + wanted + ", got \"" + shown + "\"");
    }
    return value;
  }
}
