package flowbundle.program;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
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
      endLine();
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
    if (next == '\r') {
      advance();
      requireLineFeed();
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
    while (next != ',' && next != '\n' && next != '\r' && next != END) {
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
      if (next == '\r') {
        advance();
        requireLineFeed();
      } else {
        advance();
      }
    }
  }

  /** Reads LF, or CR and LF. */
  private void endLine() {
    if (next == '\r') {
      advance();
      requireLineFeed();
    }
    advance();
  }

  private void requireLineFeed() {
    if (next != '\n') {
      throw new TableException(place() + ": holds a CR that no LF follows");
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
      int character = reader.read();
      if (character == 0) {
        throw new TableException(place() + ": holds a NUL");
      }
      return character;
    } catch (CharacterCodingException error) {
      throw new TableException(place() + ": behind it, what follows is not UTF-8");
    } catch (IOException error) {
      throw new TableException(place() + ": cannot be read (" + error.getMessage() + ")");
    }
  }
}
