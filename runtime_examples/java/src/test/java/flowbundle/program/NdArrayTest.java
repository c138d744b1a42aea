package flowbundle.program;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import flowbundle.BundleException;
import flowbundle.Bundles;
import flowbundle.InputException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NdArrayTest {
  private static byte[] npy(String header, int size) {
    String padded = String.format("%-117s\n", header);
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    file.writeBytes(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 118, 0});
    file.writeBytes(padded.getBytes(StandardCharsets.ISO_8859_1));
    file.writeBytes(new byte[size]);
    return file.toByteArray();
  }

  private static String header(String descr, String order, String shape) {
    return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  }

  private static void assertRefused(byte[] bytes) {
    BundleException error =
        assertThrows(BundleException.class, () -> NdArray.read(bytes, "golden/x.npy"));
    assertTrue(error.getMessage().startsWith("golden/x.npy: "), error.getMessage());
  }

  @Test
  void bothWidthsAreRead() throws IOException {
    NdArray x = NdArray.read(Files.readAllBytes(Bundles.BY_HAND.resolve("golden/x.npy")), "x");
    NdArray wide =
        NdArray.read(Files.readAllBytes(Bundles.BY_HAND.resolve("golden/double.npy")), "double");
    assertEquals(List.of(3, 1, 2, 2), x.shape());
    assertEquals(12, x.size());
    for (int index = 0; index < x.size(); index++) {
      assertEquals(wide.get(index), x.get(index));
    }
    assertEquals(x.get(8), x.rows(2, 3).get(0));
    assertEquals((float) x.get(8), x.rows(2, 3).toRows(false).data().get(0));
    InputException error = assertThrows(InputException.class, () -> wide.toRows(false));
    assertEquals(InputException.Code.WRONG_DTYPE, error.code());
    assertEquals(wide.get(5), wide.toRows(true).get(5));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"() | 4", "(2,) | 8", "(0, 3) | 0", "(2, 3) | 24"})
  void anyRankIsRead(String shape, int size) {
    assertEquals(size / 4, NdArray.read(npy(header("<f4", "False", shape), size), "a").size());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "<f4 | False | (2, 3) | 20",
        "<f4 | False | (2, 3) | 28",
        "<f4 | True | (2, 3) | 24",
        ">f4 | False | (2, 3) | 24",
        "<i4 | False | (2, 3) | 24",
        "O | False | (2, 3) | 24",
        "<f4 | False | (-2, -3) | 24",
        "<f4 | False | (99999999999, 0) | 0",
        "<f4 | False | (900000000, 900000000, 900000000) | 0"
      })
  void anotherKindOrSizeIsRefusedByName(String descr, String order, String shape, int size) {
    assertRefused(npy(header(descr, order, shape), size));
  }

  @Test
  void aBrokenFileIsRefusedByName() {
    byte[] whole = npy(header("<f4", "False", "(2, 3)"), 24);
    for (int length : new int[] {0, 8, 9, 10, 100, 128}) {
      assertRefused(Arrays.copyOf(whole, length));
    }
    whole[6] = 2;
    assertRefused(whole);
  }

  @Test
  void rowsThatAreNotThereAreRefused() {
    NdArray array = NdArray.read(npy(header("<f4", "False", "(2, 3)"), 24), "a");
    for (int[] rows : new int[][] {{0, 3}, {1, 1}, {2, 1}}) {
      assertThrows(IndexOutOfBoundsException.class, () -> array.rows(rows[0], rows[1]));
    }
  }
}
