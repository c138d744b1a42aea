package flowbundle;

import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * {@code flow.json}, as far as a model needs it. Unknown keys are passed over.
 *
 * @param name of the model
 * @param eventShape the shape of one row of x
 * @param latentSize the width of the noise
 * @param features names of the numbers of a row, in C order; {@code x0}, {@code x1}, … where the
 *     bundle has none
 * @param context the columns of the context; none for a model without
 * @param graphs the ONNX file of each direction
 * @param files file → SHA-256
 * @param quantiles 101 ascending ones of log_prob on the reference rows, or null
 * @param selector whether the last column of the noise chooses a component, and takes no
 *     temperature
 */
public record Manifest(
    String name,
    List<Integer> eventShape,
    int latentSize,
    List<String> features,
    List<ContextFeature> context,
    Map<Direction, String> graphs,
    Map<String, String> files,
    List<Double> quantiles,
    boolean selector) {

  /** More columns than any context has: without names, a few bytes could ask for an immense one. */
  private static final int WIDEST_CONTEXT = 65_536;

  private static final Pattern SHA_256 = Pattern.compile("[0-9a-f]{64}");

  /** The two directions of a model, and the tensors that go in, beside the context, and out. */
  public enum Direction {
    LOG_PROB("log_prob", "x", "log_prob"),
    SAMPLE("sample", "z", "x");

    public final String key;
    public final String input;
    public final String output;

    Direction(String key, String input, String output) {
      this.key = key;
      this.input = input;
      this.output = output;
    }
  }

  /**
   * A column of the context: a number, or the code (0, 1, …) of one of its categories.
   *
   * @param categories their names, or null for a number
   */
  public record ContextFeature(String name, List<String> categories) {}

  /** The shape of one row of each input of a graph. */
  public Map<String, List<Integer>> inputs(Direction graph) {
    List<Integer> shape = graph == Direction.LOG_PROB ? eventShape : List.of(latentSize);
    return context.isEmpty()
        ? Map.of(graph.input, shape)
        : Map.of(graph.input, shape, "context", List.of(context.size()));
  }

  /** The shape of one row of what comes out of a graph. */
  public Map<String, List<Integer>> outputs(Direction graph) {
    return Map.of(graph.output, graph == Direction.LOG_PROB ? List.of() : eventShape);
  }

  /**
   * Reads flow.json, and holds what a model needs of it to the format and to itself.
   *
   * @throws BundleException naming the key
   */
  static Manifest read(Key root) {
    // Another format may have any keys, so it is told apart before they are looked at.
    root.get("format").oneOf("flowexport/1");
    root.get("dtype").oneOf("float32");
    Map<String, String> files = root.get("files").map(Manifest::hash);
    for (String name : files.keySet()) {
      if (!isPlain(name)) {
        throw root.get("files").fault("\"" + Key.shown(name) + "\" leaves the folder");
      }
    }
    List<Integer> eventShape = root.get("event_shape").list(1, 3, size -> size.whole(1));
    // The scale before the names: its length bounds the width, which a few bytes could make
    // immense.
    int width = root.get("scale").list(1, Integer.MAX_VALUE, Key::number).size();
    if (eventShape.stream().mapToDouble(axis -> axis).reduce(1, (a, b) -> a * b) != width) {
      throw root.get("scale").fault("expected a number each of " + eventShape + ", got " + width);
    }
    int contexts = (int) root.get("context_size").whole(0, WIDEST_CONTEXT);
    Key graphs = root.get("graphs");
    return new Manifest(
        root.get("name").text(),
        eventShape,
        root.get("latent_size").whole(1),
        root.get("features")
            .orElse(key -> key.list(width, width, Key::text), numbered("x", width).toList()),
        root.get("context_features")
            .orElse(
                key -> key.list(contexts, contexts, Manifest::contextFeature),
                numbered("c", contexts).map(name -> new ContextFeature(name, null)).toList()),
        Map.of(
            Direction.LOG_PROB, graphs.get("log_prob").get("file").oneOf(files.keySet()),
            Direction.SAMPLE, graphs.get("sample").get("file").oneOf(files.keySet())),
        files,
        root.get("reference").orElse(Manifest::quantiles, null),
        root.optional("selector").map(Key::truth).orElse(false));
  }

  /** Whether a file name is relative, of forward slashes, and goes nowhere but down. */
  static boolean isPlain(String name) {
    return name.chars()
            .noneMatch(character -> character == '\\' || character == ':' || character == 0)
        && Stream.of(name.split("/", -1)).noneMatch(List.of("", ".", "..")::contains);
  }

  private static ContextFeature contextFeature(Key key) {
    List<String> categories =
        key.optional("categories")
            .map(names -> names.list(1, Integer.MAX_VALUE, Key::text))
            .orElse(null);
    return new ContextFeature(key.get("name").text(), categories);
  }

  private static Stream<String> numbered(String letter, int count) {
    return IntStream.range(0, count).mapToObj(index -> letter + index);
  }

  private static List<Double> quantiles(Key reference) {
    Key key = reference.get("log_prob_quantiles");
    List<Double> quantiles = key.list(101, 101, Key::number);
    if (!quantiles.stream().sorted().toList().equals(quantiles)) {
      throw key.fault("must be ascending");
    }
    return quantiles;
  }

  private static String hash(Key key) {
    if (!SHA_256.matcher(key.text()).matches()) {
      throw key.fault("expected a SHA-256 in lower-case hexadecimal");
    }
    return key.text();
  }
}
