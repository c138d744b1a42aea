/** A bundle that was compiled for its own: a WebAssembly module of some KB in the place of ONNX Runtime's 14 MB. */

import { BundleError } from "../../node/src/errors.js";
import { heldGraphs, signature } from "../../node/src/manifest.js";
import { replay } from "./golden.js";
import { BLOCK_ROWS, Model } from "./model.js";

/** @typedef {import("./bundle.js").Bundle} Bundle */
/** @typedef {import("./runtime.js").Runtime} Runtime */
/** @typedef {import("../../node/src/manifest.js").GraphName} GraphName */
/** @typedef {{data: Float32Array, dims: number[]}} Given */
/** @typedef {(...places: number[]) => void} Computes */

const PAGE_BYTES = 65536;
const FLOAT_BYTES = 4;
/** What the module writes is read and written sixteen bytes at a time. */
const ALIGNMENT = 16;
/** Milliseconds for which a page may be held up. */
const BREATH = 12;

/**
 * The model of a module that `flowexport convert --to wasm` wrote for this bundle. It answers in the page itself, with
 * one thread, and is held to the golden cases before anything is asked of it.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes of the module, from where the page itself comes from: it is a program
 * @param {Bundle} bundle
 * @returns {Promise<Model>}
 * @throws {BundleError} for bytes that are no such module, and where a case does not hold
 */
export async function openModule(bytes, bundle) {
  const model = new Model(
    /** @type {Runtime} */ (/** @type {unknown} */ (RUNTIME)),
    bundle,
    await sessionsOf(bytes, bundle),
  );
  for await (const outcome of replay(model)) {
    if (!outcome.passed) {
      throw new BundleError(`${bundle.label}: its module: ${outcome.name}: ${outcome.found}, over ${outcome.bound}`);
    }
  }
  return model;
}

/** What a model needs of ONNX Runtime beside its sessions. */
const RUNTIME = {
  provider: "module",
  threads: 1,
  ort: {
    Tensor: class {
      /** @param {string} _type @param {Float32Array} data @param {number[]} dims */
      constructor(_type, data, dims) {
        this.data = data;
        this.dims = dims;
      }
    },
  },
};

/**
 * The graphs that the bundle holds, with the methods of ONNX Runtime's sessions.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {Bundle} bundle
 */
async function sessionsOf(bytes, bundle) {
  const { manifest } = bundle;
  const memory = await memoryOf(bytes, bundle.label);
  const widths = [manifest.event_shape[0], manifest.context_size, manifest.latent_size, 1];
  const [x, context, z, out] = memory.places(widths);
  /** @param {GraphName} graph @param {(rows: number) => number} compute rows → where their answers lie */
  const session = (graph, compute) => ({
    /** @param {Record<string, Given>} feeds */
    async run(feeds) {
      await memory.breath();
      const { inputs, output } = signature(manifest, graph);
      const given = feeds[inputs[0][0]];
      const [rows] = given.dims;
      memory.view(graph === "sample" ? z : x, given.data.length).set(given.data);
      memory.view(context, feeds.context?.data.length ?? 0).set(feeds.context?.data ?? []);
      const size = output[1].reduce((all, each) => all * each, rows);
      const answers = memory.view(compute(rows), size).slice();
      return { [output[0]]: { getData: async () => answers } };
    },
    async release() {},
  });
  const both = {
    log_prob: session("log_prob", (rows) => {
      memory.computes("log_prob_rows")(x, context, rows, out);
      return out;
    }),
    sample: session("sample", (rows) => {
      const [of_z, of_context, of_x] = [manifest.latent_size, manifest.context_size, manifest.event_shape[0]];
      for (let row = 0; row < rows; row++) {
        const [from, with_, to] = [of_z, of_context, of_x].map((width) => row * width * FLOAT_BYTES);
        memory.computes("sample")(z + from, context + with_, x + to);
      }
      return x;
    }),
  };
  return /** @type {any} */ (Object.fromEntries(heldGraphs(manifest).map(({ name }) => [name, both[name]])));
}

/**
 * A module's functions and its memory.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {string} label
 */
async function memoryOf(bytes, label) {
  // It imports nothing: all that it can do is to compute in its own memory.
  const { instance } = await WebAssembly.instantiate(bytes, {}).catch((error) => {
    throw new BundleError(`${label}: its module cannot be opened (${error.message})`);
  });
  const exports = /** @type {Record<string, any>} */ (instance.exports);
  const prefix = Object.keys(exports)
    .find((name) => name.endsWith("_log_prob_rows"))
    ?.slice(0, -"log_prob_rows".length);
  let rested = performance.now();
  return {
    /** @param {string} name @returns {Computes} */
    computes(name) {
      return exports[`${prefix}${name}`];
    },
    /** @param {number} place @param {number} count */
    view(place, count) {
      return new Float32Array(exports.memory.buffer, place, count);
    },
    /**
     * Room for a block of rows of each width, behind what the module keeps in memory itself.
     *
     * @param {number[]} widths
     */
    places(widths) {
      let end = Math.ceil(exports.__heap_base.value / ALIGNMENT) * ALIGNMENT;
      const places = widths.map((width) => {
        const place = end;
        end += BLOCK_ROWS * width * FLOAT_BYTES;
        return place;
      });
      exports.memory.grow(Math.max(0, Math.ceil((end - exports.memory.buffer.byteLength) / PAGE_BYTES)));
      return places;
    },
    /** Lets the page move, now and then. */
    async breath() {
      if (performance.now() - rested > BREATH) {
        await new Promise((resolve) => setTimeout(resolve));
        rested = performance.now();
      }
    },
  };
}
