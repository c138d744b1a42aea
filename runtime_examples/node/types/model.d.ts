/** A bundle that runs: log_prob, percentile and sample, typed arrays in and out. */
import { Bundle } from "./bundle.js";
import { Graph } from "./graph.js";
export type BundleError = import("./errors.js").BundleError;
export type Graphs = Partial<Record<import("./manifest.js").GraphName, Graph>>;
export type InputError = import("./errors.js").InputError;
export type ContextRows = import("./inputs.js").ContextRows;
export type Given = import("./inputs.js").Given;
export type NdArray = import("./inputs.js").NdArray;
export type Numbers = import("./inputs.js").Numbers;
/** @typedef {import("./errors.js").BundleError} BundleError */
/** @typedef {Partial<Record<import("./manifest.js").GraphName, Graph>>} Graphs */
/** @typedef {import("./errors.js").InputError} InputError */
/** @typedef {import("./inputs.js").ContextRows} ContextRows */
/** @typedef {import("./inputs.js").Given} Given */
/** @typedef {import("./inputs.js").NdArray} NdArray */
/** @typedef {import("./inputs.js").Numbers} Numbers */
/** Rows of a run: ONNX Runtime keeps the memory of the largest batch that it has seen. */
export declare const BLOCK_ROWS = 1024;
export type Draw = {
    /**
     * from 0 to 2⁶⁴ − 1
     */
    seed: bigint;
    /**
     * multiplies the noise, from 0 to 1,000,000; 1 where it is not given
     */
    temperature?: number;
    /**
     * `[context]` for all rows, or `[rows, context]`; of a category its code
     */
    context?: Given | null;
};
/**
 * How samples are drawn.
 *
 * @typedef {object} Draw
 * @property {bigint} seed from 0 to 2⁶⁴ − 1
 * @property {number} [temperature] multiplies the noise, from 0 to 1,000,000; 1 where it is not given
 * @property {Given | null} [context] `[context]` for all rows, or `[rows, context]`; of a category its code
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
     * @param {{threads?: number, digest?: string}} [options] `threads` are ONNX Runtime's, within one call; `digest` is
     *   the SHA-256 of flow.json, where another one is to be refused
     * @returns {Promise<Model>}
     * @throws {BundleError} for a bundle that breaks the format, naming file and key
     */
    static open(folder: string, { threads, digest }?: {
        threads?: number;
        digest?: string;
    }): Promise<Model>;
    /**
     * @param {Bundle} bundle
     * @param {Graphs} graphs those that it holds
     */
    constructor(bundle: Bundle, graphs: Graphs);
    /**
     * The log-density of rows, in nats, in the data's own units.
     *
     * @param {Given} x `[rows, *event]`
     * @param {Given | null} [context] `[context]` for all rows, or `[rows, context]`; of a category its code
     * @returns {Promise<Numbers>} `[rows]` of the bundle's type; −∞ outside the support
     * @throws {InputError} for a shape, type or code that does not fit, a context that is missing or unasked for
     * @throws {BundleError} where the bundle holds `sample` alone
     */
    logProb(x: Given, context?: Given | null): Promise<Numbers>;
    /**
     * The deterministic map from noise to data.
     *
     * @param {Given} z `[rows, latent]`
     * @param {Given | null} [context] as for `logProb`
     * @returns {Promise<NdArray>} `[rows, *event]`
     * @throws {InputError} as for `logProb`
     * @throws {BundleError} where the bundle holds `log_prob` alone
     */
    sampleFrom(z: Given, context?: Given | null): Promise<NdArray>;
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
    sample(count: number, draw: Draw, first?: number): Promise<NdArray>;
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
    sampleBlocks(count: number, { seed, temperature, context }: Draw, first?: number): AsyncGenerator<Numbers, void, undefined>;
    /**
     * Where a score stands among those of the reference rows, from 0 to 100, linear between their quantiles.
     *
     * @param {number} logProb nats
     * @returns {number} NaN for NaN
     * @throws {BundleError} where the bundle has no reference rows
     */
    percentile(logProb: number): number;
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
    category(column: string, label: string): number;
    /** Gives the memory of both sessions back, once; the model cannot be used afterwards. */
    close(): Promise<void>;
}
