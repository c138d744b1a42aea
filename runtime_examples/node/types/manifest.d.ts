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
    architecture: {};
    graphs: {
        log_prob: {
            file: string;
            opset: number;
            inputs: {
                name: string;
                dtype: string;
                shape: (string | number)[];
            }[];
            outputs: {
                name: string;
                dtype: string;
                shape: (string | number)[];
            }[];
        };
        sample: {
            file: string;
            opset: number;
            inputs: {
                name: string;
                dtype: string;
                shape: (string | number)[];
            }[];
            outputs: {
                name: string;
                dtype: string;
                shape: (string | number)[];
            }[];
        };
    };
    files: Record<string, string>;
    tolerance: {
        log_prob: {
            atol: number;
            rtol: number;
        };
        sample: {
            atol: number;
            rtol: number;
        };
    };
    scale: number[];
    reference: {
        rows: number;
        log_prob_quantiles: number[];
    } | null;
    golden: {
        cases: {
            name: string;
            graph: "log_prob" | "sample";
            inputs: Record<string, string>;
            expected: Record<string, string> | null | undefined;
            rows: number[] | null | undefined;
            error: "missing_context" | "wrong_dtype" | "wrong_shape" | null | undefined;
        }[];
        log_prob_of_sample: string;
        noise: {
            seed: string;
            start: number;
            file: string;
        }[];
    };
    provenance: Record<string, string>;
    levels: number | undefined;
    selector: boolean | undefined;
}>;
export type Manifest = ReturnType<typeof checked>;
export type GoldenCase = Manifest["golden"]["cases"][number];
export type GraphName = "log_prob" | "sample";
export type ContextFeature = {
    name: string;
    categories?: string[];
};
/** @typedef {ReturnType<typeof checked>} Manifest `flow.json`, its keys as they stand in the file. */
/** @typedef {Manifest["golden"]["cases"][number]} GoldenCase */
/** @typedef {"log_prob" | "sample"} GraphName */
/** @typedef {{name: string, categories?: string[]}} ContextFeature */
/**
 * Reads and checks a `flow.json`.
 *
 * @param {Uint8Array} bytes the file
 * @param {string} where its path, for messages
 * @returns {Manifest} unknown keys are kept
 * @throws {BundleError} naming the key
 */
export declare function parseManifest(bytes: Uint8Array, where: string): Manifest;
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
export {};
