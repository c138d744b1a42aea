package flowbundle.program;

import flowbundle.BundleException;
import flowbundle.Draw;
import flowbundle.InputException;
import flowbundle.Model;
import flowbundle.Noise;
import flowbundle.Rows;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/** Answers requests over standard input: ../README.md, "The mode run". */
final class Run {
  private final InputStream in = new BufferedInputStream(System.in);
  private final OutputStream out =
      new BufferedOutputStream(new FileOutputStream(FileDescriptor.out));

  /** An array as it comes, whose bytes are in memory that ONNX Runtime can work on. */
  private record Received(String kind, List<Integer> shape, ByteBuffer bytes) {
    String text() {
      return StandardCharsets.UTF_8.decode(bytes.duplicate()).toString();
    }

    /** As rows; a vector is one row. */
    Rows rows(boolean wide) {
      if (kind.equals("f8") && !wide) {
        String message = "expected float32, got float64";
        throw new InputException(InputException.Code.WRONG_DTYPE, message);
      }
      IntStream rows = shape.size() > 1 ? IntStream.of() : IntStream.of(1);
      int[] axes = IntStream.concat(rows, shape.stream().mapToInt(axis -> axis)).toArray();
      ByteBuffer memory = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
      return kind.equals("f8")
          ? Rows.of(memory.asDoubleBuffer(), axes)
          : Rows.of(memory.asFloatBuffer(), axes);
    }
  }

  /** The words of a request, and its arrays in their order; null where there is none. */
  private record Request(List<String> words, List<Received> arrays) {
    long whole(int index) {
      return Long.parseUnsignedLong(words.get(index));
    }

    Rows rows(int index, boolean wide) {
      return arrays.get(index) == null ? null : arrays.get(index).rows(wide);
    }
  }

  /** Opens a bundle and answers until there are no more requests; the exit status. */
  int answerAll(Path bundle, String digest) throws IOException {
    try (Model model = Model.open(bundle, 1, digest)) {
      answer("f4", 0, index -> 0);
      for (Request request = receive(); request != null; request = receive()) {
        try {
          respond(model, request);
        } catch (InputException error) {
          answerError(error.code().name().toLowerCase(Locale.ROOT), error);
        } catch (BundleException error) {
          answerError("bad_bundle", error);
        } catch (IllegalArgumentException error) {
          answerError("wrong_value", error);
        }
      }
      return 0;
    } catch (BundleException error) {
      answerError("bad_bundle", error);
      return 2;
    }
  }

  private Request receive() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int next = in.read(); next != '\n'; next = in.read()) {
      if (next < 0) {
        return null;
      }
      line.write(next);
    }
    Request request = new Request(new ArrayList<>(), new ArrayList<>());
    for (String word : line.toString(StandardCharsets.UTF_8).split(" ", -1)) {
      if (word.equals("-")) {
        request.arrays.add(null);
      } else if (word.contains(":")) {
        request.arrays.add(receiveArray(word.substring(0, 2), word.substring(3)));
      } else {
        request.words.add(word);
      }
    }
    return request;
  }

  private Received receiveArray(String kind, String axes) throws IOException {
    List<Integer> shape = Arrays.stream(axes.split(",", -1)).map(Integer::valueOf).toList();
    int size = shape.stream().reduce(kind.charAt(1) - '0', Math::multiplyExact);
    byte[] bytes = in.readNBytes(size);
    if (bytes.length < size) {
      throw new EOFException("a request is cut short");
    }
    return new Received(kind, shape, ByteBuffer.allocateDirect(size).put(bytes).flip());
  }

  private void respond(Model model, Request request) throws IOException {
    switch (request.words.get(0)) {
      case "category" -> {
        float code = model.category(request.arrays.get(0).text(), request.arrays.get(1).text());
        answer("f4", 1, index -> code);
      }
      case "normals" -> {
        FloatBuffer normals = FloatBuffer.allocate((int) request.whole(3));
        Noise.normals(request.whole(1), request.whole(2), normals);
        answer("f4", normals.capacity(), normals::get);
      }
      case "percentile" -> {
        Rows scores = request.arrays.get(0).rows(true);
        answer("f8", scores.size(), index -> model.percentile(scores.get(index)));
      }
      case "time" -> {
        Call call = call(model, request, 2);
        double[] microseconds = new double[(int) request.whole(1)];
        for (int index = 0; index < microseconds.length; index++) {
          long before = System.nanoTime();
          call.run();
          microseconds[index] = (System.nanoTime() - before) / 1e3;
        }
        answer("f8", microseconds.length, index -> microseconds[index]);
      }
      default -> call(model, request, 0).run().write(this);
    }
  }

  /** What a call gives. */
  private record Result(String kind, int count, IntToDoubleFunction numbers) {
    void write(Run run) throws IOException {
      run.answer(kind, count, numbers);
    }
  }

  /** A call of a model. */
  private interface Call {
    Result run();
  }

  /** The call that the words of a request from a place on ask for. */
  private static Call call(Model model, Request request, int at) {
    boolean wide = model.manifest().isWide();
    String kind = wide ? "f8" : "f4";
    Rows first = request.rows(0, wide);
    if (request.words.get(at).equals("sample")) {
      int count = (int) request.whole(at + 1);
      float temperature = Float.parseFloat(request.words.get(at + 4));
      Draw draw = new Draw(request.whole(at + 2), temperature, first);
      long start = request.whole(at + 3);
      return () -> {
        Rows x = model.sample(count, draw, start);
        return new Result(kind, x.size(), x::get);
      };
    }
    if (request.arrays.get(0).shape.size() < 2) {
      throw new InputException(InputException.Code.WRONG_SHAPE, "rows of no shape");
    }
    Rows context = request.rows(1, wide);
    if (request.words.get(at).equals("sample_from")) {
      return () -> {
        Rows x = model.sampleFrom(first, context);
        return new Result(kind, x.size(), x::get);
      };
    }
    if (wide) {
      return () -> {
        double[] scores = model.logProb64(first, context);
        return new Result(kind, scores.length, index -> scores[index]);
      };
    }
    return () -> {
      float[] scores = model.logProb(first, context);
      return new Result(kind, scores.length, index -> scores[index]);
    };
  }

  private void answer(String kind, int count, IntToDoubleFunction numbers) throws IOException {
    boolean wide = kind.equals("f8");
    ByteBuffer bytes = ByteBuffer.allocate(count * (wide ? Double.BYTES : Float.BYTES));
    bytes.order(ByteOrder.LITTLE_ENDIAN);
    for (int index = 0; index < count; index++) {
      double number = numbers.applyAsDouble(index);
      if (wide) {
        bytes.putDouble(number);
      } else {
        bytes.putFloat((float) number);
      }
    }
    out.write((kind + ":" + count + "\n").getBytes(StandardCharsets.UTF_8));
    out.write(bytes.array());
    out.flush();
  }

  private void answerError(String code, RuntimeException error) throws IOException {
    String message = error.getMessage().replaceAll("\\p{Cntrl}+", " ");
    out.write(("error " + code + " " + message + "\n").getBytes(StandardCharsets.UTF_8));
    out.flush();
  }
}
