/** `flow.json`: read from bytes, held to the format and to itself. See docs/bundle.md. */
export declare const FORMAT = "flowexport/1";
/** A larger flow.json is refused before it is parsed. */
export declare const MANIFEST_BYTES: number;
declare const checked: import("./schema.js").Check<{
    format: string;
    name: string;
    description: string;
    dtype: "float32" | "float64";
    event_shape: number[];
    latent_size: number;
    context_size: number;
    features: string[] | null;
    context_features: {
        name: string;
        categories: string[] | undefined;
    }[] | null;
    graphs: {
        log_prob: {
            file: string;
        } | undefined;
        sample: {
            file: string;
        } | undefined;
    };
    files: Record<string, string>;
    scale: number[];
    reference: {
        rows: number;
        log_prob_quantiles: number[];
    } | null;
    selector: boolean | undefined;
}>;
export type Manifest = ReturnType<typeof checked>;
export type GraphName = "log_prob" | "sample";
export type ContextFeature = {
    name: string;
    categories?: string[];
};
/** @typedef {ReturnType<typeof checked>} Manifest `flow.json`, its keys as they stand in the file. */
/** @typedef {"log_prob" | "sample"} GraphName */
/** @typedef {{name: string, categories?: string[]}} ContextFeature */
/**
 * Reads and checks a `flow.json`.
 *
 * @param {Uint8Array} bytes the file
 * @param {string} where its path, for messages
 * @param {{expected: string, found: string}} [digest] where the bundle is pinned
 * @returns {Manifest} unknown keys are kept
 * @throws {BundleError} naming the key
 */
export declare function parseManifest(bytes: Uint8Array, where: string, digest?: {
    expected: string;
    found: string;
}): Manifest;
/**
 * What a check gives; its error names the file.
 *
 * @template T
 * @param {string} where
 * @param {() => T} check
 */
export declare function located<T>(where: string, check: () => T): T;
/**
 * Numbers in one row of x.
 *
 * @param {Manifest} manifest
 */
export declare function eventSize(manifest: Manifest): number;
/**
 * Names of x, a number of a row each: the bundle's, or `x0`, `x1`, ….
 *
 * @param {Manifest} manifest
 * @returns {string[]}
 */
export declare function featureNames(manifest: Manifest): string[];
/**
 * The columns of the context: the bundle's, or `c0`, `c1`, … without categories.
 *
 * @param {Manifest} manifest
 * @returns {ContextFeature[]}
 */
export declare function contextFeatures(manifest: Manifest): ContextFeature[];
/**
 * Whether a file name is relative, of forward slashes, and goes nowhere but down.
 *
 * @param {string} name
 */
export declare function isPlainName(name: string): boolean;
/**
 * The directions that a bundle holds, one or both; graphs of other names are passed over.
 *
 * @param {Pick<Manifest, "graphs">} manifest
 * @returns {{name: GraphName, file: string}[]}
 */
export declare function heldGraphs({ graphs }: Pick<Manifest, "graphs">): {
    name: GraphName;
    file: string;
}[];
/**
 * What a bundle of one direction cannot do, and the cure, in a line; empty for one of both.
 *
 * @param {Pick<Manifest, "graphs">} manifest
 */
export declare function absence({ graphs }: Pick<Manifest, "graphs">): string;
/**
 * Refuses a file that is not listed.
 *
 * @param {Manifest} manifest
 * @param {string} name
 */
export declare function requireListed(manifest: Manifest, name: string): void;
export type TensorRow = [name: string, shape: number[], type: string];
/** @typedef {[name: string, shape: number[], type: string]} TensorRow a tensor of a graph; the shape of one of its rows */
/**
 * What a graph takes, its rows first, and what it gives.
 *
 * @param {Manifest} manifest
 * @param {GraphName} graph
 * @returns {{inputs: TensorRow[], output: TensorRow}}
 */
export declare function signature({ dtype, event_shape, latent_size, context_size }: Manifest, graph: GraphName): {
    inputs: TensorRow[];
    output: TensorRow;
};
/**
 * Tensors in words, in an order of their own.
 *
 * @param {readonly [name: string, shape: readonly (number | string)[], type: string][]} tensors
 */
export declare function inWords(tensors: readonly [name: string, shape: readonly (number | string)[], type: string][]): string;
export {};
