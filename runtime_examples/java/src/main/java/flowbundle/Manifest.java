package flowbundle;

import java.util.List;
import java.util.Map;

/**
 * {@code flow.json}, as far as a reader needs it.
 *
 * @param name of the model
 * @param eventShape the shape of one row of x
 * @param latentSize the width of the noise
 * @param features names of the numbers of a row, in C order; {@code x0}, {@code x1}, … where the
 *     bundle has none
 * @param context the columns of the context; none for a model without
 * @param graphs the two directions
 * @param files file → SHA-256
 * @param scale the standard deviation of each feature
 * @param quantiles 101 ascending ones of log_prob on the reference rows, or null
 * @param cases the golden cases
 * @param logProbOfSample the file of what log_prob gives for the samples of all rows
 * @param noise golden parts of the noise
 * @param selector whether the last column of the noise chooses a component, and takes no
 *     temperature
 */
public record Manifest(
    String name,
    List<Integer> eventShape,
    int latentSize,
    List<String> features,
    List<ContextFeature> context,
    Map<Direction, GraphFile> graphs,
    Map<String, String> files,
    List<Double> scale,
    List<Double> quantiles,
    List<GoldenCase> cases,
    String logProbOfSample,
    List<GoldenNoise> noise,
    boolean selector) {

  /** The two directions of a model. */
  public enum Direction {
    LOG_PROB("log_prob", "x", "log_prob"),
    SAMPLE("sample", "z", "x");

    private final String key;
    private final String input;
    private final String output;

    Direction(String key, String input, String output) {
      this.key = key;
      this.input = input;
      this.output = output;
    }

    /** Its name in flow.json. */
    public String key() {
      return key;
    }

    /** The tensor that goes in, beside the context. */
    public String input() {
      return input;
    }

    /** The tensor that comes out. */
    public String output() {
      return output;
    }
  }

  /**
   * An ONNX file, and what a golden case may differ by.
   *
   * @param atol for samples in units of the scale
   * @param rtol relative to what is expected
   */
  public record GraphFile(String file, double atol, double rtol) {}

  /**
   * A column of the context: a number, or the code (0, 1, …) of one of its categories.
   *
   * @param categories their names, or null for a number
   */
  public record ContextFeature(String name, List<String> categories) {}

  /**
   * Inputs, and what is expected of them.
   *
   * @param inputs tensor → file
   * @param expected the file of the output, or null where an error is expected
   * @param error the error's code, or null
   * @param rows start and stop of the rows that count, or null for all
   */
  public record GoldenCase(
      String name,
      Direction graph,
      Map<String, String> inputs,
      String expected,
      String error,
      List<Integer> rows) {}

  /** Normals number {@code start} onwards of a seed, which is unsigned. */
  public record GoldenNoise(long seed, long start, String file) {}

  /** The shape of one row of what goes into a graph, beside the context. */
  public List<Integer> inputShape(Direction graph) {
    return graph == Direction.LOG_PROB ? eventShape : List.of(latentSize);
  }

  /** The shape of one row of what comes out of a graph. */
  public List<Integer> outputShape(Direction graph) {
    return graph == Direction.LOG_PROB ? List.of() : eventShape;
  }
}
