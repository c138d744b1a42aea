/**
 * A bundle in memory and a runtime that stands in for ONNX Runtime: x = 2 z + 1 + the context's sum, feature by
 * feature, so that every number is known.
 */

import { Model } from "../src/model.js";

/** All that a golden case of the tests may speak of. */
const FILES = ["x", "wide", "log_prob", "z", "sample", "direction", "noise", "expected"].map((name) => `${name}.npy`);

const LOG_ROOT_TWO_PI = 0.5 * Math.log(2 * Math.PI);

/**
 * @param {Record<string, unknown>} [changes] to flow.json
 * @returns {any} a manifest of two features
 */
export function manifest(changes = {}) {
  const width = /** @type {number[]} */ (changes.event_shape ?? [2]).reduce((all, size) => all * size, 1);
  const event = /** @type {number[]} */ (changes.event_shape ?? [2]);
  const tensor = (/** @type {string} */ name, /** @type {number[]} */ row) => [
    { name, dtype: "float32", shape: ["batch", ...row] },
  ];
  const context = changes.context_size ? tensor("context", [/** @type {number} */ (changes.context_size)]) : [];
  return {
    format: "flowexport/1",
    dtype: "float32",
    description: "a scaled and shifted normal",
    event_shape: [2],
    latent_size: width,
    context_size: 0,
    features: null,
    context_features: null,
    architecture: {},
    graphs: {
      log_prob: {
        file: "log_prob.onnx",
        opset: 18,
        inputs: [...tensor("x", event), ...context],
        outputs: tensor("log_prob", []),
      },
      sample: {
        file: "sample.onnx",
        opset: 18,
        inputs: [...tensor("z", [width]), ...context],
        outputs: tensor("x", event),
      },
    },
    files: Object.fromEntries(FILES.map((name) => [name, "0".repeat(64)])),
    scale: Array.from({ length: width }, () => 2),
    tolerance: { log_prob: { atol: 1, rtol: 1e-6 }, sample: { atol: 1e-5, rtol: 1 } },
    reference: { rows: 9, log_prob_quantiles: Array.from({ length: 101 }, (_, index) => index - 100) },
    golden: { cases: [], log_prob_of_sample: "expected.npy", noise: [] },
    provenance: {},
    ...changes,
  };
}

/**
 * All that an iteration gives.
 *
 * @template T
 * @param {AsyncIterable<T>} given
 */
export async function collected(given) {
  /** @type {T[]} */
  const all = [];
  for await (const each of given) {
    all.push(each);
  }
  return all;
}

/**
 * An .npy file.
 *
 * @param {number[]} values
 * @param {number[]} shape
 * @param {"f4" | "f8"} descr
 */
export function npy(values, shape, descr) {
  const sizes = shape.map((size) => `${size},`).join(" ");
  const header = `{'descr': '<${descr}', 'fortran_order': False, 'shape': (${sizes}), }`.padEnd(117);
  const body = descr === "f4" ? Float32Array.from(values) : Float64Array.from(values);
  const head = [0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, 118, 0, ...new TextEncoder().encode(`${header}\n`)];
  return new Uint8Array([...head, ...new Uint8Array(body.buffer)]);
}

/**
 * @param {any} manifest
 * @param {Record<string, Uint8Array<ArrayBuffer>>} [files]
 */
export async function openFake(manifest, files = {}) {
  /** @type {number[]} rows of every run */
  const runs = [];
  let running = 0;
  class Tensor {
    /** @param {string} _type @param {Float32Array} data @param {number[]} dims */
    constructor(_type, data, dims) {
      Object.assign(this, { data, dims });
    }
    getData() {
      return Promise.resolve(/** @type {any} */ (this).data);
    }
  }
  const InferenceSession = {
    async create(/** @type {Uint8Array} */ bytes) {
      if (bytes.length > 1) {
        throw new Error("no such graph\nand more");
      }
      return { run: bytes[0] === 0 ? logProb : sample, release: async () => {} };
    },
  };
  /** @param {any} feeds */
  async function logProb({ x, context }) {
    const [rows] = await begin(x);
    const width = x.data.length / rows;
    const scores = Array.from({ length: rows }, (_, row) => {
      const z = Array.from({ length: width }, (_, i) => (x.data[row * width + i] - shift(context, row)) / 2);
      return z.reduce((sum, value) => sum - (value * value) / 2 - LOG_ROOT_TWO_PI - Math.log(2), 0);
    });
    return { log_prob: new Tensor("float32", Float32Array.from(scores), [rows]) };
  }
  /** @param {any} feeds */
  async function sample({ z, context }) {
    const [rows] = await begin(z);
    const width = z.data.length / rows;
    const x = z.data.map(
      (/** @type {number} */ value, /** @type {number} */ i) => 2 * value + shift(context, Math.floor(i / width)),
    );
    return { x: new Tensor("float32", x, [rows, width]) };
  }
  /** @param {any} context @param {number} row */
  function shift(context, row) {
    const width = context === undefined ? 0 : context.dims[1];
    let sum = 1;
    for (let i = 0; i < width; i++) {
      sum += context.data[row * width + i];
    }
    return sum;
  }
  /** @param {any} tensor */
  async function begin(tensor) {
    if (running > 0) {
      throw new Error("a session takes one run at a time");
    }
    running++;
    await null;
    running--;
    runs.push(tensor.dims[0]);
    return tensor.dims;
  }
  const contents = new Map(
    Object.entries({ "log_prob.onnx": Uint8Array.of(0), "sample.onnx": Uint8Array.of(1), ...files }),
  );
  const runtime = /** @type {any} */ ({ ort: { Tensor, InferenceSession }, provider: "wasm", threads: 1 });
  const model = await Model.open(runtime, { label: "fake", manifest, files: contents });
  return { model, runs };
}
