/** A bundle that runs: log_prob, percentile and sample, typed arrays in and out. */

import { ArgumentError, BundleError, InputError } from "../../node/src/errors.js";
import { contextFeatures } from "../../node/src/manifest.js";
import { normals } from "../../node/src/noise.js";

/** @typedef {import("./bundle.js").Bundle} Bundle */
/** @typedef {import("./bundle.js").NdArray} NdArray */
/** @typedef {import("./runtime.js").Runtime} Runtime */
/** @typedef {import("onnxruntime-web").InferenceSession} Session */
/** @typedef {import("../../node/src/manifest.js").GraphName} GraphName */

/** @typedef {{data: Float32Array, shape: number[]}} Rows `[rows, *event]` */

/** Rows a run: ONNX Runtime keeps the memory of the largest batch that it has seen. */
export const BLOCK_ROWS = 1024;

/**
 * Draws of a model.
 *
 * @typedef {object} Draw
 * @property {bigint} seed 0 to 2⁶⁴ − 1
 * @property {number} [temperature] multiplies the noise, from 0; 1 where it is not given
 * @property {NdArray | null} [context] `[context]` for all rows, or `[rows, context]`
 * @property {AbortSignal} [signal] stops between two blocks
 */

export class Model {
  /** The end of the runs that were asked for: a session takes one at a time. */
  #turn = Promise.resolve();

  /**
   * Makes the sessions of a bundle.
   *
   * @param {Runtime} runtime
   * @param {Bundle} bundle
   * @returns {Promise<Model>}
   * @throws {BundleError} where ONNX Runtime cannot open a graph
   */
  static async open(runtime, bundle) {
    const log_prob = await openSession(runtime, bundle, "log_prob");
    const sample = await openSession(runtime, bundle, "sample");
    return new Model(runtime, bundle, { log_prob, sample });
  }

  /**
   * @param {Runtime} runtime
   * @param {Bundle} bundle
   * @param {Record<GraphName, Session>} sessions
   */
  constructor(runtime, bundle, sessions) {
    this.runtime = runtime;
    this.bundle = bundle;
    this.manifest = bundle.manifest;
    this.sessions = sessions;
  }

  /**
   * The log-density of rows, in nats, in the data's own units.
   *
   * @param {NdArray} x `[rows, *event]` float32
   * @param {NdArray | null} [context] `[context]` for all rows, or `[rows, context]`; of a category its code
   * @param {AbortSignal} [signal] stops between two blocks
   * @returns {Promise<Float32Array>} `[rows]`; −∞ outside the support
   * @throws {InputError} for a shape, type or code that does not fit, a context that is missing or unasked for
   */
  async logProb(x, context = null, signal) {
    requireRows("x", x, this.manifest.event_shape);
    return await this.#rows("log_prob", x, this.#context(context, x.shape[0]), signal);
  }

  /**
   * Draws samples, the same for the same seed in every language.
   *
   * @param {number} count
   * @param {Draw} draw
   * @returns {Promise<Rows>} `[count, *event]`
   * @throws {InputError | ArgumentError} for an argument that cannot be
   */
  async sample(count, draw) {
    const shape = [count, ...this.manifest.event_shape];
    const blocks = this.sampleBlocks(count, draw);
    const data = new Float32Array(product(shape));
    let at = 0;
    for await (const block of blocks) {
      data.set(block, at);
      at += block.length;
    }
    return { data, shape };
  }

