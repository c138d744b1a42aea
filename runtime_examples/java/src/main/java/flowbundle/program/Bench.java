package flowbundle.program;

import java.util.stream.LongStream;

/** How long a call takes. */
final class Bench {
  /** Nanoseconds until the code is compiled and the processor awake. */
  private static final long WARM_UP = 500_000_000;

  /** Nanoseconds of measuring: some thousand calls of one row. */
  private static final long MEASURED = 500_000_000;

  private Bench() {}

  /** The median time of a call, in µs. */
  static double medianMicroseconds(Runnable call) {
    times(call, WARM_UP);
    long[] times = times(call, MEASURED);
    return times[times.length / 2] / 1e3;
  }

  /** The times of calls until so many nanoseconds have passed, at least one, in ascending order. */
  private static long[] times(Runnable call, long duration) {
    LongStream.Builder times = LongStream.builder();
    long begin = System.nanoTime();
    long stop;
    do {
      long start = System.nanoTime();
      call.run();
      stop = System.nanoTime();
      times.add(stop - start);
    } while (stop - begin < duration);
    return times.build().sorted().toArray();
  }
}
