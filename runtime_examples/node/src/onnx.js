/** What a graph may hold: operators and fields of the file that are on a list, so that it has one reading. */

import { BundleError, quote } from "./errors.js";
import { FIELDS, OPERATORS, OPSET, TYPES } from "./operators.js";

/** @type {Map<string, Map<number, string>>} message → number of a field → what it is */
const MESSAGES = new Map();
for (const message of FIELDS.split(";")) {
  const [name, ...words] = message.split(" ");
  /** @type {Map<number, string>} */
  const fields = new Map();
  for (let index = 0; index < words.length; index += 2) {
    fields.set(Number(words[index]), words[index + 1]);
  }
  MESSAGES.set(name, fields);
}

/** What a field is → the ways in which protobuf may write it; 2 is length-delimited, as texts and messages are. */
const WIRES = new Map([
  ["int", [0]],
  ["ints", [0, 2]],
  ["float", [5]],
  ["floats", [5, 2]],
  ["doubles", [1, 2]],
]);

/**
 * Refuses an ONNX file with anything that is not on the list: see docs/bundle.md.
 *
 * @param {Uint8Array} data
 * @param {string} where its path, for messages
 * @throws {BundleError} naming what it is
 */
export function requireListedGraph(data, where) {
  try {
    walk(data, "Model");
  } catch (error) {
    throw error instanceof RangeError ? new BundleError(`${where}: ${error.message}`) : error;
  }
}

/**
 * Holds a message, and those in it, to the list.
 *
 * @param {Uint8Array} data
 * @param {string} message
 */
function walk(data, message) {
  /** @type {Map<number, bigint | Uint8Array>} */
  const found = new Map();
  const cursor = { data, at: 0 };
  let opsets = 0;
  while (cursor.at < data.length) {
    const tag = Number(varint(cursor));
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    const kind = MESSAGES.get(message)?.get(number) ?? "";
    const base = kind.replace("*", "");
    if (kind === "" || !(WIRES.get(base) ?? [2]).includes(wire)) {
      throw new RangeError(`${message} has the field ${number}, which is not on the list of those that a graph has`);
    }
    opsets += base === "Opset" ? 1 : 0;
    if (opsets > 1 || (found.has(number) && kind === base)) {
      throw new RangeError(`${message} has ${base} (field ${number}) twice: one opset, one graph, one reading`);
    }
    if (wire === 0) {
      found.set(number, varint(cursor));
      continue;
    }
    const size = wire === 2 ? Number(varint(cursor)) : wire === 5 ? 4 : 8;
    const part = data.subarray(cursor.at, cursor.at + size);
    cursor.at += size;
    if (part.length < size) {
      throw new RangeError("is cut short");
    }
    found.set(number, part);
    if (MESSAGES.has(base)) {
      walk(part, base);
    }
  }
  check(message, found);
}

/**
 * What a message must say.
 *
 * @param {string} message
 * @param {Map<number, bigint | Uint8Array>} found
 */
function check(message, found) {
  /** @param {number} number */
  const text = (number) => new TextDecoder().decode(/** @type {Uint8Array} */ (found.get(number) ?? new Uint8Array()));
  if (message === "Model" && !(found.has(7) && found.has(8))) {
    throw new RangeError(`expected one graph and one opset, ${OPSET} of the standard domain`);
  }
  if (message === "Opset" && (text(1) !== "" || found.get(2) !== BigInt(OPSET))) {
    throw new RangeError(`opset: expected ${OPSET} of the standard domain alone`);
  }
  if (message === "Node" && (text(7) !== "" || !OPERATORS.split(" ").includes(text(4)))) {
    throw new RangeError(`${quote(text(4))} is not on the list of operators`);
  }
  const element = message === "Tensor" ? found.get(2) : found.get(1);
  if (/^Tensor/.test(message) && !TYPES.split(" ").includes(String(element))) {
    throw new RangeError(`a tensor of the element type ${element}`);
  }
}

/** @param {{data: Uint8Array, at: number}} cursor moved behind the number, of at most ten bytes */
function varint(cursor) {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    if (cursor.at >= cursor.data.length) {
      throw new RangeError("is cut short");
    }
    const byte = cursor.data[cursor.at++];
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) {
      return value;
    }
  }
  throw new RangeError("a number of more than ten bytes");
}
