/** A bundle that runs: log_prob, percentile and sample, typed arrays in and out. */
import { Bundle } from "./bundle.js";
import { Graph } from "./graph.js";
export type BundleError = import("./errors.js").BundleError;
export type InputError = import("./errors.js").InputError;
export type ContextRows = import("./inputs.js").ContextRows;
export type NdArray = import("./inputs.js").NdArray;
/** @typedef {import("./errors.js").BundleError} BundleError */
/** @typedef {import("./errors.js").InputError} InputError */
/** @typedef {import("./inputs.js").ContextRows} ContextRows */
/** @typedef {import("./inputs.js").NdArray} NdArray */
/** Rows of a run: ONNX Runtime keeps the memory of the largest batch that it has seen. */
export declare const BLOCK_ROWS = 1024;
export type Draw = {
    /**
     * from 0 to 2⁶⁴ − 1
     */
    seed: bigint;
    /**
     * multiplies the noise, from 0; 1 where it is not given
     */
    temperature?: number;
    /**
     * `[context]` for all rows, or `[rows, context]`; of a category its code
     */
    context?: NdArray | null;
};
/**
 * How samples are drawn.
 *
 * @typedef {object} Draw
 * @property {bigint} seed from 0 to 2⁶⁴ − 1
 * @property {number} [temperature] multiplies the noise, from 0; 1 where it is not given
 * @property {NdArray | null} [context] `[context]` for all rows, or `[rows, context]`; of a category its code
 */
export declare class Model {
    #private;
    bundle: Bundle;
    /** @type {import("./manifest.js").Manifest} */
    manifest: import("./manifest.js").Manifest;
    /**
     * Opens a bundle.
     *
     * @param {string} folder
     * @param {{threads?: number}} [options] `threads` are ONNX Runtime's, within one call
     * @returns {Promise<Model>}
     * @throws {BundleError} for a bundle that breaks the format, naming file and key
     */
    static open(folder: string, { threads }?: {
        threads?: number;
    }): Promise<Model>;
    /**
     * @param {Bundle} bundle
     * @param {Graph} logProb
     * @param {Graph} sample
     */
    constructor(bundle: Bundle, logProb: Graph, sample: Graph);
    /**
     * The log-density of rows, in nats, in the data's own units.
     *
     * @param {NdArray} x `[rows, *event]` float32
     * @param {NdArray | null} [context] `[context]` for all rows, or `[rows, context]`; of a category its code
     * @returns {Promise<Float32Array>} `[rows]`; −∞ outside the support
     * @throws {InputError} for a shape, type or code that does not fit, a context that is missing or unasked for
     */
    logProb(x: NdArray, context?: NdArray | null): Promise<Float32Array>;
    /**
     * The deterministic map from noise to data.
     *
     * @param {NdArray} z `[rows, latent]` float32
     * @param {NdArray | null} [context] as for `logProb`
     * @returns {Promise<NdArray>} `[rows, *event]`
     * @throws {InputError} as for `logProb`
     */
    sampleFrom(z: NdArray, context?: NdArray | null): Promise<NdArray>;
    /**
     * Draws samples, the same for the same seed in every language.
     *
     * @param {number} count
     * @param {Draw} draw
     * @returns {Promise<NdArray>} `[count, *event]`
     * @throws {InputError | ArgumentError} for an argument that cannot be
     */
    sample(count: number, draw: Draw): Promise<NdArray>;
    /**
     * The rows of `sample`, 1,024 at a time, for more of them than memory holds.
     *
     * @param {number} count
     * @param {Draw} draw
     * @returns {AsyncGenerator<Float32Array, void, undefined>}
     * @throws {InputError | ArgumentError} at once, for an argument that cannot be
     */
    sampleBlocks(count: number, { seed, temperature, context }: Draw): AsyncGenerator<Float32Array, void, undefined>;
    /**
     * Where a score stands among those of the reference rows, from 0 to 100, linear between their quantiles.
     *
     * @param {number} logProb nats
     * @returns {number} NaN for NaN
     * @throws {BundleError} where the bundle has no reference rows
     */
    percentile(logProb: number): number;
    /** Gives the memory of both sessions back; the model cannot be used afterwards. */
    close(): Promise<void>;
}