  /**
   * The rows of `sample`, block by block, for more of them than memory holds.
   *
   * @param {number} count
   * @param {Draw} draw
   * @returns {AsyncGenerator<Float32Array, void, undefined>}
   * @throws {InputError | ArgumentError} at once, for an argument that cannot be
   */
  sampleBlocks(count, { seed, temperature = 1, context = null, signal }) {
    const factor = Math.fround(temperature);
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new ArgumentError(`rows: expected a whole number from 0, got ${count}`);
    }
    if (!(factor >= 0 && factor < Infinity)) {
      throw new ArgumentError(`temperature: expected a number from 0, got ${temperature}`);
    }
    normals(seed, 0, 0); // holds the seed to its 64 bits
    return this.#draw(count, seed, factor, this.#context(context, count), signal);
  }

  /**
   * The deterministic map from noise to data.
   *
   * @param {NdArray} z `[rows, latent]` float32
   * @param {NdArray | null} [context] as for `logProb`
   * @returns {Promise<Rows>} `[rows, *event]`
   * @throws {InputError} as for `logProb`
   */
  async sampleFrom(z, context = null) {
    requireRows("z", z, [this.manifest.latent_size]);
    const data = await this.#rows("sample", z, this.#context(context, z.shape[0]));
    return { data, shape: [z.shape[0], ...this.manifest.event_shape] };
  }

  /**
   * Where a score stands among those of the reference rows, 0 to 100, linear between their quantiles.
   *
   * @param {number} logProb nats
   * @returns {number} NaN for NaN
   * @throws {BundleError} where the bundle has no reference rows
   */
  percentile(logProb) {
    const quantiles = this.manifest.reference?.log_prob_quantiles;
    if (quantiles === undefined) {
      throw new BundleError(`${this.bundle.label}/flow.json: reference: is null, so there are no percentiles`);
    }
    if (Number.isNaN(logProb)) {
      return Number.NaN;
    }
    if (logProb < quantiles[0]) {
      return 0;
    }
    // Between the last quantile that is not above it, and the next; of equal quantiles the last counts.
    const above = quantiles.findIndex((value) => value > logProb);
    if (above < 0) {
      return quantiles.length - 1;
    }
    const below = above - 1;
    return below + (logProb - quantiles[below]) / (quantiles[above] - quantiles[below]);
  }

  /** Gives the sessions' memory back. */
  async close() {
    await this.#turn;
    await Promise.all(Object.values(this.sessions).map((session) => session.release()));
  }

  /**
   * @param {number} count
   * @param {bigint} seed
   * @param {number} temperature float32
   * @param {NdArray | null} context
   * @param {AbortSignal} [signal]
   */
  async *#draw(count, seed, temperature, context, signal) {
    const { latent_size: width, selector } = this.manifest;
    // The last column of a mixture chooses its component: it is no noise to be scaled.
    const scaled = selector ? width - 1 : width;
    for (let start = 0; start < count; start += BLOCK_ROWS) {
      signal?.throwIfAborted();
      const rows = Math.min(BLOCK_ROWS, count - start);
      const z = normals(seed, start * width, rows * width);
      for (let index = 0; index < z.length; index++) {
        z[index] *= index % width < scaled ? temperature : 1;
      }
      yield await this.#run("sample", z, context, start, rows);
    }
  }

  /**
   * A graph over all rows.
   *
   * @param {GraphName} graph
   * @param {NdArray} given
   * @param {NdArray | null} context
   * @param {AbortSignal} [signal]
   */
  async #rows(graph, { data, shape: [count] }, context, signal) {
    const width = data.length / count;
    const out = new Float32Array(count * product(this.manifest.graphs[graph].outputs[0].shape.slice(1)));
    for (let start = 0; start < count; start += BLOCK_ROWS) {
      signal?.throwIfAborted();
      const rows = Math.min(BLOCK_ROWS, count - start);
      // A copy, since a worker takes the memory that it is handed.
      const block = new Float32Array(data.slice(start * width, (start + rows) * width));
      out.set(await this.#run(graph, block, context, start, rows), (start * out.length) / count);
    }
    return out;
  }

  /**
   * One run.
   *
   * @param {GraphName} graph
   * @param {Float32Array} block
   * @param {NdArray | null} context
   * @param {number} start the block's first row
   * @param {number} rows
   * @returns {Promise<Float32Array>}
   */
  async #run(graph, block, context, start, rows) {
    const { Tensor } = this.runtime.ort;
    const spec = this.manifest.graphs[graph];
    const name = graph === "log_prob" ? "x" : "z";
    const shape = graph === "log_prob" ? this.manifest.event_shape : [this.manifest.latent_size];
    const feeds = { [name]: new Tensor("float32", block, [rows, ...shape]) };
    if (context !== null) {
      const width = this.manifest.context_size;
      feeds.context = new Tensor("float32", contextBlock(context, width, start, rows), [rows, width]);
    }
    const before = this.#turn;
    /** @type {() => void} */
    let done = () => {};
    this.#turn = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    try {
      const outputs = await this.sessions[graph].run(feeds);
      const found = await outputs[spec.outputs[0].name].getData();
      const expected = rows * product(spec.outputs[0].shape.slice(1));
      if (!(found instanceof Float32Array) || found.length !== expected) {
        throw new Error(`gives ${found.length} numbers for ${rows} rows, expected ${expected}`);
      }
      return found;
    } catch (error) {
      throw new BundleError(`${this.bundle.label}/${spec.file}: cannot be run (${reason(error)})`);
    } finally {
      done();
    }
  }

  /**
   * The context of rows, its shape and codes checked.
   *
   * @param {NdArray | null} context
   * @param {number} rows
   */
  #context(context, rows) {
    const columns = contextFeatures(this.manifest);
    if (context === null) {
      if (columns.length > 0) {
        const names = columns.map(({ name }) => name).join(", ");
        throw new InputError("missing_context", `context: this model needs ${columns.length} numbers (${names})`);
      }
      return null;
    }
    if (columns.length === 0) {
      throw new InputError("wrong_shape", "context: this model takes none");
    }
    const { data, shape } = context;
    requireRows("context", { data, shape: shape.length === 1 ? [1, ...shape] : shape }, [columns.length]);
    if (shape.length > 1 && shape[0] !== rows) {
      throw new InputError("wrong_shape", `context: ${shape[0]} rows, expected ${rows}`);
    }
    columns.forEach(({ name, categories }, column) => {
      for (let at = column; categories && at < data.length; at += columns.length) {
        if (!(Number.isInteger(data[at]) && data[at] >= 0 && data[at] < categories.length)) {
          const codes = `a code from 0 to ${categories.length - 1}`;
          throw new InputError("unknown_category", `context: ${name}: expected ${codes}, got ${data[at]}`);
        }
      }
    });
    return context;
  }
}

