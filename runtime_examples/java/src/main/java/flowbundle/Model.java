package flowbundle;

import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * A bundle that runs: log_prob, percentile and sample.
 *
 * <p>An open model does not change, and any number of threads may use it at once. A call runs on
 * the thread that calls, in blocks of {@value #BLOCK_ROWS} rows. A call of a model that was closed
 * throws an {@code IllegalStateException}; one that is under way is waited for.
 */
public final class Model implements AutoCloseable {
  /** Rows of a run: ONNX Runtime keeps the memory of the largest batch that it has seen. */
  public static final int BLOCK_ROWS = 1024;

  private final Bundle bundle;
  private final Manifest manifest;

  /** Null where the bundle does not hold it, as sample. */
  private final Graph logProb;

  private final Graph sample;

  private Model(Bundle bundle, int threads) {
    this.bundle = bundle;
    this.manifest = bundle.manifest();
    logProb = openGraph("log_prob", "x", "log_prob", threads);
    try {
      sample = openGraph("sample", "z", "x", threads);
    } catch (BundleException error) {
      close(logProb);
      throw error;
    }
  }

  private Graph openGraph(String name, String input, String output, int threads) {
    Manifest.GraphFile graph = manifest.graphs().get(name);
    return graph == null ? null : new Graph(bundle, graph.file(), input, output, threads);
  }

  /**
   * Opens a bundle, for one thread a call.
   *
   * @throws BundleException for a bundle that breaks the format, naming file and key
   */
  public static Model open(Path folder) {
    return open(folder, 1);
  }

  /**
   * Opens a bundle.
   *
   * @param threads ONNX Runtime's, within one call
   * @throws BundleException for a bundle that breaks the format, naming file and key
   */
  public static Model open(Path folder, int threads) {
    return open(folder, threads, null);
  }

  /**
   * Opens the bundle alone whose {@code flow.json} has this SHA-256, in lower-case hex.
   *
   * @param digest null for any
   * @throws BundleException for another, and as {@link #open(Path, int)}
   */
  public static Model open(Path folder, int threads, String digest) {
    return new Model(Bundle.open(folder, digest), threads);
  }

  public Bundle bundle() {
    return bundle;
  }

  public Manifest manifest() {
    return manifest;
  }

  /** {@link #logProb(Rows, Rows)} of a model without context. */
  public float[] logProb(Rows x) {
    return logProb(x, null);
  }

  /**
   * The log-density of rows, in nats, in the data's own units.
   *
   * @param x {@code [rows, *event]}
   * @param context {@code [1, context]} for all rows, or {@code [rows, context]}; of a category its
   *     code; null for a model without
   * @return {@code [rows]}; negative infinity outside the support
   * @throws InputException for a shape or code that does not fit, a context that is missing or
   *     unasked for
   * @throws BundleException where the bundle holds {@code sample} alone
   */
  public float[] logProb(Rows x, Rows context) {
    Rows scores = scores(x, context);
    float[] found = new float[scores.count()];
    for (int row = 0; row < found.length; row++) {
      found[row] = (float) scores.get(row);
    }
    return found;
  }

  /** {@link #logProb(Rows, Rows)} in float64, which has all digits of a model of that type. */
  public double[] logProb64(Rows x, Rows context) {
    Rows scores = scores(x, context);
    return IntStream.range(0, scores.count()).mapToDouble(scores::get).toArray();
  }

  private Rows scores(Rows x, Rows context) {
    Graph scorer = require(logProb, "sample", "log_prob", "evaluate densities");
    x.requireShape("x", manifest.eventShape());
    Rows scores = Rows.allocate(manifest.isWide(), x.count(), List.of());
    run(scorer, x, context, scores);
    for (int row = 0; row < scores.count(); row++) {
      // The arithmetic ran over: no row is that likely.
      if (!(scores.get(row) < Double.POSITIVE_INFINITY)
          && !hasNan(x, row)
          && !(context != null && hasNan(context, context.count() == 1 ? 0 : row))) {
        scores.put(row, Double.NEGATIVE_INFINITY);
      }
    }
    return scores;
  }

  private static boolean hasNan(Rows rows, int row) {
    int start = row * rows.width();
    return IntStream.range(start, start + rows.width()).anyMatch(i -> Double.isNaN(rows.get(i)));
  }

  /**
   * The deterministic map from noise to data.
   *
   * @param z {@code [rows, latent]}
   * @param context as for {@link #logProb(Rows, Rows)}
   * @return {@code [rows, *event]}
   * @throws InputException as for {@link #logProb(Rows, Rows)}
   * @throws BundleException where the bundle holds {@code log_prob} alone
   */
  public Rows sampleFrom(Rows z, Rows context) {
    Graph sampler = sampler();
    z.requireShape("z", List.of(manifest.latentSize()));
    Rows x = Rows.allocate(manifest.isWide(), z.count(), manifest.eventShape());
    run(sampler, z, context, x);
    return x;
  }

  /**
   * Draws samples, the same for the same seed in every language.
   *
   * @return {@code [count, *event]}
   * @throws InputException for a context that does not fit
   * @throws IllegalArgumentException for a count below 0, or more than fits one buffer
   * @throws BundleException where the bundle holds {@code log_prob} alone
   */
  public Rows sample(int count, Draw draw) {
    return sample(count, draw, 0);
  }

  /**
   * {@link #sample(int, Draw)}, from another row than the first on: any of them can be drawn alone.
   *
   * @param first the number of the first
   */
  public Rows sample(int count, Draw draw, long first) {
    Iterator<Rows> blocks = sampleBlocks(count, draw, first);
    Rows x = Rows.allocate(manifest.isWide(), count, manifest.eventShape());
    for (int at = 0; blocks.hasNext(); ) {
      Rows block = blocks.next();
      for (int index = 0; index < block.size(); index++) {
        x.put(at++, block.get(index));
      }
    }
    return x;
  }

  /**
   * The rows of {@link #sample}, {@value #BLOCK_ROWS} at a time, for more of them than memory
   * holds.
   *
   * @return blocks, each in the memory of the one before, and there from {@code hasNext} on
   * @throws InputException at once, for a context that does not fit
   * @throws IllegalArgumentException at once, for a count below 0, or one that has no normals
   */
  public Iterator<Rows> sampleBlocks(long count, Draw draw) {
    return sampleBlocks(count, draw, 0);
  }

  private Iterator<Rows> sampleBlocks(long count, Draw draw, long first) {
    Graph sampler = sampler();
    long most = Long.MAX_VALUE / manifest.latentSize();
    if (count < 0 || first < 0 || count > most || first > most - count) {
      throw new IllegalArgumentException("count: expected a whole number from 0, got " + count);
    }
    Context context = Context.of(manifest, draw.context(), count);
    int room = (int) Math.min(count, BLOCK_ROWS);
    boolean wide = manifest.isWide();
    Rows x = Rows.allocate(wide, room, manifest.eventShape());
    Rows z = Rows.allocate(room, manifest.latentSize());
    return LongStream.iterate(0, start -> start < count, start -> start + BLOCK_ROWS)
        .mapToObj(
            start -> {
              int rows = (int) Math.min(BLOCK_ROWS, count - start);
              Rows block = x.slice(0, rows);
              Rows given = context.block(start, rows);
              sampler.run(
                  noise(draw, first + start, z.slice(0, rows)).as(wide),
                  given == null ? null : given.as(wide),
                  block);
              return block;
            })
        .iterator();
  }

  /**
   * Where a score stands among those of the reference rows, from 0 to 100, linear between their
   * quantiles.
   *
   * @param logProb nats
   * @return NaN for NaN
   * @throws BundleException where the bundle has no reference rows
   */
  public double percentile(double logProb) {
    List<Double> quantiles = manifest.quantiles();
    if (quantiles == null) {
      throw bundle.fault("reference: is null, so there are no percentiles");
    }
    // Between the last quantile that is not above it and the next; of equal quantiles the last
    // counts.
    int below = (int) quantiles.stream().filter(quantile -> quantile <= logProb).count() - 1;
    if (below < 0 || below + 1 == quantiles.size()) {
      return Double.isNaN(logProb) ? logProb : Math.max(0, below);
    }
    double floor = quantiles.get(below);
    return below + (logProb - floor) / (quantiles.get(below + 1) - floor);
  }

  /**
   * The code of a category: what a context holds in place of its label. Labels that are numbers are
   * compared as numbers, others without the spaces around them.
   *
   * @throws InputException for a label that is no category of the column
   * @throws IllegalArgumentException where no column of that name has categories
   */
  public float category(String column, String label) {
    return Category.code(manifest.context(), column, label);
  }

  /** Gives the memory of both sessions back, once; the model cannot be used afterwards. */
  @Override
  public void close() {
    try {
      close(logProb);
    } finally {
      close(sample);
    }
  }

  private static void close(Graph graph) {
    if (graph != null) {
      graph.close();
    }
  }

  private Graph sampler() {
    return require(sample, "log_prob", "sample", "draw samples");
  }

  /** Says what a bundle of the other direction alone cannot do. */
  private Graph require(Graph graph, String held, String name, String purpose) {
    if (graph == null) {
      throw bundle.fault(
          String.format(
              "graphs: the bundle holds %s alone, and no %s, so it cannot %s; flowexport export"
                  + " --graphs log_prob,sample makes one that can",
              held, name, purpose));
    }
    return graph;
  }

  /** Fills rows with the noise of a draw, that of number {@code start} first. */
  private Rows noise(Draw draw, long start, Rows z) {
    int width = manifest.latentSize();
    // The last column of a mixture chooses its component: it is no noise to be scaled.
    int scaled = manifest.selector() ? width - 1 : width;
    FloatBuffer data = z.data();
    Noise.normals(draw.seed(), start * width, z.data());
    for (int index = 0; index < data.limit(); index++) {
      if (index % width < scaled) {
        data.put(index, data.get(index) * draw.temperature());
      }
    }
    return z;
  }

  /** Runs a graph on rows, block by block. */
  private void run(Graph graph, Rows in, Rows context, Rows out) {
    Context given = Context.of(manifest, context, in.count());
    for (int start = 0; start < in.count(); start += BLOCK_ROWS) {
      int count = Math.min(BLOCK_ROWS, in.count() - start);
      Rows block = given.block(start, count);
      graph.run(
          in.slice(start, count).as(manifest.isWide()),
          block == null ? null : block.as(manifest.isWide()),
          out.slice(start, count));
    }
  }
}
