package flowbundle;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/**
 * In a JVM whose compiler and young generation take little memory (see pom.xml): both grow, too.
 */
class MemoryTest {
  private static final int CALLS = 100_000;

  /**
   * What the process may grow by, in bytes: 50 a call, and five times what was ever measured. One
   * tensor of each call that is not closed makes 25 MB.
   */
  private static final long GROWTH = 50L * CALLS;

  @Test
  @EnabledOnOs(OS.LINUX)
  void callsOfOneRowLeaveTheMemoryFlat() throws IOException {
    try (Model model = Model.open(Bundles.BANANA)) {
      Rows x = Rows.of(new float[] {0.5f, -1});
      score(model, x, CALLS);
      long before = residentBytes();
      score(model, x, CALLS);
      long growth = residentBytes() - before;
      assertTrue(growth < GROWTH, "grew by " + growth + " bytes");
    }
  }

  private static void score(Model model, Rows x, int calls) {
    for (int call = 0; call < calls; call++) {
      model.logProb(x);
    }
    System.gc(); // direct buffers are given back where they are collected
  }

  private static long residentBytes() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("[^0-9]", "")))
        .findFirst()
        .orElseThrow();
  }
}
