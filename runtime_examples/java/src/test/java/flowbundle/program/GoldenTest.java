package flowbundle.program;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import flowbundle.BundleException;
import flowbundle.Bundles;
import flowbundle.Model;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GoldenTest {
  @TempDir private Path parent;

  private static List<Golden.Outcome> replay(Path folder) {
    try (Model model = Model.open(folder)) {
      List<Golden.Outcome> outcomes = new ArrayList<>();
      new Golden(model).replay(outcomes::add);
      return outcomes;
    }
  }

  @Test
  void everyCasePasses() {
    for (Path folder : List.of(Bundles.BY_HAND, Bundles.BANANA)) {
      List<Golden.Outcome> outcomes = replay(folder);
      assertTrue(outcomes.size() >= 7);
      assertEquals(List.of(), outcomes.stream().filter(outcome -> !outcome.passed()).toList());
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, 0})
  void aNumberThatIsNotTheExpectedOneFailsItsCases(double wrong) throws IOException {
    Path folder = Bundles.copy(parent);
    byte[] file = Files.readAllBytes(folder.resolve("golden/log_prob.npy"));
    ByteBuffer numbers = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    numbers.putDouble(file.length - Double.BYTES, wrong);
    Bundles.replace(folder, "golden/log_prob.npy", file);
    assertEquals(
        List.of("data_3"),
        replay(folder).stream()
            .filter(outcome -> !outcome.passed())
            .map(Golden.Outcome::name)
            .toList());
  }

  @Test
  void anErrorThatComesUnaskedAndOneThatDoesNotComeFail() throws IOException {
    Path folder = Bundles.copy(parent);
    Bundles.edit(
        folder,
        manifest -> {
          ((ObjectNode) manifest.at("/golden/cases/0"))
              .set("inputs", manifest.at("/golden/cases/3/inputs"));
          ((ObjectNode) manifest.at("/golden/cases/1"))
              .put("error", "wrong_shape")
              .remove("expected");
        });
    List<Golden.Outcome> outcomes = replay(folder);
    assertEquals(new Golden.Outcome("data_3", "wrong_shape", "none", false), outcomes.get(0));
    assertEquals(new Golden.Outcome("data_1", "none", "wrong_shape", false), outcomes.get(1));
  }

  @Test
  void rowsBeyondAnArrayAreAFaultOfTheBundle() throws IOException {
    Path folder = Bundles.copy(parent);
    Bundles.edit(
        folder,
        manifest ->
            ((ObjectNode) manifest.at("/golden/cases/1")).putArray("rows").add(1).add(1000));
    assertThrows(BundleException.class, () -> replay(folder));
  }
}
