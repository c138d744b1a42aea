/** Rows and contexts as a model takes them, or the code of what does not fit. */
export type Manifest = import("./manifest.js").Manifest;
export type NdArray = {
    data: Float32Array | Float64Array;
    shape: readonly number[];
};
export type ContextRows = (start: number, rows: number) => Float32Array | null;
/** @typedef {import("./manifest.js").Manifest} Manifest */
/**
 * An array in C order.
 *
 * @typedef {object} NdArray
 * @property {Float32Array | Float64Array} data
 * @property {readonly number[]} shape
 */
/** @typedef {(start: number, rows: number) => Float32Array | null} ContextRows the context of a block of rows */
/**
 * Refuses anything but float32 rows of a shape.
 *
 * @param {string} name for messages
 * @param {NdArray} given
 * @param {readonly number[]} rowShape shape of one row
 * @returns {{data: Float32Array, rows: number}}
 * @throws {InputError}
 */
export declare function requireRows(name: string, { data, shape }: NdArray, rowShape: readonly number[]): {
    data: Float32Array;
    rows: number;
};
/**
 * Checks a context: its presence, shape and codes.
 *
 * @param {Manifest} manifest
 * @param {NdArray | null} context `[context]` for all rows, or `[rows, context]`
 * @param {number} count rows
 * @param {number} blockRows the most that is asked for at once
 * @returns {ContextRows}
 * @throws {InputError}
 */
export declare function requireContext(manifest: Manifest, context: NdArray | null, count: number, blockRows: number): ContextRows;
