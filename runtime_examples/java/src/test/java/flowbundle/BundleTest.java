package flowbundle;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class BundleTest {
  @TempDir private Path parent;
  private Path folder;

  @BeforeEach
  void copy() throws IOException {
    folder = Bundles.copy(parent);
  }

  private static void assertRefused(Executable opening, String... words) {
    String message = assertThrows(BundleException.class, opening).getMessage();
    for (String word : words) {
      assertTrue(message.contains(word), message + " says nothing of " + word);
    }
  }

  @Test
  void aBundleIsOpenedAndItsFilesAreRead() throws IOException {
    byte[] bytes = Files.readAllBytes(folder.resolve("golden/z.npy"));
    Bundle bundle = Bundle.open(folder);
    assertArrayEquals(bytes, bundle.read("golden/z.npy"));
    assertRefused(() -> bundle.read("flow.json"), "flow.json", "is not listed");
  }

  @Test
  void aBundleOfOneDirectionDoesThatAndSaysWhatItCannotDo() throws IOException {
    Rows x = Rows.allocate(1, 1, 2, 2);
    Rows z = Rows.allocate(1, 5);
    Rows context = Rows.allocate(1, 2);
    Draw draw = new Draw(0, context);
    Bundles.edit(folder, manifest -> manifest.withObject("/graphs").remove("sample"));
    try (Model model = Model.open(folder)) {
      model.logProb(x, context);
      String line = "flow.json: graphs: the bundle holds log_prob alone, and no sample, so it";
      assertRefused(() -> model.sampleFrom(z, context), line);
      assertRefused(() -> model.sample(0, draw), line);
    }
    ObjectNode graphs = (ObjectNode) Bundles.manifest().get("graphs");
    Bundles.edit(folder, manifest -> manifest.set("graphs", graphs.without("log_prob")));
    try (Model model = Model.open(folder)) {
      model.sampleFrom(z, context);
      model.sample(0, draw);
      String line = "flow.json: graphs: the bundle holds sample alone, and no log_prob, so it";
      assertRefused(() -> model.logProb(x, context), line);
    }
  }

  @Test
  void noFolderIsRefusedByName() {
    assertRefused(() -> Bundle.open(Path.of("nowhere")), "nowhere", "flow.json", "no such file");
  }

  @Test
  void aFlippedByteIsFoundAlsoInAFileThatNothingUses() throws IOException {
    Bundles.replace(folder, "notes.txt", "some text".getBytes(StandardCharsets.UTF_8));
    for (String name : List.of("sample.onnx", "golden/x.npy", "notes.txt")) {
      byte[] bytes = Files.readAllBytes(folder.resolve(name));
      byte[] flipped = bytes.clone();
      flipped[bytes.length / 2] ^= 1;
      Files.write(folder.resolve(name), flipped);
      assertRefused(() -> Bundle.open(folder), name, "hash differs");
      Files.write(folder.resolve(name), bytes);
    }
    Bundle.open(folder);
  }

  @Test
  void aFileIsHeldToItsHashEachTimeItIsRead() throws IOException {
    Bundle bundle = Bundle.open(folder);
    Files.write(folder.resolve("golden/z.npy"), new byte[200]);
    assertRefused(() -> bundle.read("golden/z.npy"), "golden/z.npy", "hash differs");
  }

  @Test
  void aFileThatIsNotThereOrIsAFolderIsRefusedByName() throws IOException {
    Files.delete(folder.resolve("golden/z.npy"));
    assertRefused(() -> Bundle.open(folder), "golden/z.npy", "no such file");
    Files.createDirectory(folder.resolve("golden/z.npy"));
    assertRefused(() -> Bundle.open(folder), "golden/z.npy", "is no file");
  }

  @Test
  void aNameThatLeavesTheFolderIsRefused() throws IOException {
    Files.writeString(parent.resolve("x"), "");
    Bundles.edit(folder, manifest -> manifest.withObject("/files").put("../x", "0".repeat(64)));
    assertRefused(() -> Bundle.open(folder), "flow.json", "files", "../x", "leaves the folder");
  }

  @Test
  void aLinkThatLeavesTheFolderIsRefusedAndOneThatStaysIsFollowed() throws IOException {
    Path file = folder.resolve("golden/z.npy");
    Files.move(file, folder.resolve("z.npy"));
    Files.createSymbolicLink(file, Path.of("../z.npy"));
    Bundle.open(folder);
    // A folder beside it whose name begins the same is not inside.
    Path beside = Files.createDirectory(parent.resolve("bundle-2"));
    Files.move(folder.resolve("z.npy"), beside.resolve("z.npy"));
    Files.delete(file);
    Files.createSymbolicLink(file, Path.of("../../bundle-2/z.npy"));
    assertRefused(() -> Bundle.open(folder), "golden/z.npy", "leaves the folder");
  }

  @Test
  void aGraphThatIsNotTheDeclaredOneIsRefusedByName() throws IOException {
    byte[] graph = Files.readAllBytes(folder.resolve("log_prob.onnx"));
    Bundles.replace(folder, "log_prob.onnx", Arrays.copyOf(graph, graph.length - 4));
    assertRefused(() -> Model.open(folder), "log_prob.onnx", "is cut short");
    byte[] other = Files.readAllBytes(folder.resolve("sample.onnx"));
    Bundles.replace(folder, "log_prob.onnx", other);
    try (Model model = Model.open(folder)) {
      Rows x = Rows.allocate(1, 1, 2, 2);
      Rows context = Rows.allocate(1, 2);
      assertRefused(() -> model.logProb(x, context), "log_prob.onnx", "cannot be run");
    }
  }
}