/**
 * @param {string} name
 * @param {NdArray} given
 * @param {readonly number[]} event shape of one row
 */
function requireRows(name, { data, shape }, event) {
  if (!(data instanceof Float32Array)) {
    throw new InputError("wrong_dtype", `${name}: expected a Float32Array, got a ${data.constructor.name}`);
  }
  const fits = shape.length === 1 + event.length && event.every((size, axis) => size === shape[axis + 1]);
  if (!fits || data.length !== product(shape)) {
    const wanted = ["rows", ...event].join(", ");
    throw new InputError("wrong_shape", `${name}: expected shape [${wanted}], got [${shape.join(", ")}]`);
  }
}

/**
 * The context of a block, a copy.
 *
 * @param {NdArray} context
 * @param {number} width
 * @param {number} start
 * @param {number} rows
 */
function contextBlock({ data, shape }, width, start, rows) {
  if (shape.length > 1) {
    return new Float32Array(data.slice(start * width, (start + rows) * width));
  }
  return Float32Array.from({ length: rows * width }, (_, index) => data[index % width]);
}

/**
 * @param {Runtime} runtime
 * @param {Bundle} bundle
 * @param {GraphName} graph
 */
async function openSession({ ort, provider, threads }, bundle, graph) {
  const { file } = bundle.manifest.graphs[graph];
  try {
    return await ort.InferenceSession.create(/** @type {Uint8Array} */ (bundle.files.get(file)), {
      executionProviders: [provider],
      intraOpNumThreads: threads,
      logSeverityLevel: 4,
    });
  } catch (error) {
    throw new BundleError(`${bundle.label}/${file}: ONNX Runtime cannot open it (${reason(error)})`);
  }
}

/** @param {readonly (number | string)[]} sizes */
function product(sizes) {
  let all = 1;
  for (const size of sizes) {
    all *= Number(size);
  }
  return all;
}

/**
 * The first line of another library's error.
 *
 * @param {unknown} error
 */
function reason(error) {
  return String(error instanceof Error ? error.message : error)
    .split("\n", 1)[0]
    .slice(0, 300);
}
