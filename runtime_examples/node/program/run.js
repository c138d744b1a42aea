/** The mode in which a program answers requests over standard input: ../../README.md, "The mode run". */

import { once } from "node:events";
import { ArgumentError, BundleError, FlowError, InputError, Model, normals } from "../src/index.js";

/** @typedef {import("../src/inputs.js").NdArray} NdArray */
/** @typedef {Float32Array | Float64Array} Numbers */
/** @typedef {{kind: string, shape: number[], bytes: Buffer}} Received an array as it comes */
/** @typedef {{words: string[], arrays: (Received | null)[]}} Request */

/** Standard input, so many bytes or a line at a time. */
class Input {
  #chunks = process.stdin[Symbol.asyncIterator]();
  #pending = Buffer.alloc(0);

  /** More bytes; false at the end. */
  async #more() {
    const { value, done } = await this.#chunks.next();
    this.#pending = done ? this.#pending : Buffer.concat([this.#pending, value]);
    return !done;
  }

  /** @param {number} count */
  async bytes(count) {
    while (this.#pending.length < count) {
      if (!(await this.#more())) {
        throw new ArgumentError("a request is cut short");
      }
    }
    // A copy, which begins where numbers may begin.
    const taken = Buffer.from(new Uint8Array(this.#pending.subarray(0, count)).buffer);
    this.#pending = this.#pending.subarray(count);
    return taken;
  }

  /** @returns {Promise<Request | null>} null at the end */
  async request() {
    let end = this.#pending.indexOf("\n");
    while (end < 0) {
      if (!(await this.#more())) {
        return null;
      }
      end = this.#pending.indexOf("\n");
    }
    const line = (await this.bytes(end + 1)).toString().trimEnd();
    /** @type {Request} */
    const request = { words: [], arrays: [] };
    for (const word of line.split(" ")) {
      const [kind, axes] = word.split(":");
      if (axes !== undefined) {
        const shape = axes.split(",").map(Number);
        const size = shape.reduce((product, axis) => product * axis, Number(kind.slice(1)));
        request.arrays.push({ kind, shape, bytes: await this.bytes(size) });
      } else if (word === "-") {
        request.arrays.push(null);
      } else {
        request.words.push(word);
      }
    }
    return request;
  }
}

/**
 * @param {Received | null} received
 * @param {Model} model
 * @returns {NdArray | null}
 */
function asArray(received, model) {
  if (received === null) {
    return null;
  }
  const { kind, shape, bytes } = received;
  if (kind === "f8" && model.manifest.dtype === "float32") {
    throw new InputError("wrong_dtype", "expected float32, got float64");
  }
  const data = kind === "f8" ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer);
  return { data, shape };
}

/**
 * The call that the words of a request from a place on ask for.
 *
 * @param {Model} model
 * @param {Request} request
 * @param {number} at
 * @returns {() => Promise<Numbers>}
 */
function callOf(model, { words, arrays }, at) {
  const [first, second = null] = arrays.map((each) => asArray(each, model));
  const [verb, rows, seed, start, temperature] = words.slice(at);
  if (verb === "sample") {
    const draw = { seed: BigInt(seed), temperature: Number(temperature), context: first };
    return async () => (await model.sample(Number(rows), draw, Number(start))).data;
  }
  const given = /** @type {NdArray} */ (first);
  return verb === "log_prob"
    ? () => model.logProb(given, second)
    : async () => (await model.sampleFrom(given, second)).data;
}

/**
 * @param {Model} model
 * @param {Request} request
 * @returns {Promise<Numbers>}
 */
async function respond(model, request) {
  const { words, arrays } = request;
  const text = arrays.map((each) => each?.bytes.toString() ?? "");
  switch (words[0]) {
    case "category":
      return Float32Array.of(model.category(text[0], text[1]));
    case "normals":
      return normals(BigInt(words[1]), Number(words[2]), Number(words[3]));
    case "percentile": {
      const { kind, bytes } = /** @type {Received} */ (arrays[0]);
      const scores = kind === "f8" ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer);
      return Float64Array.from(scores, (score) => model.percentile(score));
    }
    case "time": {
      const call = callOf(model, request, 2);
      const microseconds = new Float64Array(Number(words[1]));
      for (let index = 0; index < microseconds.length; index++) {
        const before = process.hrtime.bigint();
        await call();
        microseconds[index] = Number(process.hrtime.bigint() - before) / 1e3;
      }
      return microseconds;
    }
    default:
      return await callOf(model, request, 0)();
  }
}

/** @param {string | Uint8Array} part */
async function write(part) {
  if (!process.stdout.write(part)) {
    await once(process.stdout, "drain");
  }
}

/** @param {Numbers} numbers */
async function answer(numbers) {
  await write(`f${numbers.BYTES_PER_ELEMENT}:${numbers.length}\n`);
  await write(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
}

/** @param {unknown} error */
async function answerError(error) {
  if (!(error instanceof FlowError)) {
    throw error;
  }
  const other = error instanceof BundleError ? "bad_bundle" : "wrong_value";
  const code = error instanceof InputError ? error.code : other;
  await write(`error ${code} ${error.message.replace(/\p{Cc}+/gu, " ")}\n`);
}

/**
 * Opens a bundle and answers until there are no more requests.
 *
 * @param {string} folder
 * @param {string} [digest] that it must have
 * @returns {Promise<number>} the exit status
 */
export async function run(folder, digest) {
  let model;
  try {
    model = await Model.open(folder, { digest });
  } catch (error) {
    await answerError(error);
    return 2;
  }
  await answer(new Float32Array(0));
  const input = new Input();
  for (let request = await input.request(); request !== null; request = await input.request()) {
    try {
      await answer(await respond(model, request));
    } catch (error) {
      await answerError(error);
    }
  }
  await model.close();
  return 0;
}
