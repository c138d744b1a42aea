package flowbundle;

import flowbundle.Manifest.ContextFeature;
import flowbundle.Manifest.Direction;
import flowbundle.Manifest.GoldenCase;
import flowbundle.Manifest.GoldenNoise;
import flowbundle.Manifest.GraphFile;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Reads flow.json, and holds it to the format and to itself; unknown keys are passed over. */
final class ManifestReader {
  static final String FORMAT = "flowexport/1";

  /** A larger flow.json is refused before it is parsed. */
  static final int MOST_BYTES = 4 << 20;

  /** More columns than any context has: without names, a few bytes could ask for an immense one. */
  private static final int WIDEST_CONTEXT = 65_536;

  private static final Pattern SHA_256 = Pattern.compile("[0-9a-f]{64}");
  private static final Pattern SEED = Pattern.compile("[0-9]{1,20}");

  private final Key root;
  private final Map<String, String> files;

  private ManifestReader(Key root) {
    this.root = root;
    this.files = root.get("files").map(ManifestReader::hash);
  }

  /**
   * Reads a flow.json.
   *
   * @param file its path, for messages
   * @throws BundleException naming the key
   */
  static Manifest read(byte[] json, String file) {
    Key root = Key.parse(json, file);
    // Another format may have any keys, so it is told apart before they are looked at.
    root.get("format").oneOf(FORMAT);
    root.get("dtype").oneOf("float32");
    return new ManifestReader(root).manifest();
  }

  private Manifest manifest() {
    for (String name : files.keySet()) {
      if (!isPlain(name)) {
        throw root.get("files").fault("\"" + Key.shown(name) + "\" leaves the folder");
      }
    }
    root.get("description").text();
    root.get("architecture").map(key -> key);
    root.get("provenance").map(Key::text);
    root.optional("levels").ifPresent(levels -> levels.whole(1));
    List<Integer> eventShape = root.get("event_shape").list(1, 3, size -> size.whole(1));
    // The scale before the names: its length bounds the width, which a few bytes could make
    // immense.
    List<Double> scale = scale(eventShape);
    int latentSize = root.get("latent_size").whole(1);
    List<ContextFeature> context = context();
    Map<String, List<Integer>> given =
        context.isEmpty() ? Map.of() : Map.of("context", List.of(context.size()));
    Key golden = root.get("golden");
    return new Manifest(
        root.get("name").text(),
        eventShape,
        latentSize,
        features(scale.size()),
        context,
        Map.of(
            Direction.LOG_PROB, graph(Direction.LOG_PROB, eventShape, List.of(), given),
            Direction.SAMPLE, graph(Direction.SAMPLE, List.of(latentSize), eventShape, given)),
        files,
        scale,
        root.get("reference").orNull(ManifestReader::quantiles),
        golden.get("cases").list(0, 1000, this::goldenCase),
        listed(golden.get("log_prob_of_sample")),
        golden.get("noise").list(0, 100, this::goldenNoise),
        root.optional("selector").map(Key::truth).orElse(false));
  }

  /** Whether a file name is relative, of forward slashes, and goes nowhere but down. */
  static boolean isPlain(String name) {
    return name.chars()
            .noneMatch(character -> character == '\\' || character == ':' || character == 0)
        && Stream.of(name.split("/", -1)).noneMatch(List.of("", ".", "..")::contains);
  }

  private List<Double> scale(List<Integer> eventShape) {
    Key scale = root.get("scale");
    List<Double> entries =
        scale.list(
            0,
            Integer.MAX_VALUE,
            entry -> {
              if (entry.number() <= 0) {
                throw entry.fault("must be positive");
              }
              return entry.number();
            });
    BigInteger width =
        eventShape.stream().map(BigInteger::valueOf).reduce(BigInteger.ONE, BigInteger::multiply);
    if (!width.equals(BigInteger.valueOf(entries.size()))) {
      throw scale.fault("expected " + width + " entries, got " + entries.size());
    }
    return entries;
  }

