/** Rows and contexts as a model takes them, or the code of what does not fit. */

import { InputError } from "./errors.js";
import { contextFeatures } from "./manifest.js";

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
export const HOTTEST = 1e6;

/**
 * The kind of array that a model computes on.
 *
 * @param {Manifest} manifest
 */
export function arrayOf({ dtype }) {
  return dtype === "float64" ? Float64Array : Float32Array;
}

/**
 * Numbers in the type of a model, copied where they are of another.
 *
 * @param {Manifest} manifest
 * @param {ArrayLike<number>} data
 * @returns {Numbers}
 */
export function asNumbers(manifest, data) {
  const Kind = arrayOf(manifest);
  return data instanceof Kind ? data : Kind.from(data);
}

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
export function requireRows(manifest, name, given, rowShape) {
  const { data, shape } = asNdArray(given, rowShape);
  if (!isNumeric(data)) {
    throw new InputError("wrong_dtype", `${name}: expected numbers`);
  }
  const [rows] = shape;
  const expected = [rows, ...rowShape];
  const size = expected.reduce((product, axis) => product * axis, 1);
  if (!Number.isInteger(rows) || shape.join() !== expected.join() || data.length !== size) {
    const wanted = ["rows", ...rowShape].join(", ");
    const got = `[${shape.join(", ")}] of ${data.length} numbers`;
    throw new InputError("wrong_shape", `${name}: expected the shape [${wanted}], got ${got}`);
  }
  return { data: asNumbers(manifest, data), rows };
}

/**
 * @param {Given} given
 * @param {readonly number[]} rowShape
 * @returns {{data: ArrayLike<number>, shape: readonly number[]}}
 */
function asNdArray(given, rowShape) {
  if (given !== null && typeof given === "object" && "shape" in given && "data" in given) {
    return given;
  }
  const data = /** @type {number[]} */ (Array.isArray(given) ? given.flat(Number.POSITIVE_INFINITY) : given);
  if (!Array.isArray(given) || !Array.isArray(given[0])) {
    const size = rowShape.reduce((product, axis) => product * axis, 1);
    return { data, shape: [(data?.length ?? 0) / size, ...rowShape] };
  }
  const shape = [];
  for (let level = /** @type {any} */ (given); Array.isArray(level); level = level[0]) {
    shape.push(level.length);
  }
  return { data, shape };
}

/** @param {ArrayLike<unknown>} data */
function isNumeric(data) {
  if (Array.isArray(data)) {
    return data.every((value) => typeof value === "number");
  }
  return ArrayBuffer.isView(data) && !(data instanceof DataView || /^Big/.test(data.constructor.name));
}

/**
 * Puts −∞ in the place of scores that are NaN or +∞: the arithmetic ran over, and no row is that likely. Rows that hold
 * a NaN themselves, in x or in the context, keep theirs.
 *
 * @template {Numbers} T
 * @param {T} scores `[rows]`, changed
 * @param {readonly (Numbers | null)[]} inputs `[rows, …]`
 * @returns {T}
 */
export function floorScores(scores, inputs) {
  for (let row = 0; row < scores.length; row++) {
    /** @param {Numbers | null} input */
    const undefinedIn = (input) => {
      const width = (input?.length ?? 0) / scores.length;
      return input?.subarray(row * width, (row + 1) * width).some(Number.isNaN);
    };
    if (!(scores[row] < Infinity) && !inputs.some(undefinedIn)) {
      scores[row] = -Infinity;
    }
  }
  return scores;
}

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
  const all = asNdArray(context, [width]);
  const one = all.shape.length === 1 || ("length" in context && !Array.isArray(context[0]) && all.shape[0] === 1);
  const asRows = all.shape.length === 1 ? { ...all, shape: [1, ...all.shape] } : all;
  const { data, rows: given } = requireRows(manifest, "context", asRows, [width]);
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
  const length = Math.min(count, blockRows) * width;
  const repeated = Array.from({ length }, (_, index) => data[index % width]);
  const block = asNumbers(manifest, repeated);
  return (_, rows) => block.subarray(0, rows * width);
}
