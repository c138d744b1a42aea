/** Categories of a context, by their labels. */
export type Manifest = import("./manifest.js").Manifest;
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
export declare function categoryCode(manifest: Manifest, column: string, label: string): number;
/**
 * A text as a number: decimal, with or without an exponent, perhaps with spaces around it.
 *
 * @param {string} text
 * @returns {number} NaN where it is none
 */
export declare function parseNumber(text: string): number;
/**
 * A text without the spaces around it.
 *
 * @param {string} text
 */
export declare function trim(text: string): string;
