package flowbundle.program;

import flowbundle.Bundle;
import flowbundle.BundleException;
import flowbundle.InputException;
import flowbundle.Model;
import flowbundle.Noise;
import flowbundle.Rows;
import flowbundle.program.Contract.Case;
import flowbundle.program.Contract.Direction;
import flowbundle.program.Contract.NoisePart;
import flowbundle.program.Contract.Tolerance;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** A bundle's golden cases, run again: what comes out against what the trained model said. */
final class Golden {
  /** The most that is allowed: a bundle can ask for less and never for more. */
  private static final double ATOL = 1e-4;

  private static final double RTOL = 1e-5;

  /** Nats, and relative: the gradient of the density magnifies the rounding of a sample. */
  private static final double DIRECTION_ATOL = 1e-2;

  private static final double DIRECTION_RTOL = 1e-3;

  /**
   * Two units in the last place of the largest normal, 6.66: logarithm and cosine differ between
   * platforms.
   */
  private static final double NOISE_ATOL = 9.5e-7;

  private static final List<Double> NO_SCALE = List.of(1.0);

  private static final String NO_ERROR = "none";

  /**
   * What one case came to.
   *
   * @param found the difference of the number that comes nearest to its bound, or goes farthest
   *     over it; of a case that expects an error, the code that it got
   * @param bound the bound of that number, or the code that it should have got
   */
  record Outcome(String name, String found, String bound, boolean passed) {}

  private final Model model;
  private final Bundle bundle;
  private final Contract contract;

  Golden(Model model) {
    this.model = model;
    this.bundle = model.bundle();
    this.contract = Contract.of(bundle);
  }

  /**
   * Replays every case, then the check of direction, then the noise.
   *
   * @throws BundleException for a case that contradicts its files
   */
  void replay(Consumer<Outcome> outcomes) {
    for (Case golden : contract.golden().cases()) {
      outcomes.accept(replay(golden));
    }
    outcomes.accept(direction());
    for (NoisePart noise : contract.golden().noise()) {
      NdArray expected = array(noise.file());
      FloatBuffer found = FloatBuffer.allocate(expected.size());
      Noise.normals(Long.parseUnsignedLong(noise.seed()), noise.start(), found);
      outcomes.accept(
          compare("noise " + noise.seed(), found.array(), expected, NOISE_ATOL, 0, NO_SCALE));
    }
  }

  private Outcome replay(Case golden) {
    String wanted = golden.error() == null ? NO_ERROR : golden.error();
    float[] found;
    try {
      found = run(golden.graph(), input(golden, golden.graph().input), input(golden, "context"));
    } catch (InputException error) {
      String code = error.code().name().toLowerCase(Locale.ROOT);
      return new Outcome(golden.name(), code, wanted, code.equals(wanted));
    }
    if (golden.output() == null) {
      return new Outcome(golden.name(), NO_ERROR, wanted, false);
    }
    Tolerance tolerance = contract.tolerance().of(golden.graph());
    return compare(
        golden.name(),
        found,
        rows(golden, golden.output()),
        Math.min(tolerance.atol(), ATOL),
        Math.min(tolerance.rtol(), RTOL),
        golden.graph() == Direction.SAMPLE ? contract.scale() : NO_SCALE);
  }

  /** That the two graphs are inverse to each other. */
  private Outcome direction() {
    NdArray expected = array(contract.golden().logProbOfSample());
    for (Case golden : contract.golden().cases()) {
      if (golden.graph() == Direction.SAMPLE
          && golden.output() != null
          && rows(golden, golden.inputs().get("z")).shape().get(0) == expected.size()) {
        Rows context = input(golden, "context");
        float[] found = model.logProb(model.sampleFrom(input(golden, "z"), context), context);
        return compare(
            "log_prob_of_sample", found, expected, DIRECTION_ATOL, DIRECTION_RTOL, NO_SCALE);
      }
    }
    throw bundle.fault("golden.log_prob_of_sample: no sample case has as many rows");
  }

  private float[] run(Direction graph, Rows input, Rows context) {
    if (graph == Direction.LOG_PROB) {
      return model.logProb(input, context);
    }
    FloatBuffer samples = model.sampleFrom(input, context).data();
    float[] found = new float[samples.remaining()];
    samples.get(found);
    return found;
  }

  /** An input of a case as a model takes it, or null where the case has none of it. */
  private Rows input(Case golden, String tensor) {
    String file = golden.inputs().get(tensor);
    return file == null ? null : rows(golden, file).toRows();
  }

  /** A listed .npy file. */
  private NdArray array(String file) {
    return NdArray.read(bundle.read(file), bundle.path(file));
  }

  /** The rows of a file that a case is about. */
  private NdArray rows(Case golden, String file) {
    NdArray array = array(file);
    int count = array.shape().isEmpty() ? 0 : array.shape().get(0);
    List<Integer> range = golden.rows() == null ? List.of(0, count) : golden.rows();
    try {
      return array.rows(range.get(0), range.get(1));
    } catch (IndexOutOfBoundsException error) {
      String key = "golden.cases: " + golden.name() + ": rows: ";
      throw new BundleException(
          bundle.path("flow.json"), key + file + " has no " + error.getMessage(), error);
    }
  }

  /**
   * |Δ| ≤ atol + rtol · |expected| everywhere, in a form that NaN fails.
   *
   * @param scale the unit of each number of a row
   */
  static Outcome compare(
      String name, float[] found, NdArray expected, double atol, double rtol, List<Double> scale) {
    if (found.length != expected.size() || found.length == 0) {
      return new Outcome(name, found.length + " numbers", expected.size() + " numbers", false);
    }
    boolean passed = true;
    double worst = -1;
    double figure = 0;
    double limit = 0;
    for (int index = 0; index < found.length; index++) {
      double unit = scale.get(index % scale.size());
      double a = found[index] / unit;
      double b = expected.get(index) / unit;
      // Equal infinities (−∞ outside the support) differ by nothing, and have no bound of their
      // own.
      double difference = a == b ? 0 : Math.abs(a - b);
      double bound = atol + (Double.isFinite(b) ? rtol * Math.abs(b) : 0);
      passed &= difference <= bound;
      double ratio = difference == 0 ? 0 : difference / bound;
      if (ratio > worst || (Double.isNaN(ratio) && !Double.isNaN(worst))) {
        worst = ratio;
        figure = difference;
        limit = bound;
      }
    }
    return new Outcome(name, Numbers.figure(figure), Numbers.figure(limit), passed);
  }
}
