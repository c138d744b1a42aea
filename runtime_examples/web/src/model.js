/** A bundle that runs: log_prob, percentile and sample, typed arrays in and out. */

import { categoryCode } from "../../node/src/category.js";
import { ArgumentError, BundleError } from "../../node/src/errors.js";
import { arrayOf, asNumbers, floorScores, HOTTEST, requireContext, requireRows } from "../../node/src/inputs.js";
import { absence, heldGraphs, signature } from "../../node/src/manifest.js";
import { normals } from "../../node/src/noise.js";

/** @typedef {import("./bundle.js").Bundle} Bundle */
/** @typedef {import("../../node/src/inputs.js").Given} Given */
/** @typedef {import("../../node/src/inputs.js").Numbers} Numbers */
/** @typedef {import("./runtime.js").Runtime} Runtime */
/** @typedef {import("../../node/src/errors.js").InputError} InputError */
/** @typedef {import("../../node/src/inputs.js").ContextRows} ContextRows */
/** @typedef {import("onnxruntime-web").InferenceSession} Session */
/** @typedef {import("../../node/src/manifest.js").GraphName} GraphName */

/** @typedef {{data: Numbers, shape: number[]}} Rows `[rows, *event]` */
/** @typedef {Partial<Record<GraphName, Session>>} Sessions */

/** Rows a run: ONNX Runtime keeps the memory of the largest batch that it has seen. */
export const BLOCK_ROWS = 1024;

/**
 * Draws of a model.
 *
 * @typedef {object} Draw
 * @property {bigint} seed 0 to 2⁶⁴ − 1
 * @property {number} [temperature] multiplies the noise, from 0 to 1,000,000; 1 where it is not given
 * @property {Given | null} [context] `[context]` for all rows, or `[rows, context]`
 * @property {AbortSignal} [signal] stops between two blocks
 */

export class Model {
  /** The end of the runs that were asked for: a session takes one at a time. */
  #turn = Promise.resolve();
  /** @type {Promise<unknown> | undefined} */
  #closed;

  /**
   * Makes the sessions of a bundle.
   *
   * @param {Runtime} runtime
   * @param {Bundle} bundle
   * @returns {Promise<Model>}
   * @throws {BundleError} where ONNX Runtime cannot open a graph
   */
  static async open(runtime, bundle) {
    /** @type {Sessions} */
    const sessions = {};
    for (const { name, file } of heldGraphs(bundle.manifest)) {
      sessions[name] = await openSession(runtime, bundle, file);
    }
    return new Model(runtime, bundle, sessions);
  }

  /**
   * @param {Runtime} runtime
   * @param {Bundle} bundle
   * @param {Sessions} sessions those of the graphs that it holds
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
   * @param {Given} x `[rows, *event]`
   * @param {Given | null} [context] `[context]` for all rows, or `[rows, context]`; of a category its code
   * @param {AbortSignal} [signal] stops between two blocks
   * @returns {Promise<Numbers>} `[rows]` of the bundle's type; −∞ outside the support
   * @throws {InputError} for a shape, type or code that does not fit, a context that is missing or unasked for
   * @throws {BundleError} where the bundle holds `sample` alone
   */
  async logProb(x, context = null, signal) {
    this.require("log_prob");
    const { data, rows } = requireRows(this.manifest, "x", x, this.manifest.event_shape);
    return await this.#rows("log_prob", data, rows, this.#context(context, rows), signal);
  }

  /**
   * Draws samples, the same for the same seed in every language.
   *
   * @param {number} count
   * @param {Draw} draw
   * @returns {Promise<Rows>} `[count, *event]`
   * @throws {InputError | ArgumentError} for an argument that cannot be
   * @throws {BundleError} where the bundle holds `log_prob` alone
   */
  async sample(count, draw) {
    const shape = [count, ...this.manifest.event_shape];
    const blocks = this.sampleBlocks(count, draw);
    const data = new (arrayOf(this.manifest))(product(shape));
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
   * @returns {AsyncGenerator<Numbers, void, undefined>}
   * @throws {InputError | ArgumentError} at once, for an argument that cannot be
   * @throws {BundleError} where the bundle holds `log_prob` alone
   */
  sampleBlocks(count, { seed, temperature = 1, context = null, signal }) {
    this.require("sample");
    const factor = Math.fround(temperature);
    // The last normal must have a number, too.
    if (!Number.isInteger(count) || count < 0 || !Number.isSafeInteger(count * this.manifest.latent_size)) {
      throw new ArgumentError(`rows: expected a whole number from 0, got ${count}`);
    }
    if (!(factor >= 0 && factor <= HOTTEST)) {
      throw new ArgumentError(`temperature: expected a number from 0 to ${HOTTEST}, got ${temperature}`);
    }
    normals(seed, 0, 0); // holds the seed to its 64 bits
    return this.#draw(count, seed, factor, this.#context(context, count), signal);
  }

  /**
   * The deterministic map from noise to data.
   *
   * @param {Given} z `[rows, latent]`
   * @param {Given | null} [context] as for `logProb`
   * @returns {Promise<Rows>} `[rows, *event]`
   * @throws {InputError} as for `logProb`
   * @throws {BundleError} where the bundle holds `log_prob` alone
   */
  async sampleFrom(z, context = null) {
    this.require("sample");
    const { data, rows } = requireRows(this.manifest, "z", z, [this.manifest.latent_size]);
    const x = await this.#rows("sample", data, rows, this.#context(context, rows));
    return { data: x, shape: [rows, ...this.manifest.event_shape] };
  }

  /**
   * The code of a category: what a context holds in place of its label.
   *
   * @param {string} column
   * @param {string} label
   * @returns {number}
   * @throws {InputError | ArgumentError} for a label that is no category of the column, a column without any
   */
  category(column, label) {
    return categoryCode(this.manifest, column, label);
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

  /** Gives the sessions' memory back, once. */
  async close() {
    this.#closed ??= this.#turn.then(() => {
      return Promise.all(Object.values(this.sessions).map((session) => session.release()));
    });
    await this.#closed;
  }