  private List<String> features(int width) {
    List<String> names = root.get("features").orNull(key -> key.list(width, width, Key::text));
    return names != null ? names : numbered("x", width);
  }

  private List<ContextFeature> context() {
    int size = (int) root.get("context_size").whole(0, WIDEST_CONTEXT);
    List<ContextFeature> features =
        root.get("context_features")
            .orNull(key -> key.list(size, size, ManifestReader::contextFeature));
    return features != null
        ? features
        : numbered("c", size).stream().map(name -> new ContextFeature(name, null)).toList();
  }

  private static ContextFeature contextFeature(Key key) {
    List<String> categories =
        key.optional("categories")
            .map(names -> names.list(1, Integer.MAX_VALUE, Key::text))
            .orElse(null);
    return new ContextFeature(key.get("name").text(), categories);
  }

  private static List<String> numbered(String letter, int count) {
    return IntStream.range(0, count).mapToObj(index -> letter + index).toList();
  }

  /** A graph, whose tensors must be those of the model. */
  private GraphFile graph(
      Direction direction,
      List<Integer> input,
      List<Integer> output,
      Map<String, List<Integer>> given) {
    Key graph = root.get("graphs").get(direction.key());
    graph.get("opset").whole(1);
    Map<String, List<Integer>> inputs = new TreeMap<>(given);
    inputs.put(direction.input(), input);
    requireTensors(graph.get("inputs"), inputs);
    requireTensors(graph.get("outputs"), Map.of(direction.output(), output));
    Key tolerance = root.get("tolerance").get(direction.key());
    return new GraphFile(
        listed(graph.get("file")), bound(tolerance.get("atol")), bound(tolerance.get("rtol")));
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

  private static List<Double> quantiles(Key reference) {
    reference.get("rows").whole(1);
    Key key = reference.get("log_prob_quantiles");
    List<Double> quantiles = key.list(101, 101, Key::number);
    if (!quantiles.stream().sorted().toList().equals(quantiles)) {
      throw key.fault("must be ascending");
    }
    return quantiles;
  }

  private GoldenCase goldenCase(Key key) {
    Direction graph =
        key.get("graph").oneOf("log_prob", "sample").equals("log_prob")
            ? Direction.LOG_PROB
            : Direction.SAMPLE;
    Map<String, String> inputs = key.get("inputs").map(this::listed);
    key.get("inputs").get(graph.input());
    Optional<Key> expected = key.optional("expected");
    Optional<Key> error = key.optional("error");
    if (expected.isPresent() == error.isPresent()) {
      throw key.fault("needs either expected or error");
    }
    return new GoldenCase(
        key.get("name").text(),
        graph,
        inputs,
        expected.map(output -> listed(output.get(graph.output()))).orElse(null),
        error.map(code -> code.oneOf("wrong_shape", "missing_context", "wrong_dtype")).orElse(null),
        key.optional("rows").map(rows -> rows.list(2, 2, row -> row.whole(0))).orElse(null));
  }

  private GoldenNoise goldenNoise(Key key) {
    Key seed = key.get("seed");
    if (!SEED.matcher(seed.text()).matches()
        || new BigInteger(seed.text()).bitLength() > Long.SIZE) {
      throw seed.fault("expected a whole number below 2^64 in decimal");
    }
    return new GoldenNoise(
        Long.parseUnsignedLong(seed.text()),
        key.get("start").whole(0, Long.MAX_VALUE),
        listed(key.get("file")));
  }

  private static String hash(Key key) {
    if (!SHA_256.matcher(key.text()).matches()) {
      throw key.fault("expected a SHA-256 in lower-case hexadecimal");
    }
    return key.text();
  }

  /** The name of a file, which must be among {@code files}. */
  private String listed(Key key) {
    if (!files.containsKey(key.text())) {
      throw key.fault("\"" + Key.shown(key.text()) + "\" is not listed in files");
    }
    return key.text();
  }
}
