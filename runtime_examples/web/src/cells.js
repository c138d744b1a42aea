/** Cells of a table as numbers: a feature, a value of a context, or the code of a category. */

import { parseNumber, trim } from "../../node/src/category.js";
import { TableError } from "../../node/src/errors.js";

/** @typedef {import("../../node/src/manifest.js").ContextFeature} ContextFeature */

/**
 * A finite number, or the code of the category whose label the cell holds. Labels that are numbers are compared as
 * numbers.
 *
 * @param {string} cell
 * @param {ContextFeature} column
 * @param {{dtype: string}} manifest
 * @param {string} where for messages
 * @param {boolean} [coded] whether a code will do as well, where no label is a number: on a command line
 * @returns {number} that the type of the model holds
 * @throws {TableError} naming the column
 */
export function cellValue(cell, { name, categories }, { dtype }, where, coded = false) {
  const number = parseNumber(cell);
  const held = dtype === "float64" ? number : Math.fround(number);
  if (categories === undefined) {
    return Number.isFinite(held) ? held : refuse(cell, name, "a finite number", where);
  }
  const label = trim(cell);
  const code = categories.findIndex((each) => trim(each) === label || parseNumber(each) === number);
  const isCode = coded && Number.isInteger(number) && number >= 0 && number < categories.length;
  if (code < 0 && isCode && categories.every((each) => Number.isNaN(parseNumber(each)))) {
    return number;
  }
  return code >= 0 ? code : refuse(cell, name, `one of ${categories.slice(0, 50).join(", ")}`, where);
}

/**
 * Refuses a record that has not as many cells as the header.
 *
 * @param {readonly string[]} record
 * @param {readonly string[]} header
 * @param {string} where for messages
 */
export function requireCells(record, header, where) {
  if (record.length !== header.length) {
    throw new TableError(`${where}: expected ${header.length} cells, got ${record.length}`);
  }
}

/**
 * @param {string} cell
 * @param {string} name
 * @param {string} wanted
 * @param {string} where
 * @returns {never}
 */
function refuse(cell, name, wanted, where) {
  throw new TableError(`${where}: column ${name}: expected ${wanted}, got ${JSON.stringify(cell.slice(0, 40))}`);
}
