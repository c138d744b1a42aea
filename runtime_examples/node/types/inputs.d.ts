/** Rows and contexts as a model takes them, or the code of what does not fit. */
export type Manifest = import("./manifest.js").Manifest;
export type Numbers = Float32Array | Float64Array;
export type NdArray = {
    data: Numbers;
    shape: readonly number[];
};
export type Nested = number | readonly Nested[];
export type Given = {
    data: ArrayLike<number>;
    shape: readonly number[];
} | readonly Nested[] | ArrayLike<number>;
export type ContextRows = (start: number, rows: number) => Numbers | null;
/** @typedef {import("./manifest.js").Manifest} Manifest */
/** @typedef {Float32Array | Float64Array} Numbers */
/**
 * An array in C order.
 *
 * @typedef {object} NdArray
 * @property {Numbers} data
 * @property {readonly number[]} shape
 */
/** @typedef {number | readonly Nested[]} Nested */
/**
 * Rows as a caller may have them: an array with its shape; rows within rows, `[[1, 2], [3, 4]]`; or numbers alone, one
 * row after the other.
 *
 * @typedef {{data: ArrayLike<number>, shape: readonly number[]} | readonly Nested[] | ArrayLike<number>} Given
 */
/** @typedef {(start: number, rows: number) => Numbers | null} ContextRows the context of a block of rows */
/** A little above it, neighbouring float32 latents are a standard deviation apart. */
export declare const HOTTEST = 1000000;
/**
 * The kind of array that a model computes on.
 *
 * @param {Manifest} manifest
 */
export declare function arrayOf({ dtype }: Manifest): Float32ArrayConstructor | Float64ArrayConstructor;
/**
 * Numbers in the type of a model, copied where they are of another.
 *
 * @param {Manifest} manifest
 * @param {ArrayLike<number>} data
 * @returns {Numbers}
 */
export declare function asNumbers(manifest: Manifest, data: ArrayLike<number>): Numbers;
/**
 * Refuses anything but rows of a shape.
 *
 * @param {Manifest} manifest
 * @param {string} name for messages
 * @param {Given} given
 * @param {readonly number[]} rowShape shape of one row
 * @returns {{data: Numbers, rows: number}} in the type of the model
 * @throws {InputError}
 */
export declare function requireRows(manifest: Manifest, name: string, given: Given, rowShape: readonly number[]): {
    data: Numbers;
    rows: number;
};
/**
 * Puts −∞ in the place of scores that are NaN or +∞: the arithmetic ran over, and no row is that likely. Rows that hold
 * a NaN themselves, in x or in the context, keep theirs.
 *
 * @template {Numbers} T
 * @param {T} scores `[rows]`, changed
 * @param {readonly (Numbers | null)[]} inputs `[rows, …]`
 * @returns {T}
 */
export declare function floorScores<T extends Numbers>(scores: T, inputs: readonly (Numbers | null)[]): T;
/**
 * Checks a context: its presence, shape and codes.
 *
 * @param {Manifest} manifest
 * @param {Given | null} context `[context]` for all rows, or `[rows, context]`
 * @param {number} count rows
 * @param {number} blockRows the most that is asked for at once
 * @returns {ContextRows}
 * @throws {InputError}
 */
export declare function requireContext(manifest: Manifest, context: Given | null, count: number, blockRows: number): ContextRows;
