package flowbundle.program;

import flowbundle.BundleException;
import flowbundle.Draw;
import flowbundle.Model;
import flowbundle.Rows;
import java.io.BufferedWriter;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.Reader;
import java.io.Writer;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;

/** The four commands of the contract, and the one line of whatever goes wrong. */
public final class Main {
  private static final String USAGE =
      "usage: run.sh golden BUNDLE | score BUNDLE < rows.csv | bench BUNDLE"
          + " | sample BUNDLE N SEED [TEMPERATURE] [--context V1,V2,…]; all: [--digest HEX]";

  private static final int DONE = 0;
  private static final int CASE_FAILED = 1;
  private static final int REFUSED = 2;

  private final Writer out =
      new BufferedWriter(
          new OutputStreamWriter(new FileOutputStream(FileDescriptor.out), StandardCharsets.UTF_8));
  private final PrintStream errors =
      new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);

  /** The bundle's, where it is pinned. */
  private String digest;

  private Main() {}

  public static void main(String[] arguments) {
    System.exit(new Main().status(List.of(arguments)));
  }

  /** Runs a command, and says in one line what was wrong with it. */
  private int status(List<String> arguments) {
    try {
      int status = run(new ArrayList<>(arguments));
      out.flush();
      return status;
    } catch (BundleException | IllegalArgumentException | TableException error) {
      return refused(error.getMessage());
    } catch (OutOfMemoryError error) {
      return refused("out of memory");
    } catch (IOException error) {
      return unwritten(error);
    }
  }

  private int refused(String message) {
    try {
      out.flush();
    } catch (IOException error) {
      return unwritten(error);
    }
    errors.println("flow: " + oneLine(message));
    return REFUSED;
  }

  /** Whoever read our output may have had enough; anything else, such as a full disk, is told. */
  private int unwritten(IOException error) {
    if ("Broken pipe".equals(error.getMessage())) {
      return DONE;
    }
    errors.println("flow: standard output: cannot be written (" + error.getMessage() + ")");
    return REFUSED;
  }

  /** The command that the arguments name. */
  private int run(List<String> arguments) throws IOException {
    int pin = arguments.indexOf("--digest");
    if (pin >= 0) {
      arguments.remove(pin);
      if (pin == arguments.size()) {
        throw new IllegalArgumentException(USAGE);
      }
      digest = arguments.remove(pin);
      if (!digest.matches("[0-9a-f]{64}")) {
        throw new IllegalArgumentException(
            "--digest: \"" + digest + "\" is no SHA-256 in lower-case hex");
      }
    }
    String command = arguments.isEmpty() ? "" : arguments.remove(0);
    if (command.equals("sample")) {
      String context = null;
      int option = arguments.indexOf("--context");
      if (option >= 0 && option + 1 < arguments.size()) {
        context = arguments.remove(option + 1);
        arguments.remove(option);
      }
      if (arguments.size() == 3) {
        arguments.add("1");
      }
      if (arguments.size() == 4) {
        return sample(arguments, context);
      }
      throw new IllegalArgumentException(USAGE);
    }
    if (arguments.size() != 1) {
      throw new IllegalArgumentException(USAGE);
    }
    Path bundle = Path.of(arguments.get(0));
    return switch (command) {
      case "golden" -> golden(bundle);
      case "score" -> score(bundle);
      case "bench" -> bench(bundle);
      default -> throw new IllegalArgumentException(USAGE);
    };
  }

  private int golden(Path bundle) throws IOException {
    try (Model model = Model.open(bundle, 1, digest)) {
      List<Golden.Outcome> outcomes = new ArrayList<>();
      new Golden(model).replay(outcomes::add);
      long failed = outcomes.stream().filter(outcome -> !outcome.passed()).count();
      for (Golden.Outcome outcome : outcomes) {
        String verdict = outcome.passed() ? "passed" : "failed";
        String name = oneLine(outcome.name());
        out.write(String.join("\t", name, outcome.found(), outcome.bound(), verdict) + "\n");
      }
      out.write("passed " + (outcomes.size() - failed) + ", failed " + failed + "\n");
      return failed == 0 ? DONE : CASE_FAILED;
    }
  }

  private int score(Path bundle) throws IOException {
    try (Model model = Model.open(bundle, 1, digest)) {
      boolean hasReference = model.manifest().quantiles() != null;
      if (!hasReference) {
        errors.println("flow: the bundle has no reference rows, so there are no percentiles");
      }
      Reader input = new InputStreamReader(System.in, StandardCharsets.UTF_8.newDecoder());
      Table table = new Table(model.manifest(), input, "standard input");
      // The header goes out with the first block, so that a bad first row gives nothing at all.
      Table.Block block = table.next();
      out.write(Csv.record(hasReference ? List.of("log_prob", "percentile") : List.of("log_prob")));
      for (; block != null; block = table.next()) {
        for (double score : model.logProb64(block.x(), block.context())) {
          out.write(Numbers.format(score, model.manifest().isWide()));
          out.write(hasReference ? "," + Numbers.format(model.percentile(score)) + "\n" : "\n");
        }
      }
      return DONE;
    }
  }

  private int sample(List<String> arguments, String contextText) throws IOException {
    long count = whole("N", arguments.get(1), Long.SIZE - 1);
    long seed = whole("SEED", arguments.get(2), Long.SIZE);
    float temperature = (float) Table.number(arguments.get(3));
    if (!(temperature >= 0 && temperature <= 1e6f)) {
      throw new IllegalArgumentException(
          "TEMPERATURE: expected a number from 0 to 1000000, got \"" + arguments.get(3) + "\"");
    }
    try (Model model = Model.open(Path.of(arguments.get(0)), 1, digest)) {
      Rows context =
          contextText == null ? null : Table.context(model.manifest(), contextText, "--context");
      Iterator<Rows> blocks = model.sampleBlocks(count, new Draw(seed, temperature, context));
      out.write(Csv.record(model.manifest().features()));
      int width = model.manifest().features().size();
      while (blocks.hasNext()) {
        Rows x = blocks.next();
        for (int index = 0; index < x.size(); index++) {
          out.write(Numbers.format(x.get(index), x.isWide()));
          out.write((index + 1) % width == 0 ? '\n' : ',');
        }
      }
      return DONE;
    }
  }

  private int bench(Path bundle) throws IOException {
    try (Model model = Model.open(bundle, 1, digest)) {
      int columns = model.manifest().context().size();
      // Zero is a number, and a code, that every model takes as a context.
      Rows context = columns == 0 ? null : Rows.allocate(1, columns);
      Draw draw = new Draw(0, context);
      out.write(Csv.record(List.of("graph", "rows", "microseconds")));
      for (int rows : new int[] {1, 1000}) {
        Rows x = model.sample(rows, draw);
        writeTime("log_prob", rows, () -> model.logProb(x, context));
        writeTime("sample", rows, () -> model.sample(rows, draw));
      }
      return DONE;
    }
  }

  private void writeTime(String graph, int rows, Runnable call) throws IOException {
    double median = Bench.medianMicroseconds(call);
    out.write(String.format(Locale.ROOT, "%s,%d,%.1f%n", graph, rows, median));
  }

  /** A whole number from 0, of so many bits. */
  private static long whole(String name, String text, int bits) {
    if (!text.matches("[0-9]{1,20}") || new BigInteger(text).bitLength() > bits) {
      throw new IllegalArgumentException(
          name + ": expected a whole number of " + bits + " bits, got \"" + text + "\"");
    }
    return Long.parseUnsignedLong(text);
  }

  /** Text from a bundle or a table, without what could break a line or steer a terminal. */
  private static String oneLine(String text) {
    return text.replaceAll("\\p{Cntrl}+", " ");
  }
}
