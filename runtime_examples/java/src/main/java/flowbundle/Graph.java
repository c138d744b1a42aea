package flowbundle;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import flowbundle.Manifest.Direction;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** One of a bundle's two graphs, in a session of ONNX Runtime. */
final class Graph implements AutoCloseable {
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final Direction direction;
  private final String path;
  private final OrtSession session;

  /**
   * Opens a graph, and holds its tensors to those that flow.json declares.
   *
   * @param threads ONNX Runtime's, within one run
   * @throws BundleException where ONNX Runtime cannot open it, or it has other tensors
   */
  Graph(Bundle bundle, Direction direction, int threads) {
    Manifest manifest = bundle.manifest();
    String file = manifest.graphs().get(direction);
    this.direction = direction;
    this.path = bundle.path(file);
    byte[] bytes = bundle.read(file);
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      // Faults come as exceptions; lines on standard error would say them twice.
      options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
      options.setIntraOpNumThreads(threads);
      session = environment.createSession(bytes, options);
    } catch (OrtException error) {
      throw fault(error);
    }
    try {
      requireTensors(manifest.inputs(direction), session.getInputInfo());
      requireTensors(manifest.outputs(direction), session.getOutputInfo());
    } catch (OrtException error) {
      close();
      throw fault(error);
    } catch (BundleException error) {
      close();
      throw error;
    }
  }

  /**
   * One run, on memory that is not copied.
   *
   * @param input at least one row
   * @param context a row each, or null
   * @param output what is filled, as many rows
   */
  void run(Rows input, Rows context, Rows output) {
    try (OnnxTensor in = tensor(input);
        OnnxTensor given = context == null ? null : tensor(context);
        OnnxTensor out = tensor(output)) {
      Map<String, OnnxTensor> inputs =
          given == null
              ? Map.of(direction.input, in)
              : Map.of(direction.input, in, "context", given);
      session.run(inputs, Map.of(direction.output, out)).close();
    } catch (OrtException error) {
      throw fault(error);
    }
  }

  @Override
  public void close() {
    try {
      session.close();
    } catch (OrtException error) {
      throw fault(error);
    }
  }

  private OnnxTensor tensor(Rows rows) throws OrtException {
    long[] shape = Arrays.stream(rows.shape()).asLongStream().toArray();
    return OnnxTensor.createTensor(environment, rows.data(), shape);
  }

  private void requireTensors(Map<String, List<Integer>> expected, Map<String, NodeInfo> found) {
    Map<String, String> wanted = new TreeMap<>();
    Map<String, String> got = new TreeMap<>();
    expected.forEach((name, shape) -> wanted.put(name, "FLOAT " + shape));
    found.forEach(
        (name, node) ->
            got.put(name, node.getInfo() instanceof TensorInfo tensor ? rowOf(tensor) : ""));
    if (!got.equals(wanted)) {
      throw new BundleException(
          path + ": has not the tensors of its flow.json: expected " + wanted + ", got " + got);
    }
  }

  /** The type of a tensor, and the shape of a row. */
  private static String rowOf(TensorInfo tensor) {
    List<Long> shape = Arrays.stream(tensor.getShape()).boxed().toList();
    return tensor.type + " " + (shape.isEmpty() ? "" : shape.subList(1, shape.size()));
  }

  private BundleException fault(OrtException error) {
    String reason = String.valueOf(error.getMessage()).lines().findFirst().orElse("");
    return new BundleException(path + ": cannot be run: " + Key.shown(reason), error);
  }
}
