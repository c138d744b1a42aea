/** One of a bundle's two graphs, in a session of ONNX Runtime. */
import "./telemetry.js";
import { InferenceSession } from "onnxruntime-node";
export type Bundle = import("./bundle.js").Bundle;
export type GraphName = import("./manifest.js").GraphName;
export type Numbers = import("./inputs.js").Numbers;
/** @typedef {import("./bundle.js").Bundle} Bundle */
/** @typedef {import("./manifest.js").GraphName} GraphName */
/** @typedef {import("./inputs.js").Numbers} Numbers */
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
     * @param {{name: GraphName, file: string}} held one that the bundle holds
     * @param {number} threads ONNX Runtime's, within one run
     * @returns {Promise<Graph>}
     * @throws {BundleError}
     */
    static open(bundle: Bundle, { name, file }: {
        name: GraphName;
        file: string;
    }, threads: number): Promise<Graph>;
    /**
     * @param {Bundle} bundle
     * @param {GraphName} name
     * @param {string} file
     * @param {InferenceSession} session
     */
    constructor(bundle: Bundle, name: GraphName, file: string, session: InferenceSession);
    /**
     * One run, on memory that is not copied.
     *
     * @param {Numbers} data `[rows, *inputShape]`
     * @param {number} rows at least 1
     * @param {Numbers | null} context `[rows, context]`
     * @returns {Promise<Numbers>} `[rows, *outputShape]`
     * @throws {BundleError} where ONNX Runtime cannot run it, it gives something else, or it was closed
     */
    run(data: Numbers, rows: number, context: Numbers | null): Promise<Numbers>;
    /** Gives the session's memory back, once, when the runs that are under way have ended. */
    close(): Promise<void>;
}
