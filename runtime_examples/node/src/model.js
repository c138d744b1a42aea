/** A bundle that runs: log_prob, percentile and sample, typed arrays in and out. */

import { Bundle } from "./bundle.js";
import { categoryCode } from "./category.js";
import { ArgumentError } from "./errors.js";
import { Graph } from "./graph.js";
import { arrayOf, asNumbers, floorScores, HOTTEST, requireContext, requireRows } from "./inputs.js";
import { absence, eventSize, heldGraphs } from "./manifest.js";
import { normals } from "./noise.js";

/** @typedef {import("./errors.js").BundleError} BundleError */
/** @typedef {Partial<Record<import("./manifest.js").GraphName, Graph>>} Graphs */
/** @typedef {import("./errors.js").InputError} InputError */
/** @typedef {import("./inputs.js").ContextRows} ContextRows */
/** @typedef {import("./inputs.js").Given} Given */
/** @typedef {import("./inputs.js").NdArray} NdArray */
/** @typedef {import("./inputs.js").Numbers} Numbers */

/** Rows of a run: ONNX Runtime keeps the memory of the largest batch that it has seen. */
export const BLOCK_ROWS = 1024;

/**
 * How samples are drawn.
 *
 * @typedef {object} Draw
 * @property {bigint} seed from 0 to 2⁶⁴ − 1
 * @property {number} [temperature] multiplies the noise, from 0 to 1,000,000; 1 where it is not given
 * @property {Given | null} [context] `[context]` for all rows, or `[rows, context]`; of a category its code
 */

export class Model {
  #graphs;

  /**
   * Opens a bundle.
   *
   * @param {string} folder
   * @param {{threads?: number, digest?: string}} [options] `threads` are ONNX Runtime's, within one call; `digest` is
   *   the SHA-256 of flow.json, where another one is to be refused
   * @returns {Promise<Model>}
   * @throws {BundleError} for a bundle that breaks the format, naming file and key
   */
  static async open(folder, { threads = 1, digest } = {}) {
    const bundle = await Bundle.open(folder, digest);
    /** @type {Graphs} */
    const graphs = {};
    for (const held of heldGraphs(bundle.manifest)) {
      graphs[held.name] = await Graph.open(bundle, held, threads);
    }
    return new Model(bundle, graphs);
  }

  /**
   * @param {Bundle} bundle
   * @param {Graphs} graphs those that it holds
   */
  constructor(bundle, graphs) {
    this.bundle = bundle;
    /** @type {import("./manifest.js").Manifest} */
    this.manifest = bundle.manifest;
    this.#graphs = graphs;
  }

  /**
   * The log-density of rows, in nats, in the data's own units.
   *
   * @param {Given} x `[rows, *event]`
   * @param {Given | null} [context] `[context]` for all rows, or `[rows, context]`; of a category its code
   * @returns {Promise<Numbers>} `[rows]` of the bundle's type; −∞ outside the support
   * @throws {InputError} for a shape, type or code that does not fit, a context that is missing or unasked for
   * @throws {BundleError} where the bundle holds `sample` alone
   */
  async logProb(x, context = null) {
    const graph = this.#graph("log_prob");
    const { data, rows } = requireRows(this.manifest, "x", x, this.manifest.event_shape);
    const contexts = requireContext(this.manifest, context, rows, BLOCK_ROWS);
    return await overBlocks(graph, data, rows, contexts, floorScores);
  }

  /**
   * The deterministic map from noise to data.
   *
   * @param {Given} z `[rows, latent]`
   * @param {Given | null} [context] as for `logProb`
   * @returns {Promise<NdArray>} `[rows, *event]`
   * @throws {InputError} as for `logProb`
   * @throws {BundleError} where the bundle holds `log_prob` alone
   */
  async sampleFrom(z, context = null) {
    const graph = this.#graph("sample");
    const { data, rows } = requireRows(this.manifest, "z", z, [this.manifest.latent_size]);
    const x = await overBlocks(graph, data, rows, requireContext(this.manifest, context, rows, BLOCK_ROWS));
    return { data: x, shape: [rows, ...this.manifest.event_shape] };
  }

  /**
   * Draws samples, the same for the same seed in every language.
   *
   * @param {number} count
   * @param {Draw} draw
   * @param {number} [first] the number of the first row: any of the sample can be drawn alone
   * @returns {Promise<NdArray>} `[count, *event]`
   * @throws {InputError | ArgumentError} for an argument that cannot be
   * @throws {BundleError} where the bundle holds `log_prob` alone
   */
  async sample(count, draw, first = 0) {
    const blocks = this.sampleBlocks(count, draw, first);
    const data = new (arrayOf(this.manifest))(count * eventSize(this.manifest));
    let at = 0;
    for await (const block of blocks) {
      data.set(block, at);
      at += block.length;
    }
    return { data, shape: [count, ...this.manifest.event_shape] };
  }

