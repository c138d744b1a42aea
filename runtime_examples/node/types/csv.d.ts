/** Comma-separated values (RFC 4180), read as they come. */
/**
 * The records of a table, one after the other. Empty lines are passed over, and so is a byte order mark.
 *
 * @param {AsyncIterable<string> | Iterable<string>} chunks pieces of text, cut anywhere
 * @param {string} where the table's name, for messages
 * @returns {AsyncGenerator<string[], void, undefined>}
 * @throws {TableError} naming the row; the header comes before row 1
 */
export declare function readRecords(chunks: AsyncIterable<string> | Iterable<string>, where: string): AsyncGenerator<string[], void, undefined>;
/**
 * The cells of one record.
 *
 * @param {string} text without its line end
 * @param {string} where for messages
 * @returns {string[]}
 * @throws {TableError} for a quote in the wrong place
 */
export declare function splitRecord(text: string, where: string): string[];
/**
 * One record as text, with its line end.
 *
 * @param {string[]} cells
 */
export declare function joinRecord(cells: string[]): string;
/**
 * Where the named columns stand in a header.
 *
 * @param {string[]} header
 * @param {string[]} names
 * @param {string} where the table's name, for messages
 * @returns {number[]} a position a name
 * @throws {TableError} for a column that is not there, or a name that the header holds twice
 */
export declare function matchColumns(header: string[], names: string[], where: string): number[];
/**
 * A cell as a number: decimal, with or without an exponent.
 *
 * @param {string} cell
 * @returns {number} NaN where it is none
 */
export declare function parseNumber(cell: string): number;
