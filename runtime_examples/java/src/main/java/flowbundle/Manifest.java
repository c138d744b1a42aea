package flowbundle;

import com.fasterxml.jackson.annotation.JsonIncludeProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * {@code flow.json}, as far as a model needs it. Unknown keys are passed over.
 *
 * @param name of the model
 * @param dtype of every tensor
 * @param eventShape the shape of one row of x
 * @param latentSize the width of the noise
 * @param contextSize the width of the context; 0 for a model without
 * @param features names of the numbers of a row, in C order; {@code x0}, {@code x1}, … where the
 *     bundle has none
 * @param context the columns of the context; none for a model without
 * @param graphs the ONNX files by the name of their graph: {@code log_prob}, {@code sample} or
 *     both; those of other names are passed over
 * @param files file → SHA-256
 * @param scale a number for each of a row
 * @param reference null where the model was made without data
 * @param selector whether the last column of the noise chooses a component, and takes no
 *     temperature
 */
public record Manifest(
    String name,
    String dtype,
    List<Integer> eventShape,
    int latentSize,
    int contextSize,
    @JsonProperty(required = true) @JsonSetter(nulls = Nulls.SET) List<String> features,
    @JsonProperty(value = "context_features", required = true) @JsonSetter(nulls = Nulls.SET)
        List<ContextFeature> context,
    @JsonIncludeProperties({"log_prob", "sample"}) Map<String, GraphFile> graphs,
    Map<String, String> files,
    List<Double> scale,
    @JsonProperty(required = true) @JsonSetter(nulls = Nulls.SET) Reference reference,
    @JsonSetter(nulls = Nulls.SET) Boolean selector) {

  /** More columns than any context has: without names, a few bytes could ask for an immense one. */
  private static final int WIDEST_CONTEXT = 65_536;

  private static final Pattern PLAIN_NAME =
      Pattern.compile("[A-Za-z0-9_-](\\.?[A-Za-z0-9_-])*(/[A-Za-z0-9_-](\\.?[A-Za-z0-9_-])*)*");

  private static final Pattern SHA_256 = Pattern.compile("[0-9a-f]{64}");

  /** Another format may have any keys, so it is told apart before they are looked at. */
  record Format(String format) {
    Format {
      require(format.equals("flowexport/1"), "format: expected flowexport/1, got " + format);
    }
  }

  /**
   * A column of the context: a number, or the code (0, 1, …) of one of its categories.
   *
   * @param categories their names, or null for a number
   */
  public record ContextFeature(
      String name, @JsonSetter(nulls = Nulls.SET) List<String> categories) {
    public ContextFeature {
      categories = categories == null ? null : List.copyOf(categories);
      require(categories == null || !categories.isEmpty(), "categories: expected at least one");
    }

    /** Whether a number may stand in this column. */
    public boolean admits(double value) {
      return categories == null
          || (value >= 0 && value < categories.size() && value == (int) value);
    }
  }

  /** The name of an ONNX file. */
  public record GraphFile(String file) {}

  /**
   * The rows that scores are compared with.
   *
   * @param logProbQuantiles 101 ascending ones of their log_prob
   */
  public record Reference(List<Double> logProbQuantiles) {
    public Reference {
      logProbQuantiles = List.copyOf(logProbQuantiles);
      require(
          logProbQuantiles.size() == 101
              && logProbQuantiles.stream().allMatch(Double::isFinite)
              && logProbQuantiles.stream().sorted().toList().equals(logProbQuantiles),
          "log_prob_quantiles: expected 101 ascending numbers");
    }
  }

  /**
   * Holds what a model needs to the format and to itself.
   *
   * @throws IllegalArgumentException beginning with the key
   */
  public Manifest {
    require(
        dtype.equals("float32") || dtype.equals("float64"),
        "dtype: expected float32 or float64, got " + dtype);
    eventShape = List.copyOf(eventShape);
    files.forEach(
        (file, hash) -> {
          require(isPlain(file), "files: \"" + file + "\" leaves the folder, or is no plain name");
          require(
              SHA_256.matcher(hash).matches(), "files: " + file + ": expected a SHA-256 in hex");
        });
    require(
        files.keySet().stream().map(file -> file.toLowerCase(Locale.ROOT)).distinct().count()
            == files.size(),
        "files: two names differ in their capitals alone");
    require(!graphs.isEmpty(), "graphs: expected log_prob or sample, got neither");
    graphs.forEach(
        (graph, onnx) ->
            require(
                files.containsKey(onnx.file), "graphs." + graph + ".file: is not listed in files"));
    require(
        !eventShape.isEmpty() && eventShape.size() <= 3 && eventShape.stream().allMatch(n -> n > 0),
        "event_shape: expected one to three sizes, got " + eventShape);
    require(latentSize > 0, "latent_size: expected a whole number from 1, got " + latentSize);
    require(
        contextSize >= 0 && contextSize <= WIDEST_CONTEXT,
        "context_size: expected a whole number to " + WIDEST_CONTEXT + ", got " + contextSize);
    // The length of the scale bounds the width, which a few bytes could make immense.
    int width = scale.size();
    require(
        eventShape.stream().mapToDouble(n -> n).reduce(1, (a, b) -> a * b) == width,
        "scale: expected a number each of " + eventShape + ", got " + width);
    features = features == null ? numbered("x", width).toList() : List.copyOf(features);
    require(features.size() == width, "features: expected " + width + " names");
    context =
        context == null
            ? numbered("c", contextSize).map(column -> new ContextFeature(column, null)).toList()
            : List.copyOf(context);
    require(context.size() == contextSize, "context_features: expected " + contextSize);
    selector = Boolean.TRUE.equals(selector);
  }

  /** Whether the model is of float64. */
  public boolean isWide() {
    return dtype.equals("float64");
  }

  /** 101 ascending quantiles of log_prob on the reference rows, or null. */
  public List<Double> quantiles() {
    return reference == null ? null : reference.logProbQuantiles;
  }

  /** Whether a file name is relative, of forward slashes, and goes nowhere but down. */
  static boolean isPlain(String name) {
    return name.length() <= 255 && PLAIN_NAME.matcher(name).matches();
  }

  private static Stream<String> numbered(String letter, int count) {
    return IntStream.range(0, count).mapToObj(index -> letter + index);
  }

  private static void require(boolean fits, String fault) {
    if (!fits) {
      throw new IllegalArgumentException(fault);
    }
  }
}
