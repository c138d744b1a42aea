/** Comma-separated values (RFC 4180), read as they come. */

import { quote, TableError } from "../../node/src/errors.js";

/** Characters of one record. A longer one is refused: without a line end a table would otherwise fill the memory. */
const RECORD_LENGTH = 4 * 2 ** 20;

/**
 * The records of a table, one after the other. Empty lines are passed over, and so is a byte order mark.
 *
 * @param {AsyncIterable<string> | Iterable<string>} chunks pieces of text, cut anywhere
 * @param {string} where the table's name, for messages
 * @returns {AsyncGenerator<string[], void, undefined>}
 * @throws {TableError} naming the row; the header comes before row 1
 */
export async function* readRecords(chunks, where) {
  let row = 0;
  const place = () => `${where}: ${row === 0 ? "the header" : `row ${row}`}`;
  let record = "";
  let open = false;
  for await (const lines of readLines(chunks, place)) {
    for (const line of lines) {
      record += line;
      // A line end between two quotes belongs to the cell.
      if (line.split('"').length % 2 === 0) {
        open = !open;
      }
      if (open) {
        requireLength(record, place);
      } else {
        if (/\0|\r(?!\n)/.test(record)) {
          throw new TableError(`${place()}: holds a NUL, or a CR that no LF follows`);
        }
        const text = record.replace(/\r?\n$/, "");
        record = "";
        if (text !== "") {
          yield splitRecord(text, place());
          row++;
        }
      }
    }
  }
  if (open) {
    throw new TableError(`${place()}: a quote is not closed`);
  }
}

/**
 * The cells of one record.
 *
 * @param {string} text without its line end
 * @param {string} where for messages
 * @returns {string[]}
 * @throws {TableError} for a quote in the wrong place
 */
export function splitRecord(text, where) {
  const cells = [];
  for (let start = 0; ; start++) {
    const quoted = text[start] === '"';
    const end = quoted ? closingQuote(text, start) + 1 : endOfCell(text, start);
    const cell = quoted ? text.slice(start + 1, end - 1).replaceAll('""', '"') : text.slice(start, end);
    if ((quoted && end === 0) || (!quoted && cell.includes('"')) || ![",", undefined].includes(text[end])) {
      throw new TableError(`${where}: a quote in the wrong place`);
    }
    cells.push(cell);
    if (end === text.length) {
      return cells;
    }
    start = end;
  }
}

/**
 * One record as text, with its line end.
 *
 * @param {string[]} cells
 */
export function joinRecord(cells) {
  return `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\n`;
}

/**
 * Where the named columns stand in a header.
 *
 * @param {string[]} header
 * @param {string[]} names
 * @param {string} where the table's name, for messages
 * @returns {number[]} a position a name
 * @throws {TableError} for a column that is not there, or a name that the header holds twice
 */
export function matchColumns(header, names, where) {
  const positions = new Map(header.map((name, position) => [name, position]));
  const twice = header.find((name, position) => positions.get(name) !== position);
  if (twice !== undefined) {
    throw new TableError(`${where}: the header names the column ${quote(twice)} twice`);
  }
  return names.map((name) => {
    const position = positions.get(name);
    if (position === undefined) {
      const columns = header.slice(0, 50).map(quote).join(", ");
      throw new TableError(`${where}: no column ${quote(name)}; it has ${columns || "none"}`);
    }
    return position;
  });
}

/**
 * Lines with their ends, as many as have come; the last one needs none.
 *
 * @param {AsyncIterable<string> | Iterable<string>} chunks
 * @param {() => string} place of the record that is being read
 */
async function* readLines(chunks, place) {
  let pending = "";
  let first = true;
  for await (const chunk of chunks) {
    const lines = (pending + chunk).split("\n");
    if (first) {
      lines[0] = lines[0].replace(/^\ufeff/, "");
      first = false;
    }
    pending = /** @type {string} */ (lines.pop());
    yield lines.map((line) => `${line}\n`);
    requireLength(pending, place);
  }
  yield [pending];
}

/**
 * Where the quote that opens a cell is closed; two quotes are one inside it.
 *
 * @param {string} text
 * @param {number} start
 * @returns {number} −1 where it is not
 */
function closingQuote(text, start) {
  let end = text.indexOf('"', start + 1);
  while (end >= 0 && text[end + 1] === '"') {
    end = text.indexOf('"', end + 2);
  }
  return end;
}

/**
 * @param {string} text
 * @param {number} start
 */
function endOfCell(text, start) {
  const comma = text.indexOf(",", start);
  return comma < 0 ? text.length : comma;
}

/**
 * @param {string} text
 * @param {() => string} place
 */
function requireLength(text, place) {
  if (text.length > RECORD_LENGTH) {
    throw new TableError(`${place()}: longer than ${RECORD_LENGTH} characters`);
  }
}
