package flowbundle;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import flowbundle.InputException.Code;
import flowbundle.Manifest.ContextFeature;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelTest {
  private static Model model;
  private static Model banana;

  @BeforeAll
  static void open() {
    model = Model.open(Bundles.BY_HAND);
    banana = Model.open(Bundles.BANANA);
  }

  @AfterAll
  static void close() {
    model.close();
    banana.close();
  }

  /** An image for each row, all numbers the same. */
  private static Rows images(float... values) {
    Rows images = Rows.allocate(values.length, 1, 2, 2);
    FloatBuffer data = images.data();
    for (float value : values) {
      data.put(new float[] {value, value, value, value});
    }
    return images;
  }

  private static Rows context(float cut, float angle) {
    return Rows.of(new float[] {cut, angle});
  }

  private static float[] numbers(Rows rows) {
    float[] numbers = new float[rows.data().remaining()];
    rows.data().get(numbers);
    return numbers;
  }

  private static double logProb(float value, float cut, float angle) {
    return 4 * Math.log(value) + 10 * cut + angle;
  }

  @Test
  void logProbIsThatOfTheGraphAndMinusInfinityOutsideTheSupport() {
    Rows context = Rows.of(new float[] {1, 0.5f}, new float[] {0, 0}, new float[] {2, -1});
    float[] found = model.logProb(images(2, 0, 1), context);
    float[] expected = {(float) logProb(2, 1, 0.5f), Float.NEGATIVE_INFINITY, 19};
    assertArrayEquals(expected, found, 1e-5f);
  }

  @Test
  void heapAndBigEndianBuffersAreTakenToo() {
    FloatBuffer heap = FloatBuffer.wrap(new float[] {9, 2, 2, 2, 2}, 1, 4);
    Rows x = Rows.of(heap, 1, 1, 2, 2);
    assertEquals(logProb(2, 1, 0), model.logProb(x, context(1, 0))[0], 1e-5);
    FloatBuffer big = java.nio.ByteBuffer.allocateDirect(16).asFloatBuffer();
    big.put(new float[] {3, 3, 3, 3}).flip();
    assertEquals(logProb(3, 0, 0), model.logProb(Rows.of(big, 1, 1, 2, 2), context(0, 0))[0], 1e-5);
  }

  @Test
  void directBuffersAreNotCopied() {
    Rows x = images(1);
    Rows same = Rows.of(x.data(), x.shape());
    x.data().put(0, 5);
    assertEquals(5, same.data().get(0));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3, 1024, 1025, 2053})
  void oneContextMayServeAllRowsAndBlocksAreAsManyCallsOfOne(int count) {
    float[] values = new float[count];
    Rows each = Rows.allocate(count, 2);
    FloatBuffer contexts = each.data();
    float[] expected = new float[count];
    float[] expectedOfEach = new float[count];
    for (int row = 0; row < count; row++) {
      values[row] = 1 + row % 97;
      expected[row] = (float) logProb(values[row], 2, 0.25f);
      expectedOfEach[row] = (float) logProb(values[row], row % 3, row);
      contexts.put(row % 3).put(row);
    }
    Rows x = images(values);
    assertArrayEquals(expected, model.logProb(x, context(2, 0.25f)), 1e-4f);
    assertArrayEquals(expectedOfEach, model.logProb(x, each), 1e-3f);
  }

  @Test
  void aSampleIsTheGraphOfTheNoiseWhoseSelectorTakesNoTemperature() {
    Rows x = model.sample(3, new Draw(5, 0.7f, context(1, 0.5f)));
    assertArrayEquals(new int[] {3, 1, 2, 2}, x.shape());
    FloatBuffer z = FloatBuffer.allocate(15);
    Noise.normals(5, 0, z);
    float[] expected = new float[12];
    for (int index = 0; index < 12; index++) {
      int row = 5 * (index / 4);
      expected[index] = z.get(row + index % 4) * 0.7f + 100 * z.get(row + 4) + 10.5f;
    }
    assertArrayEquals(expected, numbers(x), 1e-4f);
  }

  @Test
  void aCategoryIsKnownByItsLabel() {
    assertEquals(2, model.category("cut", " ideal "));
    for (String label : List.of("best", "2", "")) {
      InputException error = assertThrows(InputException.class, () -> model.category("cut", label));
      assertEquals(Code.UNKNOWN_CATEGORY, error.code());
    }
    assertThrows(IllegalArgumentException.class, () -> model.category("angle", "2"));
    List<ContextFeature> grades = List.of(new ContextFeature("grade", List.of("1", "2", "10")));
    assertEquals(2, Category.code(grades, "grade", "10.0"));
    assertEquals(0, Category.code(grades, "grade", "01"));
    assertThrows(InputException.class, () -> Category.code(grades, "grade", "0"));
  }

  @Test
  void aPartOfASampleIsTheSample() {
    Draw draw = new Draw(9, context(2, 0));
    float[] whole = numbers(model.sample(20, draw));
    float[] part = numbers(model.sample(3, draw, 7));
    assertArrayEquals(Arrays.copyOfRange(whole, 28, 40), part);
    assertThrows(IllegalArgumentException.class, () -> model.sample(1, draw, Long.MAX_VALUE / 2));
  }

  @Test
  void samplesDoNotDependOnHowManyAreDrawnOrHow() {
    Draw draw = new Draw(9, context(2, 0));
    int count = Model.BLOCK_ROWS + 7;
    float[] many = numbers(model.sample(count, draw));
    assertArrayEquals(Arrays.copyOf(many, 12), numbers(model.sample(3, draw)), 1e-4f);
    Rows z = Rows.allocate(7, 5);
    Noise.normals(9, 5L * Model.BLOCK_ROWS, z.data());
    float[] tail = Arrays.copyOfRange(many, 4 * Model.BLOCK_ROWS, many.length);
    assertArrayEquals(tail, numbers(model.sampleFrom(z, context(2, 0))), 1e-4f);
    Iterator<Rows> blocks = model.sampleBlocks(count, draw);
    assertEquals(Model.BLOCK_ROWS, blocks.next().count());
    assertArrayEquals(tail, numbers(blocks.next()), 1e-4f);
    assertThrows(NoSuchElementException.class, blocks::next);
  }

  static Stream<Arguments> refused() {
    Rows x = Rows.allocate(2, 1, 2, 2);
    Rows context = Rows.allocate(1, 2);
    return Stream.of(
        Arguments.of("a context missing", Code.MISSING_CONTEXT, x, null),
        Arguments.of("a context too wide", Code.WRONG_SHAPE, x, Rows.allocate(1, 3)),
        Arguments.of("a context of other rows", Code.WRONG_SHAPE, x, Rows.allocate(3, 2)),
        Arguments.of("an image turned", Code.WRONG_SHAPE, Rows.allocate(1, 2, 2, 1), context),
        Arguments.of("rows without axes", Code.WRONG_SHAPE, Rows.allocate(1, 4), context),
        Arguments.of("a code between two", Code.UNKNOWN_CATEGORY, x, context(0.5f, 0)),
        Arguments.of("a code below nought", Code.UNKNOWN_CATEGORY, x, context(-1, 0)),
        Arguments.of("a code above the last", Code.UNKNOWN_CATEGORY, x, context(3, 0)),
        Arguments.of("a code that is NaN", Code.UNKNOWN_CATEGORY, x, context(Float.NaN, 0)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  void refused(String what, Code code, Rows x, Rows context) {
    InputException error =
        assertThrows(InputException.class, () -> model.logProb(x, context), what);
    assertEquals(code, error.code());
  }

  @Test
  void whatDoesNotFillItsShapeIsRefused() {
    FloatBuffer three = FloatBuffer.allocate(3);
    for (int[] shape : new int[][] {{2, 2}, {-1, -3}, {}, {1 << 30, 1 << 30, 1 << 30}}) {
      assertThrows(InputException.class, () -> Rows.of(three, shape));
    }
    assertThrows(InputException.class, () -> Rows.of(new float[2], new float[3]));
    for (int[] shape : new int[][] {{-1}, {}, {1 << 30, 2}}) {
      assertThrows(IllegalArgumentException.class, () -> Rows.allocate(shape));
    }
  }

  @Test
  void aContextUnaskedForIsRefused() {
    Rows x = Rows.allocate(1, 2);
    InputException error =
        assertThrows(InputException.class, () -> banana.logProb(x, Rows.allocate(1, 1)));
    assertEquals(Code.WRONG_SHAPE, error.code());
  }

  @Test
  void aDrawThatCannotBeIsRefused() {
    for (float temperature : new float[] {-1, Float.NaN, Float.POSITIVE_INFINITY}) {
      assertThrows(IllegalArgumentException.class, () -> new Draw(0, temperature, null));
    }
    for (long count : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE}) {
      assertThrows(IllegalArgumentException.class, () -> banana.sampleBlocks(count, new Draw(0)));
    }
    assertThrows(InputException.class, () -> model.sampleBlocks(0, new Draw(0)));
  }

  @Test
  void aPercentileIsThePlaceAmongTheQuantiles() {
    List<Double> quantiles = banana.manifest().quantiles();
    assertEquals(0, banana.percentile(Double.NEGATIVE_INFINITY));
    assertEquals(0, banana.percentile(quantiles.get(0)));
    assertEquals(42, banana.percentile(quantiles.get(42)));
    double between = (quantiles.get(42) + quantiles.get(43)) / 2;
    assertEquals(42.5, banana.percentile(between), 1e-9);
    assertEquals(100, banana.percentile(quantiles.get(100)));
    assertEquals(100, banana.percentile(Double.POSITIVE_INFINITY));
    assertEquals(Double.NaN, banana.percentile(Double.NaN));
    assertThrows(BundleException.class, () -> model.percentile(0));
  }

  @Test
  void threadsMayShareAModel() {
    IntStream.range(0, 400)
        .parallel()
        .forEach(
            index -> {
              float found = model.logProb(images(2), context(index % 3, index))[0];
              assertEquals(logProb(2, index % 3, index), found, 1e-4);
            });
  }

  @Test
  void aClosedModelSaysSo() {
    Model closed = Model.open(Bundles.BANANA);
    closed.close();
    assertThrows(IllegalStateException.class, () -> closed.logProb(Rows.allocate(1, 2)));
  }

  @Test
  void closingWaitsForTheCallsOfOtherThreadsAndIsDoneOnce() throws InterruptedException {
    Model shared = Model.open(Bundles.BANANA);
    Rows x = Rows.allocate(5000, 2);
    AtomicInteger wrong = new AtomicInteger();
    List<Thread> threads =
        IntStream.range(0, 4)
            .mapToObj(
                index ->
                    new Thread(
                        () -> {
                          try {
                            for (int call = 0; call < 1000; call++) {
                              shared.logProb(x);
                            }
                            wrong.incrementAndGet();
                          } catch (IllegalStateException closed) {
                            // What it should be told.
                          }
                        }))
            .toList();
    threads.forEach(Thread::start);
    Thread.sleep(50);
    shared.close();
    shared.close();
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(0, wrong.get(), "a call of a closed model went through");
  }
}