  /**
   * The rows of `sample`, 1,024 at a time, for more of them than memory holds.
   *
   * @param {number} count
   * @param {Draw} draw
   * @param {number} [first] the number of the first row
   * @returns {AsyncGenerator<Numbers, void, undefined>}
   * @throws {InputError | ArgumentError} at once, for an argument that cannot be
   * @throws {BundleError} where the bundle holds `log_prob` alone
   */
  sampleBlocks(count, { seed, temperature = 1, context = null }, first = 0) {
    const graph = this.#graph("sample");
    const factor = Math.fround(temperature);
    const whole = [count, first].every((number) => Number.isInteger(number) && number >= 0);
    // The last normal must have a number, too.
    if (!whole || !Number.isSafeInteger((first + count) * this.manifest.latent_size)) {
      throw new ArgumentError(`count: expected a whole number from 0, got ${count}`);
    }
    if (!(factor >= 0 && factor <= HOTTEST)) {
      throw new ArgumentError(`temperature: expected a number from 0 to ${HOTTEST}, got ${temperature}`);
    }
    normals(seed, 0, 0); // holds the seed to its 64 bits
    return this.#draw(graph, count, first, seed, factor, requireContext(this.manifest, context, count, BLOCK_ROWS));
  }

  /**
   * Where a score stands among those of the reference rows, from 0 to 100, linear between their quantiles.
   *
   * @param {number} logProb nats
   * @returns {number} NaN for NaN
   * @throws {BundleError} where the bundle has no reference rows
   */
  percentile(logProb) {
    const quantiles = this.manifest.reference?.log_prob_quantiles;
    if (quantiles === undefined) {
      throw this.bundle.fault("reference: is null, so there are no percentiles");
    }
    if (Number.isNaN(logProb) || logProb < quantiles[0]) {
      return Number.isNaN(logProb) ? Number.NaN : 0;
    }
    // Between the last quantile that is not above it and the next; of equal quantiles the last counts.
    const above = quantiles.findIndex((value) => value > logProb);
    if (above < 0) {
      return quantiles.length - 1;
    }
    const below = above - 1;
    return below + (logProb - quantiles[below]) / (quantiles[above] - quantiles[below]);
  }

  /**
   * The code of a category: what a context holds in place of its label. Labels that are numbers are compared as
   * numbers, others without the spaces around them.
   *
   * @param {string} column
   * @param {string} label
   * @returns {number}
   * @throws {InputError} for a label that is no category of the column
   * @throws {ArgumentError} where no column of that name has categories
   */
  category(column, label) {
    return categoryCode(this.manifest, column, label);
  }

  /** Gives the memory of both sessions back, once; the model cannot be used afterwards. */
  async close() {
    await Promise.all(Object.values(this.#graphs).map((graph) => graph.close()));
  }

  /**
   * @param {import("./manifest.js").GraphName} name
   * @throws {BundleError} where the bundle holds the other direction alone, saying what it cannot do
   */
  #graph(name) {
    const { [name]: graph } = this.#graphs;
    if (graph === undefined) {
      throw this.bundle.fault(`graphs: ${absence(this.manifest)}`);
    }
    return graph;
  }

  /**
   * @param {Graph} graph
   * @param {number} count
   * @param {number} first
   * @param {bigint} seed
   * @param {number} temperature float32
   * @param {ContextRows} context
   */
  async *#draw(graph, count, first, seed, temperature, context) {
    const { latent_size: width, selector } = this.manifest;
    // The last column of a mixture chooses its component: it is no noise to be scaled.
    const scaled = selector ? width - 1 : width;
    for (let start = 0; start < count; start += BLOCK_ROWS) {
      const rows = Math.min(BLOCK_ROWS, count - start);
      const z = normals(seed, (first + start) * width, rows * width);
      for (let index = 0; index < z.length; index++) {
        z[index] *= index % width < scaled ? temperature : 1;
      }
      yield await graph.run(asNumbers(this.manifest, z), rows, context(start, rows));
    }
  }
}

/**
 * A graph over all rows, block by block.
 *
 * @param {Graph} graph
 * @param {Numbers} data
 * @param {number} count rows
 * @param {ContextRows} context
 * @param {(found: Numbers, inputs: (Numbers | null)[]) => Numbers} [mend] what is made of a block's results
 * @returns {Promise<Numbers>}
 */
async function overBlocks(graph, data, count, context, mend = (found) => found) {
  /**
   * @param {Numbers} block
   * @param {number} start
   * @param {number} rows
   */
  const run = async (block, start, rows) => {
    const given = context(start, rows);
    return mend(await graph.run(block, rows, given), [block, given]);
  };
  if (count > 0 && count <= BLOCK_ROWS) {
    return await run(data, 0, count);
  }
  const width = data.length / count;
  const out = new (arrayOf(graph.bundle.manifest))(graph.outputShape.reduce((product, axis) => product * axis, count));
  for (let start = 0; start < count; start += BLOCK_ROWS) {
    const rows = Math.min(BLOCK_ROWS, count - start);
    const block = data.subarray(start * width, (start + rows) * width);
    out.set(await run(block, start, rows), (start * out.length) / count);
  }
  return out;
}
