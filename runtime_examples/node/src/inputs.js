/** Rows and contexts as a model takes them, or the code of what does not fit. */

import { InputError } from "./errors.js";
import { contextFeatures } from "./manifest.js";

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
export function requireRows(name, { data, shape }, rowShape) {
  if (!(data instanceof Float32Array)) {
    throw new InputError("wrong_dtype", `${name}: expected a Float32Array, got a ${data.constructor.name}`);
  }
  const [rows] = shape;
  const expected = [rows, ...rowShape];
  const size = expected.reduce((product, axis) => product * axis, 1);
  if (!Number.isInteger(rows) || shape.join() !== expected.join() || data.length !== size) {
    const wanted = ["rows", ...rowShape].join(", ");
    const got = `[${shape.join(", ")}] of ${data.length} numbers`;
    throw new InputError("wrong_shape", `${name}: expected the shape [${wanted}], got ${got}`);
  }
  return { data, rows };
}

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
export function requireContext(manifest, context, count, blockRows) {
  const columns = contextFeatures(manifest);
  if (context === null) {
    if (columns.length > 0) {
      const names = columns.map(({ name }) => name).join(", ");
      throw new InputError("missing_context", `context: this model needs ${columns.length} numbers (${names})`);
    }
    return () => null;
  }
  if (columns.length === 0) {
    throw new InputError("wrong_shape", "context: this model takes none");
  }
  const width = columns.length;
  const one = context.shape.length === 1;
  const asRows = one ? { ...context, shape: [1, ...context.shape] } : context;
  const { data, rows: given } = requireRows("context", asRows, [width]);
  if (!one && given !== count) {
    throw new InputError("wrong_shape", `context: ${given} rows, expected ${count}`);
  }
  columns.forEach(({ name, categories }, column) => {
    for (let at = column; categories && at < data.length; at += width) {
      if (!(Number.isInteger(data[at]) && data[at] >= 0 && data[at] < categories.length)) {
        const codes = `a code from 0 to ${categories.length - 1}`;
        throw new InputError("unknown_category", `context: ${name}: expected ${codes}, got ${data[at]}`);
      }
    }
  });
  if (!one) {
    return (start, rows) => data.subarray(start * width, (start + rows) * width);
  }
  const block = Float32Array.from({ length: Math.min(count, blockRows) * width }, (_, index) => data[index % width]);
  return (_, rows) => block.subarray(0, rows * width);
}
