package flowbundle.program;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.Reader;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CsvTest {
  private static List<List<String>> read(String text) {
    Csv csv = new Csv(new StringReader(text), "table");
    List<List<String>> records = new ArrayList<>();
    for (List<String> record = csv.read(); record != null; record = csv.read()) {
      records.add(record);
    }
    return records;
  }

  private static void assertRefused(String text, String message) {
    TableException error = assertThrows(TableException.class, () -> read(text));
    assertTrue(error.getMessage().startsWith(message), error.getMessage());
  }

  @Test
  void quotesLineEndsOfBothKindsAByteOrderMarkAndEmptyLinesAreUnderstood() {
    assertEquals(
        List.of(List.of("a", "b \"c\""), List.of("1", "two\nlines"), List.of("", "3")),
        read("\ufeffa,\"b \"\"c\"\"\"\r\n1,\"two\nlines\"\n\r\n\n\"\",3"));
    assertEquals(List.of(), read(""));
    assertEquals(List.of(List.of("a", "")), read("a,"));
  }

  @Test
  void aRecordIsWrittenSoThatItIsReadBack() {
    List<String> cells = List.of("plain", "quote \"", "comma,", "line\nend", "");
    assertEquals(List.of(cells), read(Csv.record(cells)));
  }

  @Test
  void aBrokenRecordIsRefusedByRow() {
    assertRefused("a\n1\"\n", "table: row 1: a quote in the wrong place");
    assertRefused("a\n\"1\"2\n", "table: row 1: a quote in the wrong place");
    assertRefused("a\n1\n\"2\n", "table: row 2: a quote is not closed");
    assertRefused("a\n" + "1".repeat(5 << 20), "table: row 1: longer than 4194304");
    assertRefused("a\n\"" + "1\n".repeat(3 << 20), "table: row 1: longer than 4194304");
  }

  @Test
  void aReaderThatFailsIsAFaultOfTheTable() throws IOException {
    Reader closed = new StringReader("a");
    closed.close();
    assertThrows(TableException.class, () -> new Csv(closed, "table"));
  }
}