  /**
   * Whether the bundle holds a graph.
   *
   * @param {GraphName} graph
   */
  holds(graph) {
    return this.sessions[graph] !== undefined;
  }

  /**
   * The session of a graph, which must be there.
   *
   * @param {GraphName} graph
   * @throws {BundleError} where the bundle holds the other direction alone, saying what it cannot do
   */
  require(graph) {
    const { [graph]: session } = this.sessions;
    if (session === undefined) {
      throw new BundleError(`${this.bundle.label}/flow.json: graphs: ${absence(this.manifest)}`);
    }
    return session;
  }

  /**
   * @param {number} count
   * @param {bigint} seed
   * @param {number} temperature float32
   * @param {ContextRows} context
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
      yield await this.#run("sample", asNumbers(this.manifest, z), rows, context(start, rows));
    }
  }

  /**
   * The context of rows, checked.
   *
   * @param {Given | null} context
   * @param {number} rows
   */
  #context(context, rows) {
    return requireContext(this.manifest, context, rows, BLOCK_ROWS);
  }

  /**
   * A graph over all rows.
   *
   * @param {GraphName} graph
   * @param {Numbers} data
   * @param {number} count rows
   * @param {ContextRows} context
   * @param {AbortSignal} [signal]
   */
  async #rows(graph, data, count, context, signal) {
    const width = data.length / count;
    const [, row] = signature(this.manifest, graph).output;
    const out = new (arrayOf(this.manifest))(count * product(row));
    for (let start = 0; start < count; start += BLOCK_ROWS) {
      signal?.throwIfAborted();
      const rows = Math.min(BLOCK_ROWS, count - start);
      const block = data.subarray(start * width, (start + rows) * width);
      const given = context(start, rows);
      // A worker takes the memory of what goes in away.
      const found = await this.#run(graph, block.slice(), rows, given);
      const mended = graph === "log_prob" ? floorScores(found, [block, given]) : found;
      out.set(mended, (start * out.length) / count);
    }
    return out;
  }

  /**
   * One run.
   *
   * @param {GraphName} graph
   * @param {Numbers} block rows that are no part of a larger array: a worker takes their memory away
   * @param {number} rows
   * @param {Numbers | null} context
   * @returns {Promise<Numbers>}
   */
  async #run(graph, block, rows, context) {
    const { Tensor } = this.runtime.ort;
    const session = this.require(graph);
    const { inputs, output } = signature(this.manifest, graph);
    const [[name, shape]] = inputs;
    const [gives, row] = output;
    const feeds = { [name]: new Tensor(this.manifest.dtype, block, [rows, ...shape]) };
    if (context !== null) {
      feeds.context = new Tensor(this.manifest.dtype, context.slice(), [rows, this.manifest.context_size]);
    }
    const before = this.#turn;
    /** @type {() => void} */
    let done = () => {};
    this.#turn = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    try {
      const given = await session.run(feeds);
      const found = await given[gives].getData();
      const expected = rows * product(row);
      if (!(found instanceof arrayOf(this.manifest)) || found.length !== expected) {
        throw new Error(`gives ${found.length} numbers for ${rows} rows, expected ${expected}`);
      }
      return found;
    } catch (error) {
      throw new BundleError(
        `${this.bundle.label}/${this.manifest.graphs[graph]?.file}: cannot be run (${reason(error)})`,
      );
    } finally {
      done();
    }
  }
}

/**
 * @param {Runtime} runtime
 * @param {Bundle} bundle
 * @param {string} file
 */
async function openSession({ ort, provider, threads }, bundle, file) {
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

/** @param {readonly number[]} sizes */
function product(sizes) {
  return sizes.reduce((all, size) => all * size, 1);
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
