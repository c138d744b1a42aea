/** One of a bundle's two graphs, in a session of ONNX Runtime. */
import { InferenceSession } from "onnxruntime-node";
export type Bundle = import("./bundle.js").Bundle;
export type GraphName = import("./manifest.js").GraphName;
/** @typedef {import("./bundle.js").Bundle} Bundle */
/** @typedef {import("./manifest.js").GraphName} GraphName */
export declare class Graph {
    #private;
    bundle: import("./bundle.js").Bundle;
    file: string;
    /** Names, and the shapes of one row. */
    input: string;
    inputShape: number[];
    output: string;
    outputShape: number[];
    /**
     * Opens a graph, and holds its tensors to those that flow.json declares.
     *
     * @param {Bundle} bundle
     * @param {GraphName} name
     * @param {number} threads ONNX Runtime's, within one run
     * @returns {Promise<Graph>}
     * @throws {BundleError}
     */
    static open(bundle: Bundle, name: GraphName, threads: number): Promise<Graph>;
    /**
     * @param {Bundle} bundle
     * @param {GraphName} name
     * @param {InferenceSession} session
     */
    constructor(bundle: Bundle, name: GraphName, session: InferenceSession);
    /**
     * One run, on memory that is not copied.
     *
     * @param {Float32Array} data `[rows, *inputShape]`
     * @param {number} rows at least 1
     * @param {Float32Array | null} context `[rows, context]`
     * @returns {Promise<Float32Array>} `[rows, *outputShape]`
     * @throws {BundleError} where ONNX Runtime cannot run it, or it gives something else
     */
    run(data: Float32Array, rows: number, context: Float32Array | null): Promise<Float32Array>;
    /** Gives the session's memory back. */
    close(): Promise<void>;
}
