package flowbundle.program;

import flowbundle.BundleException;
import flowbundle.Key;
import flowbundle.Manifest;
import flowbundle.Manifest.Direction;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The rest of flow.json, which the library does not go on to use: the golden cases, how near they
 * must be met, and what else the format asks for.
 */
public final class Contract {
  private static final Pattern SEED = Pattern.compile("[0-9]{1,20}");

  /**
   * Inputs, and what is expected of them.
   *
   * @param inputs tensor → file
   * @param expected the file of the output, or null where an error is expected
   * @param error the error's code, or null
   * @param rows start and stop of the rows that count, or null for all
   */
  record Case(
      String name,
      Direction graph,
      Map<String, String> inputs,
      String expected,
      String error,
      List<Integer> rows) {}

  /** Normals number {@code start} onwards of a seed, which is unsigned. */
  record NoisePart(long seed, long start, String file) {}

  /**
   * What a golden case may differ by.
   *
   * @param atol for samples in units of the scale
   * @param rtol relative to what is expected
   */
  record Tolerance(double atol, double rtol) {}

  private final Set<String> files;
  final List<Double> scale;
  final Map<Direction, Tolerance> tolerances = new TreeMap<>();
  final List<Case> cases;
  final String logProbOfSample;
  final List<NoisePart> noise;

  /**
   * Reads it.
   *
   * @param root the whole flow.json, of which the manifest was read
   * @throws BundleException naming the key
   */
  public Contract(Manifest manifest, Key root) {
    files = manifest.files().keySet();
    root.get("description").text();
    root.get("architecture").map(key -> key);
    root.get("provenance").map(Key::text);
    root.optional("levels").ifPresent(levels -> levels.whole(1));
    root.optional("reference").ifPresent(reference -> reference.get("rows").whole(1));
    scale = root.get("scale").list(0, Integer.MAX_VALUE, Contract::positive);
    for (Direction direction : Direction.values()) {
      Key graph = root.get("graphs").get(direction.key);
      Key tolerance = root.get("tolerance").get(direction.key);
      graph.get("opset").whole(1);
      requireTensors(graph.get("inputs"), manifest.inputs(direction));
      requireTensors(graph.get("outputs"), manifest.outputs(direction));
      tolerances.put(
          direction, new Tolerance(bound(tolerance.get("atol")), bound(tolerance.get("rtol"))));
    }
    Key golden = root.get("golden");
    cases = golden.get("cases").list(0, 1000, this::readCase);
    logProbOfSample = golden.get("log_prob_of_sample").oneOf(files);
    noise = golden.get("noise").list(0, 100, this::readNoise);
  }

  /** Holds inputs or outputs, in any order, to what the model needs. */
  private static void requireTensors(Key tensors, Map<String, List<Integer>> expected) {
    Map<String, List<String>> found = new TreeMap<>();
    Map<String, List<String>> wanted = new TreeMap<>();
    tensors
        .list(1, 2, tensor -> Map.entry(tensor.get("name").text(), shape(tensor)))
        .forEach(tensor -> found.put(tensor.getKey(), tensor.getValue()));
    expected.forEach(
        (name, shape) ->
            wanted.put(
                name,
                Stream.concat(Stream.of("batch"), shape.stream().map(String::valueOf)).toList()));
    if (!found.equals(wanted)) {
      throw tensors.fault("expected " + wanted + ", got " + found);
    }
  }

  private static List<String> shape(Key tensor) {
    tensor.get("dtype").oneOf("float32");
    return tensor
        .get("shape")
        .list(1, 4, axis -> axis.isText() ? axis.text() : String.valueOf(axis.whole(1)));
  }

  private static double bound(Key key) {
    if (key.number() < 0) {
      throw key.fault("must not be negative");
    }
    return key.number();
  }

  private static double positive(Key key) {
    if (key.number() <= 0) {
      throw key.fault("must be positive");
    }
    return key.number();
  }

  private Case readCase(Key key) {
    Direction graph =
        key.get("graph").oneOf("log_prob", "sample").equals("log_prob")
            ? Direction.LOG_PROB
            : Direction.SAMPLE;
    Map<String, String> inputs = key.get("inputs").map(file -> file.oneOf(files));
    key.get("inputs").get(graph.input);
    Optional<Key> expected = key.optional("expected");
    Optional<Key> error = key.optional("error");
    if (expected.isPresent() == error.isPresent()) {
      throw key.fault("needs either expected or error");
    }
    return new Case(
        key.get("name").text(),
        graph,
        inputs,
        expected.map(output -> output.get(graph.output).oneOf(files)).orElse(null),
        error.map(code -> code.oneOf("wrong_shape", "missing_context", "wrong_dtype")).orElse(null),
        key.optional("rows").map(rows -> rows.list(2, 2, row -> row.whole(0))).orElse(null));
  }

  private NoisePart readNoise(Key key) {
    Key seed = key.get("seed");
    if (!SEED.matcher(seed.text()).matches()
        || new BigInteger(seed.text()).bitLength() > Long.SIZE) {
      throw seed.fault("expected a whole number below 2^64 in decimal");
    }
    return new NoisePart(
        Long.parseUnsignedLong(seed.text()),
        key.get("start").whole(0, Long.MAX_VALUE),
        key.get("file").oneOf(files));
  }
}
