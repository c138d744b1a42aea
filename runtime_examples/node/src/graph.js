/** One of a bundle's two graphs, in a session of ONNX Runtime. */

import "./telemetry.js";
import path from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";

import { BundleError } from "./errors.js";
import { inWords, signature } from "./manifest.js";
import { requireListedGraph } from "./onnx.js";

/** @typedef {import("./bundle.js").Bundle} Bundle */
/** @typedef {import("./manifest.js").GraphName} GraphName */
/** @typedef {import("./inputs.js").Numbers} Numbers */

export class Graph {
  #session;
  /** @type {Set<Promise<unknown>>} those under way */
  #runs = new Set();
  /** @type {Promise<void> | undefined} */
  #closed;

  /**
   * Opens a graph, and holds its tensors to those that flow.json declares.
   *
   * @param {Bundle} bundle
   * @param {{name: GraphName, file: string}} held one that the bundle holds
   * @param {number} threads ONNX Runtime's, within one run
   * @returns {Promise<Graph>}
   * @throws {BundleError}
   */
  static async open(bundle, { name, file }, threads) {
    const { inputs, output } = signature(bundle.manifest, name);
    const bytes = await bundle.read(file);
    requireListedGraph(bytes, path.join(bundle.folder, file));
    try {
      const session = await InferenceSession.create(bytes, {
        executionProviders: ["cpu"],
        intraOpNumThreads: threads,
        logSeverityLevel: 4, // faults come as exceptions; their lines on standard error would say them twice
      });
      requireTensors(inputs, session.inputMetadata);
      requireTensors([output], session.outputMetadata);
      return new Graph(bundle, name, file, session);
    } catch (error) {
      throw fault(bundle, file, error);
    }
  }

  /**
   * @param {Bundle} bundle
   * @param {GraphName} name
   * @param {string} file
   * @param {InferenceSession} session
   */
  constructor(bundle, name, file, session) {
    const { inputs, output } = signature(bundle.manifest, name);
    this.bundle = bundle;
    this.file = file;
    /** Names, and the shapes of one row. */
    this.input = inputs[0][0];
    this.inputShape = inputs[0][1];
    this.output = output[0];
    this.outputShape = output[1];
    this.#session = session;
  }

  /**
   * One run, on memory that is not copied.
   *
   * @param {Numbers} data `[rows, *inputShape]`
   * @param {number} rows at least 1
   * @param {Numbers | null} context `[rows, context]`
   * @returns {Promise<Numbers>} `[rows, *outputShape]`
   * @throws {BundleError} where ONNX Runtime cannot run it, it gives something else, or it was closed
   */
  async run(data, rows, context) {
    if (this.#closed) {
      throw new BundleError(`${this.bundle.folder}: the model was closed`);
    }
    const feeds = { [this.input]: new Tensor(data, [rows, ...this.inputShape]) };
    if (context !== null) {
      feeds.context = new Tensor(context, [rows, context.length / rows]);
    }
    const run = this.#session.run(feeds);
    this.#runs.add(run);
    try {
      const output = (await run)[this.output];
      if (output.dims.join() !== [rows, ...this.outputShape].join()) {
        throw new Error(`gave the shape [${output.dims.join(", ")}] for ${rows} rows`);
      }
      return /** @type {Numbers} */ (output.data);
    } catch (error) {
      throw fault(this.bundle, this.file, error);
    } finally {
      this.#runs.delete(run);
    }
  }

  /** Gives the session's memory back, once, when the runs that are under way have ended. */
  async close() {
    this.#closed ??= Promise.allSettled(this.#runs).then(() => this.#session.release());
    await this.#closed;
  }
}

/**
 * @param {import("./manifest.js").TensorRow[]} expected
 * @param {readonly InferenceSession.ValueMetadata[]} found
 */
function requireTensors(expected, found) {
  const wanted = inWords(expected);
  const given = inWords(
    found.map((tensor) =>
      tensor.isTensor ? [tensor.name, tensor.shape.slice(1), tensor.type] : [tensor.name, [], "none"],
    ),
  );
  if (wanted !== given) {
    throw new Error(`has ${given}, and flow.json asks for ${wanted}`);
  }
}

/**
 * What ONNX Runtime says, cut to its first line.
 *
 * @param {Bundle} bundle
 * @param {string} file
 * @param {unknown} error
 */
function fault({ folder }, file, error) {
  const reason = /** @type {Error} */ (error).message.split("\n", 1)[0].slice(0, 300);
  return new BundleError(`${path.join(folder, file)}: cannot be run: ${reason}`);
}
