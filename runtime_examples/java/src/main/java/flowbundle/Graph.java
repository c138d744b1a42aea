package flowbundle;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/** One of a bundle's two graphs, in a session of ONNX Runtime. */
final class Graph implements AutoCloseable {
  private final String path;
  private final String input;
  private final String output;
  private final OrtSession session;

  /** Held for reading by every run, and for writing to close. */
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

  private boolean closed;

  /**
   * Opens a graph.
   *
   * @param input the tensor that goes in, beside the context
   * @param output the tensor that comes out
   * @param threads ONNX Runtime's, within one run
   * @throws BundleException where ONNX Runtime cannot open it
   */
  Graph(Bundle bundle, String file, String input, String output, int threads) {
    this.path = bundle.path(file);
    this.input = input;
    this.output = output;
    byte[] bytes = bundle.read(file);
    try {
      Onnx.check(bytes);
    } catch (IllegalArgumentException error) {
      throw new BundleException(path, error.getMessage(), error);
    }
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      // Faults come as exceptions; lines on standard error would say them twice.
      options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
      options.setIntraOpNumThreads(threads);
      session = OrtEnvironment.getEnvironment().createSession(bytes, options);
    } catch (OrtException error) {
      throw fault(error);
    }
  }

  /**
   * One run, on memory that is not copied.
   *
   * @param rows at least one
   * @param context a row each, or null
   * @param results what is filled, as many rows
   * @throws BundleException where the graph takes or gives other tensors
   * @throws IllegalStateException where it was closed
   */
  void run(Rows rows, Rows context, Rows results) {
    lock.readLock().lock();
    try {
      if (closed) {
        throw new IllegalStateException("the model was closed");
      }
      runOpen(rows, context, results);
    } finally {
      lock.readLock().unlock();
    }
  }

  private void runOpen(Rows rows, Rows context, Rows results) {
    try (OnnxTensor in = tensor(rows);
        OnnxTensor given = context == null ? null : tensor(context);
        OnnxTensor out = tensor(results)) {
      Map<String, OnnxTensor> inputs = new HashMap<>(Map.of(input, in));
      if (given != null) {
        inputs.put("context", given);
      }
      session.run(inputs, Map.of(output, out)).close();
    } catch (OrtException error) {
      throw fault(error);
    }
  }

  /** Gives the session's memory back, once the runs that are under way have ended. */
  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        session.close();
      }
    } catch (OrtException error) {
      throw fault(error);
    } finally {
      lock.writeLock().unlock();
    }
  }

  private static OnnxTensor tensor(Rows rows) throws OrtException {
    long[] shape = Arrays.stream(rows.shape()).asLongStream().toArray();
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    return rows.isWide()
        ? OnnxTensor.createTensor(environment, rows.doubles(), shape)
        : OnnxTensor.createTensor(environment, rows.data(), shape);
  }

  private BundleException fault(OrtException error) {
    return new BundleException(path, "cannot be run: " + error.getMessage(), error);
  }
}
