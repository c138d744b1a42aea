package flowbundle.program;

import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Comma-separated values (RFC 4180), read as they come. */
final class Csv {
  /**
   * Characters of one record. A longer one is refused: without a line end a table would otherwise
   * fill the memory.
   */
  private static final int RECORD_LENGTH = 4 << 20;

  private static final int END = -1;

  private final Reader reader;
  private final String where;
  private int row = -1;
  private int length;
  private int next;

  /**
   * A table.
   *
   * @param reader the text; a byte order mark is passed over
   * @param where its name, for messages
   */
  Csv(Reader reader, String where) {
    this.reader = reader;
    this.where = where;
    next = character();
    if (next == '\ufeff') {
      advance();
    }
  }

  /**
   * The next record, empty lines passed over, or null at the end.
   *
   * @throws TableException for a quote in the wrong place, a record without end, or a reader that
   *     fails
   */
  List<String> read() {
    length = 0;
    while (next == '\r' || next == '\n') {
      advance();
      length = 0;
    }
    if (next == END) {
      return null;
    }
    row++;
    List<String> cells = new ArrayList<>();
    cells.add(cell());
    while (next == ',') {
      advance();
      cells.add(cell());
    }
    return cells;
  }

  /** Where the reader is: the header, or a row, the first of which is 1. */
  String place() {
    return where + ": " + (row < 1 ? "the header" : "row " + row);
  }

  /** One record as text, with its line end. */
  static String record(List<String> cells) {
    return cells.stream().map(Csv::quoted).collect(Collectors.joining(",", "", "\n"));
  }

  private static String quoted(String cell) {
    return cell.chars().anyMatch(character -> ",\"\r\n".indexOf(character) >= 0)
        ? '"' + cell.replace("\"", "\"\"") + '"'
        : cell;
  }

  private String cell() {
    StringBuilder text = new StringBuilder();
    boolean quotes = next == '"';
    if (quotes) {
      readQuoted(text);
    }
    while (next != ',' && next != '\n' && next != END) {
      if (next == '\r') {
        advance();
        if (next != '\n' && next != END) {
          text.append('\r');
        }
        continue;
      }
      if (quotes || next == '"') {
        throw new TableException(place() + ": a quote in the wrong place");
      }
      text.append((char) next);
      advance();
    }
    return text.toString();
  }

  /** Reads from an opening quote to behind the closing one; two quotes are one between them. */
  private void readQuoted(StringBuilder text) {
    advance();
    while (true) {
      if (next == END) {
        throw new TableException(place() + ": a quote is not closed");
      }
      if (next == '"') {
        advance();
        if (next != '"') {
          return;
        }
      }
      text.append((char) next);
      advance();
    }
  }

  private void advance() {
    next = character();
    if (++length > RECORD_LENGTH) {
      throw new TableException(place() + ": longer than " + RECORD_LENGTH + " characters");
    }
  }

  private int character() {
    try {
      return reader.read();
    } catch (IOException error) {
      throw new TableException(place() + ": cannot be read (" + error.getMessage() + ")");
    }
  }
}
