package flowbundle.program;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import flowbundle.Bundle;
import flowbundle.BundleException;
import flowbundle.Manifest;
import java.math.BigInteger;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The rest of flow.json, which the library does not go on to use: the golden cases, how near they
 * must be met, and what else the format asks for.
 *
 * @param levels null but for images
 * @param scale the unit of each number of a row
 */
public record Contract(
    String description,
    Map<String, Object> architecture,
    Map<String, String> provenance,
    @JsonSetter(nulls = Nulls.SET) Integer levels,
    @JsonSetter(nulls = Nulls.SET) Reference reference,
    List<Double> scale,
    Graphs graphs,
    Tolerances tolerance,
    Cases golden) {
  private static final List<String> ERRORS =
      List.of("wrong_shape", "missing_context", "wrong_dtype");

  /** The two directions of a model, and the tensors that go in, beside the context, and out. */
  public enum Direction {
    @JsonProperty("log_prob")
    LOG_PROB("x", "log_prob"),
    @JsonProperty("sample")
    SAMPLE("z", "x");

    final String input;
    final String output;

    Direction(String input, String output) {
      this.input = input;
      this.output = output;
    }
  }

  /** How many rows the quantiles are of. */
  public record Reference(int rows) {
    public Reference {
      require(rows > 0, "rows: expected a whole number from 1, got " + rows);
    }
  }

  /** What flow.json says of the two ONNX files. */
  public record Graphs(Graph logProb, Graph sample) {}

  /** What flow.json says of an ONNX file. */
  public record Graph(int opset, List<Tensor> inputs, List<Tensor> outputs) {
    public Graph {
      require(opset > 0, "opset: expected a whole number from 1, got " + opset);
    }
  }

  /**
   * An input or an output.
   *
   * @param shape {@code ["batch", 2]}
   */
  public record Tensor(String name, String dtype, List<Object> shape) {
    boolean fits(List<Integer> row, String type) {
      return row != null
          && dtype.equals(type)
          && shape.equals(Stream.concat(Stream.of("batch"), row.stream()).toList());
    }
  }

  /** What the cases of each graph may differ by. */
  public record Tolerances(Tolerance logProb, Tolerance sample) {
    Tolerance of(Direction graph) {
      return graph == Direction.LOG_PROB ? logProb : sample;
    }
  }

  /**
   * What a golden case may differ by.
   *
   * @param atol for samples in units of the scale
   * @param rtol relative to what is expected
   */
  public record Tolerance(double atol, double rtol) {
    public Tolerance {
      require(Double.isFinite(atol) && atol >= 0, "atol: expected a number from 0, got " + atol);
      require(Double.isFinite(rtol) && rtol >= 0, "rtol: expected a number from 0, got " + rtol);
    }
  }

  /**
   * The golden cases.
   *
   * @param logProbOfSample the file of what log_prob gives for the output of a sample case
   * @param logProbOfSampleRounding the file of what float32 alone costs each of those, or null
   */
  public record Cases(
      List<Case> cases,
      String logProbOfSample,
      @JsonSetter(nulls = Nulls.SET) String logProbOfSampleRounding,
      List<NoisePart> noise) {}

  /**
   * Inputs, and what is expected of them.
   *
   * @param inputs tensor → file
   * @param expected tensor → file, or null where an error is expected
   * @param rounding tensor → file of what float32 alone costs each expected number, or null
   * @param error the error's code, or null
   * @param rows start and stop of the rows that count, or null for all
   */
  public record Case(
      String name,
      Direction graph,
      Map<String, String> inputs,
      @JsonSetter(nulls = Nulls.SET) Map<String, String> expected,
      @JsonSetter(nulls = Nulls.SET) Map<String, String> rounding,
      @JsonSetter(nulls = Nulls.SET) String error,
      @JsonSetter(nulls = Nulls.SET) List<Integer> rows) {
    public Case {
      require(inputs.containsKey(graph.input), "inputs." + graph.input + ": is missing");
      require((expected == null) != (error == null), "expected: or else error is needed");
      require(
          expected == null || expected.containsKey(graph.output),
          "expected." + graph.output + ": is missing");
      require(
          error == null || ERRORS.contains(error),
          "error: expected one of " + ERRORS + ", got " + error);
      require(rows == null || rows.size() == 2, "rows: expected 2 entries");
    }

    /** The file of the output, or null where an error is expected. */
    String output() {
      return expected == null ? null : expected.get(graph.output);
    }
  }

  /** Normals number {@code start} onwards of a seed, which is unsigned. */
  public record NoisePart(String seed, long start, String file) {
    public NoisePart {
      require(
          seed.matches("[0-9]{1,20}") && new BigInteger(seed).bitLength() <= Long.SIZE,
          "seed: expected a whole number below 2^64 in decimal, got \"" + seed + "\"");
      require(start >= 0, "start: expected a whole number from 0, got " + start);
    }
  }

  public Contract {
    require(levels == null || levels > 0, "levels: expected a whole number from 1, got " + levels);
    for (double unit : scale) {
      require(Double.isFinite(unit) && unit > 0, "scale: must be positive, got " + unit);
    }
  }

  /**
   * Reads it, and holds its tensors to those that the model needs.
   *
   * @throws BundleException naming the key
   */
  public static Contract of(Bundle bundle) {
    Contract contract = bundle.json(Contract.class);
    Manifest manifest = bundle.manifest();
    for (Direction direction : Direction.values()) {
      boolean scores = direction == Direction.LOG_PROB;
      String key = scores ? "graphs.log_prob" : "graphs.sample";
      Graph graph = scores ? contract.graphs.logProb : contract.graphs.sample;
      List<Integer> event = manifest.eventShape();
      Map<String, List<Integer>> inputs = new HashMap<>();
      inputs.put(direction.input, scores ? event : List.of(manifest.latentSize()));
      if (manifest.contextSize() > 0) {
        inputs.put("context", List.of(manifest.contextSize()));
      }
      if (!fit(graph.inputs, inputs, manifest.dtype())) {
        throw bundle.fault(key + ".inputs: expected " + manifest.dtype() + " rows of " + inputs);
      }
      Map<String, List<Integer>> outputs = Map.of(direction.output, scores ? List.of() : event);
      if (!fit(graph.outputs, outputs, manifest.dtype())) {
        throw bundle.fault(key + ".outputs: expected " + manifest.dtype() + " rows of " + outputs);
      }
    }
    return contract;
  }

  /** Whether tensors, in any order, are of the shapes that are needed. */
  private static boolean fit(List<Tensor> tensors, Map<String, List<Integer>> rows, String dtype) {
    return tensors.size() == rows.size()
        && tensors.stream().allMatch(tensor -> tensor.fits(rows.get(tensor.name), dtype));
  }

  private static void require(boolean fits, String fault) {
    if (!fits) {
      throw new IllegalArgumentException(fault);
    }
  }
}
