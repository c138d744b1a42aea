package flowbundle.program;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import flowbundle.Bundle;
import flowbundle.Bundles;
import flowbundle.Manifest;
import java.io.StringReader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TableTest {
  private static final Manifest MANIFEST = Bundle.open(Bundles.BY_HAND).manifest();

  private static Table table(String text) {
    return new Table(MANIFEST, new StringReader(text), "table");
  }

  @Test
  void columnsAreFoundByNameInBlocksOfTheModelsShape() {
    StringBuilder text = new StringBuilder("angle,x3,other,x2,x1,x0,cut\n");
    text.append("-1.5,4,none,3,2,1,ideal\n".repeat(1025));
    Table table = table(text.toString());
    Table.Block block = table.next();
    assertArrayEquals(new int[] {1024, 1, 2, 2}, block.x().shape());
    for (int index = 0; index < 4; index++) {
      assertEquals(index + 1, block.x().get(index));
    }
    assertEquals(2, block.context().get(0));
    assertEquals(-1.5, block.context().get(1));
    assertEquals(1, table.next().x().count());
    assertNull(table.next());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "x0,x1,x2,x3,cut | no column \"angle\"",
        "x0,x0,x1,x2,x3,cut,angle | two columns \"x0\"",
        "x0,x1,x2,x3,cut,angle;1,2,3,?,good,0 | table: row 1: column x3: expected a finite number",
        "x0,x1,x2,x3,cut,angle;1,2,3 | table: row 1: expected 6 cells, got 3",
        "x0,x1,x2,x3,cut,angle;1,2,3,1e39,good,0 | row 1: column x3: expected a finite number",
        "x0,x1,x2,x3,cut,angle;1,2,3,4,best,0 | row 1: column cut: expected one of fair, good",
        "x0,x1,x2,x3,cut,angle;1,2,3,4,3,0 | row 1: column cut: expected one of fair, good",
        "x0,x1,x2,x3,cut,angle;1,2,3,4,0.5,0 | row 1: column cut: expected one of fair, good",
      })
  void aFaultIsRefusedByRowAndColumn(String text, String message) {
    TableException error =
        assertThrows(TableException.class, () -> table(text.replace(';', '\n')).next());
    assertTrue(error.getMessage().contains(message), error.getMessage());
  }

  @Test
  void aContextIsWrittenByNameOrCode() {
    for (String text : new String[] {"good,-1.5", "1,-1.5", " 1.0 ,-15e-1"}) {
      assertEquals(1, Table.context(MANIFEST, text, "--context").get(0));
      assertEquals(-1.5, Table.context(MANIFEST, text, "--context").get(1));
    }
    for (String text : new String[] {"", "1", "1,2,3", "best,1", "1,inf"}) {
      assertThrows(TableException.class, () -> Table.context(MANIFEST, text, "--context"));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "x",
        "1x",
        "0x10",
        "1_000",
        "nan",
        "NaN",
        "Infinity",
        "1f",
        "1d",
        ".",
        "1e"
      })
  void onlyADecimalNumberIsANumber(String text) {
    assertEquals(Double.NaN, Table.number(text));
  }
}
