import { BundleError } from "../../node/src/errors.js";

/** @typedef {import("../../node/src/inputs.js").NdArray} NdArray */

/** `\x93NUMPY`, version 1.0. */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];
const HEADER = /^\{'descr': '<(f4|f8)', 'fortran_order': False, 'shape': \(([\d, ]*)\),? *\} *\n$/;

/**
 * Reads an .npy file of version 1.0, C order, `<f4` or `<f8`.
 *
 * @param {Uint8Array} bytes the file
 * @param {string} where its path, for messages
 * @returns {NdArray} with a copy of the numbers
 * @throws {BundleError} for anything else, or a size that does not fit the shape
 */
export function readNpy(bytes, where) {
  if (bytes.length < 10 || MAGIC.some((byte, index) => bytes[index] !== byte)) {
    throw new BundleError(`${where}: is not an .npy file of version 1.0`);
  }
  const start = 10 + bytes[8] + 256 * bytes[9];
  const header = new TextDecoder("latin1").decode(bytes.subarray(10, start));
  const match = HEADER.exec(header);
  if (bytes.length < start || match === null) {
    throw new BundleError(`${where}: the header is not that of '<f4' or '<f8' in C order`);
  }
  const [, descr, sizes] = match;
  const shape = sizes.split(",").flatMap((size) => (size.trim() === "" ? [] : [Number(size)]));
  const body = new Uint8Array(bytes.subarray(start));
  const values = shape.reduce((product, size) => product * size, 1);
  if (values * (descr === "f4" ? 4 : 8) !== body.length) {
    throw new BundleError(`${where}: ${body.length} bytes do not fill the shape [${shape.join(", ")}] of ${descr}`);
  }
  return { data: descr === "f4" ? new Float32Array(body.buffer) : new Float64Array(body.buffer), shape };
}
