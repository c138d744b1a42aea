package flowbundle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import flowbundle.Manifest.ContextFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ManifestTest {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  @TempDir private Path parent;

  private Manifest read(String json) throws IOException {
    Path folder = Bundles.copy(Files.createTempDirectory(parent, "read"));
    Files.writeString(folder.resolve("flow.json"), json);
    return Bundle.open(folder).manifest();
  }

  /** Sets a value by its path; an absent one removes the key. */
  private static void set(ObjectNode manifest, String pointer, String value) throws IOException {
    int last = pointer.lastIndexOf('/');
    String name = pointer.substring(last + 1);
    JsonNode parent = manifest.at(pointer.substring(0, last));
    if (value.equals("absent")) {
      ((ObjectNode) parent).remove(name);
    } else if (parent instanceof ArrayNode list) {
      list.set(Integer.parseInt(name), MAPPER.readTree(value));
    } else {
      ((ObjectNode) parent).set(name, MAPPER.readTree(value));
    }
  }

  @Test
  void aManifestIsReadItsMissingNamesMadeUpAndUnknownKeysPassedOver() throws IOException {
    ObjectNode json = Bundles.manifest();
    json.putArray("colour").add("red");
    Manifest manifest = read(json.toString());
    assertEquals(List.of(1, 2, 2), manifest.eventShape());
    assertEquals(List.of("x0", "x1", "x2", "x3"), manifest.features());
    assertEquals(
        List.of(
            new ContextFeature("cut", List.of("fair", "good", "ideal")),
            new ContextFeature("angle", null)),
        manifest.context());
    assertTrue(manifest.selector());
    assertNull(manifest.quantiles());
    json.putNull("context_features");
    assertEquals("c1", read(json.toString()).context().get(1).name());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      textBlock =
          """
          /format | "flowexport/2" | format: expected flowexport/1, got flowexport/2
          /format | absent | format: Invalid `null`
          /format | 1 | format: Cannot coerce Integer value (1)
          /name | absent | name: Invalid `null`
          /name | null | name: Invalid `null`
          /name | 5 | name: Cannot coerce Integer value (5)
          /dtype | "float16" | dtype: expected float32 or float64, got float16
          /event_shape | [] | event_shape: expected one to three sizes
          /event_shape | [1, 2, 0] | event_shape: expected one to three sizes
          /event_shape | [1, 4.0] | event_shape[1]: Cannot coerce Floating-point value
          /event_shape | [1, null] | event_shape[1]: Invalid `null`
          /event_shape | [2147483647, 2147483647, 2147483647] | scale: expected a number each of [2147483647
          /latent_size | "5" | latent_size: Cannot coerce String value ("5")
          /latent_size | 2.5 | latent_size: Cannot coerce Floating-point value (2.5)
          /latent_size | null | latent_size: Invalid `null`
          /latent_size | absent | latent_size: Invalid `null`
          /latent_size | 99999999999999999999 | latent_size: Numeric value (99999999999999999999) out of range
          /context_size | -1 | context_size: expected a whole number
          /context_size | 1 | context_features: expected 1
          /context_size | 2000000000 | context_size: expected a whole number
          /features | absent | features: Missing
          /features | ["a"] | features: expected 4 names
          /features | ["a", "b", "c", 4] | features[3]: Cannot coerce
          /features | ["a", "b", "c", null] | features[3]: Invalid `null`
          /context_features | absent | context_features: Missing
          /context_features/0/categories | [] | context_features[0].categories: expected
          /context_features/0/name | absent | context_features[0].name: Invalid `null`
          /graphs | {"latent": {}} | graphs: expected log_prob or sample, got neither
          /graphs/log_prob | null | graphs.log_prob: Invalid `null`
          /graphs/log_prob/file | absent | graphs.log_prob.file: Invalid `null`
          /graphs/sample/file | "other.onnx" | graphs.sample.file: is not listed
          /files/sample.onnx | "ABC" | files: sample.onnx: expected a SHA-256
          /files/sample.onnx | null | files.sample.onnx: Invalid `null`
          /files | [] | files: Cannot deserialize
          /reference | absent | reference: Missing
          /reference | {"rows": 1, "log_prob_quantiles": [0]} | reference.log_prob_quantiles: expected 101
          /selector | "no" | selector: Cannot coerce String value ("no")
          /selector | 1 | selector: Cannot coerce Integer value (1)
          """)
  void aFaultIsRefusedByItsKey(String pointer, String value, String message) throws IOException {
    ObjectNode manifest = Bundles.manifest();
    set(manifest, pointer, value);
    String found =
        assertThrows(BundleException.class, () -> read(manifest.toString())).getMessage();
    assertTrue(found.contains("flow.json: " + message), found);
  }

  @ParameterizedTest
  @ValueSource(strings = {"{}", "{\"file\": \"other.onnx\"}", "{\"file\": 5}", "[]", "null"})
  void aGraphOfAnotherNameIsPassedOverWhateverItHolds(String value) throws IOException {
    ObjectNode manifest = Bundles.manifest();
    set(manifest, "/graphs/latent", value);
    assertEquals(Set.of("log_prob", "sample"), read(manifest.toString()).graphs().keySet());
  }

  @Test
  void quantilesMustAscend() throws IOException {
    ObjectNode manifest = Bundles.manifest();
    ArrayNode quantiles =
        manifest.putObject("reference").put("rows", 5).putArray("log_prob_quantiles");
    for (int index = 0; index < 101; index++) {
      quantiles.add(-index);
    }
    assertThrows(BundleException.class, () -> read(manifest.toString()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "[]", "{\"format\": ", "{} {}", "NaN", "{\"format\": NaN}"})
  void whatIsNoJsonObjectIsRefusedByItsPath(String json) {
    BundleException error = assertThrows(BundleException.class, () -> read(json));
    assertTrue(error.getMessage().contains("flow.json: "), error.getMessage());
  }

  @Test
  void deepNestingIsRefused() {
    assertThrows(BundleException.class, () -> read("[".repeat(200_000)));
    String nested = "[".repeat(200_000) + "]".repeat(200_000);
    assertThrows(
        BundleException.class,
        () -> read("{\"format\": \"flowexport/1\", \"name\": " + nested + "}"));
  }

  @Test
  void aFileNameGoesNowhereButDown() {
    for (String name : List.of("a", "golden/x.npy", "a-b_1", "a.b/c")) {
      assertTrue(Manifest.isPlain(name), name);
    }
    for (String name :
        List.of("", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a\\b", "C:a", "a\0")) {
      assertFalse(Manifest.isPlain(name), name);
    }
  }
}
