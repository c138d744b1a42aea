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
import java.util.stream.IntStream;

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

  /** How often its own float32 rounding a number may differ by. */
  private static final double MULTIPLE = 4;

  /** The most that rounding adds, of a number and of its unit. */
  private static final double SHARE = 1e-3;

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
          compare(
              "noise " + noise.seed(),
              IntStream.range(0, expected.size()).mapToDouble(found::get).toArray(),
              expected,
              NOISE_ATOL,
              0,
              NO_SCALE,
              new double[expected.size()]));
    }
  }

  private Outcome replay(Case golden) {
    String wanted = golden.error() == null ? NO_ERROR : golden.error();
    double[] found;
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
    NdArray expected = rows(golden, golden.output());
    List<Double> scale = golden.graph() == Direction.SAMPLE ? contract.scale() : NO_SCALE;
    double[] own = new double[expected.size()];
    if (golden.rounding() != null) {
      NdArray rounding = rows(golden, golden.rounding().get(golden.graph().output));
      requireSize(rounding, expected, "golden.cases: " + golden.name() + ": rounding");
      for (int index = 0; index < own.length; index++) {
        double unit = scale.get(index % scale.size());
        own[index] =
            Math.min(
                MULTIPLE * rounding.get(index) / unit,
                SHARE * (1 + Math.abs(expected.get(index)) / unit));
      }
    }
    return compare(
        golden.name(),
        found,
        expected,
        Math.min(tolerance.atol(), ATOL),
        Math.min(tolerance.rtol(), RTOL),
        scale,
        own);
  }

  /** That the two graphs are inverse to each other. */
  private Outcome direction() {
    NdArray expected = array(contract.golden().logProbOfSample());
    for (Case golden : contract.golden().cases()) {
      if (golden.graph() == Direction.SAMPLE
          && golden.output() != null
          && rows(golden, golden.inputs().get("z")).shape().get(0) == expected.size()) {
        Rows context = input(golden, "context");
        double[] found = model.logProb64(model.sampleFrom(input(golden, "z"), context), context);
        double[] own = new double[expected.size()];
        String file = contract.golden().logProbOfSampleRounding();
        if (file != null) {
          NdArray rounding = array(file);
          requireSize(rounding, expected, "golden.log_prob_of_sample_rounding");
          own =
              IntStream.range(0, own.length).mapToDouble(i -> MULTIPLE * rounding.get(i)).toArray();
        }
        return compare(
            "log_prob_of_sample", found, expected, DIRECTION_ATOL, DIRECTION_RTOL, NO_SCALE, own);
      }
    }
    throw bundle.fault("golden.log_prob_of_sample: no sample case has as many rows");
  }

  private double[] run(Direction graph, Rows input, Rows context) {
    if (graph == Direction.LOG_PROB) {
      return model.logProb64(input, context);
    }
    Rows samples = model.sampleFrom(input, context);
    return IntStream.range(0, samples.size()).mapToDouble(samples::get).toArray();
  }

  /** An input of a case as a model takes it, or null where the case has none of it. */
  private Rows input(Case golden, String tensor) {
    String file = golden.inputs().get(tensor);
    return file == null ? null : rows(golden, file).toRows(model.manifest().isWide());
  }

  /** A listed .npy file. */
  private NdArray array(String file) {
    return NdArray.read(bundle.read(file), bundle.path(file));
  }

  private void requireSize(NdArray rounding, NdArray expected, String key) {
    if (rounding.size() != expected.size()) {
      throw bundle.fault(key + ": is not of as many numbers");
    }
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
   * |Δ| ≤ atol + rtol · |expected| + own everywhere, in a form that NaN fails.
   *
   * @param scale the unit of each number of a row
   * @param own what rounding may cost each number, in its unit
   */
  static Outcome compare(
      String name,
      double[] found,
      NdArray expected,
      double atol,
      double rtol,
      List<Double> scale,
      double[] own) {
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
      double bound = atol + (Double.isFinite(b) ? rtol * Math.abs(b) + own[index] : 0);
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
