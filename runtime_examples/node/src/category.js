/** Categories of a context, by their labels. */

import { ArgumentError, InputError, quote } from "./errors.js";
import { contextFeatures } from "./manifest.js";

/** @typedef {import("./manifest.js").Manifest} Manifest */

/**
 * The code of a label in a column of the context. Labels that are numbers are compared as numbers, others without the
 * spaces around them.
 *
 * @param {Manifest} manifest
 * @param {string} column
 * @param {string} label
 * @returns {number}
 * @throws {InputError} for a label that is no category of the column
 * @throws {ArgumentError} where no column of that name has categories
 */
export function categoryCode(manifest, column, label) {
  const labels = contextFeatures(manifest).find(({ name }) => name === column)?.categories;
  if (labels === undefined) {
    throw new ArgumentError(`context: no column ${quote(column)} has categories`);
  }
  const number = parseNumber(label);
  const code = labels.findIndex((each) => trim(each) === trim(label) || parseNumber(each) === number);
  if (code < 0) {
    throw new InputError("unknown_category", `context: ${column}: ${quote(label)} is no category`);
  }
  return code;
}

/**
 * A text as a number: decimal, with or without an exponent, perhaps with spaces around it.
 *
 * @param {string} text
 * @returns {number} NaN where it is none
 */
export function parseNumber(text) {
  const number = trim(text);
  return /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(number) ? Number(number) : Number.NaN;
}

/**
 * A text without the spaces around it.
 *
 * @param {string} text
 */
export function trim(text) {
  return text.replace(/^ +| +$/g, "");
}
