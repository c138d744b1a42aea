package flowbundle.program;

import flowbundle.BundleException;
import flowbundle.Draw;
import flowbundle.Manifest;
import flowbundle.Manifest.ContextFeature;
import flowbundle.Model;
import flowbundle.Rows;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.Writer;
import java.nio.DoubleBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * An example of the library: scores the rows of a table, or draws samples. Tables are plain: a line
 * of names, then lines of numbers, and of labels where a column of the context has categories, with
 * commas between.
 */
public final class Main {
  private static final String USAGE =
      "usage: score BUNDLE < rows.csv | sample BUNDLE N SEED; golden, bench and all options need"
          + " Python 3.11 or later";

  private final Model model;
  private final Manifest manifest;
  private final Writer out;

  private Main(Model model, Writer out) {
    this.model = model;
    this.manifest = model.manifest();
    this.out = out;
  }

  public static void main(String[] arguments) {
    try {
      System.exit(run(arguments));
    } catch (BundleException | IllegalArgumentException error) {
      refuse(error.getMessage());
    } catch (IOException error) {
      refuse("standard input or output: " + error.getMessage());
    }
  }

  private static void refuse(String message) {
    PrintStream errors =
        new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);
    errors.println("flow: " + message.replaceAll("\\p{Cntrl}+", " "));
    System.exit(2);
  }

  private static int run(String[] arguments) throws IOException {
    String verb = arguments.length < 2 ? "" : arguments[0];
    if (verb.equals("run")) { // what ../drive.sh asks for
      return new Run().answerAll(Path.of(arguments[1]), arguments.length > 2 ? arguments[2] : null);
    }
    boolean scores = verb.equals("score") && arguments.length == 2;
    if (!scores && !(verb.equals("sample") && arguments.length == 4)) {
      throw new IllegalArgumentException(USAGE);
    }
    Writer out =
        new BufferedWriter(
            new OutputStreamWriter(
                new FileOutputStream(FileDescriptor.out), StandardCharsets.UTF_8));
    try (Model model = Model.open(Path.of(arguments[1]))) {
      Main main = new Main(model, out);
      if (scores) {
        main.score(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)));
      } else {
        main.sample(Long.parseLong(arguments[2]), Long.parseUnsignedLong(arguments[3]));
      }
    }
    out.flush();
    return 0;
  }

  private void sample(long count, long seed) throws IOException {
    Iterator<Rows> blocks = model.sampleBlocks(count, new Draw(seed));
    out.write(String.join(",", manifest.features()) + "\n");
    int width = manifest.features().size();
    while (blocks.hasNext()) {
      Rows x = blocks.next();
      for (int index = 0; index < x.size(); index++) {
        out.write(text(x.get(index)) + ((index + 1) % width == 0 ? "\n" : ","));
      }
    }
  }

  private void score(BufferedReader lines) throws IOException {
    List<String> header = cells(lines.readLine());
    List<ContextFeature> columns = new ArrayList<>();
    manifest.features().forEach(name -> columns.add(new ContextFeature(name, null)));
    columns.addAll(manifest.context());
    for (ContextFeature column : columns) {
      if (!header.contains(column.name())) {
        throw new IllegalArgumentException("standard input: no column " + column.name());
      }
    }
    out.write(manifest.quantiles() == null ? "log_prob\n" : "log_prob,percentile\n");
    List<double[]> rows = new ArrayList<>();
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      List<String> cells = cells(line);
      if (cells.size() != header.size()) {
        throw new IllegalArgumentException(
            "standard input: expected " + header.size() + " cells: " + line);
      }
      rows.add(
          columns.stream()
              .mapToDouble(column -> value(cells.get(header.indexOf(column.name())), column))
              .toArray());
      if (rows.size() == Model.BLOCK_ROWS) {
        writeScores(rows);
        rows.clear();
      }
    }
    writeScores(rows);
  }

  private void writeScores(List<double[]> rows) throws IOException {
    int width = manifest.features().size();
    int columns = manifest.context().size();
    DoubleBuffer x = DoubleBuffer.allocate(rows.size() * width);
    DoubleBuffer context = DoubleBuffer.allocate(rows.size() * columns);
    for (double[] row : rows) {
      x.put(row, 0, width);
      context.put(row, width, columns);
    }
    List<Integer> event = manifest.eventShape();
    int[] shape = new int[event.size() + 1];
    shape[0] = rows.size();
    for (int axis = 0; axis < event.size(); axis++) {
      shape[axis + 1] = event.get(axis);
    }
    Rows given = columns == 0 ? null : Rows.of(context.flip(), rows.size(), columns);
    for (double score : model.logProb64(Rows.of(x.flip(), shape), given)) {
      out.write(text(score));
      out.write(manifest.quantiles() == null ? "\n" : "," + model.percentile(score) + "\n");
    }
  }

  private static List<String> cells(String line) {
    if (line != null && line.contains("\"")) {
      throw new IllegalArgumentException(
          "standard input: quotes need Python; see README.md: " + line);
    }
    return line == null ? List.of() : List.of(line.split(",", -1));
  }

  private double value(String cell, ContextFeature column) {
    return column.categories() == null
        ? Double.parseDouble(cell)
        : model.category(column.name(), cell);
  }

  /** A number of the bundle's type. */
  private String text(double number) {
    if (Double.isInfinite(number)) {
      return number < 0 ? "-inf" : "inf";
    }
    return manifest.isWide() ? Double.toString(number) : Float.toString((float) number);
  }
}
