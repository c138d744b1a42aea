/** A bundle's folder: its files, inside it, each held to its hash. */
import { BundleError } from "./errors.js";
export type Manifest = import("./manifest.js").Manifest;
export type NdArray = import("./npy.js").NdArray;
export declare class Bundle {
    folder: string;
    manifest: {
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
    };
    /**
     * Opens a folder, and holds every file that its `flow.json` lists to its hash.
     *
     * @param {string} folder
     * @returns {Promise<Bundle>}
     * @throws {BundleError} naming the file and the key
     */
    static open(folder: string): Promise<Bundle>;
    /**
     * @param {string} folder
     * @param {Manifest} manifest
     */
    constructor(folder: string, manifest: Manifest);
    /**
     * A listed file, whole. The hash is that of the very bytes that are returned.
     *
     * @param {string} name
     * @returns {Promise<Uint8Array>}
     * @throws {BundleError} where it is not there, leads out of the folder, or has another hash
     */
    read(name: string): Promise<Uint8Array>;
    /**
     * A listed .npy file.
     *
     * @param {string} name
     * @returns {Promise<NdArray>}
     * @throws {BundleError} as for `read`, and where it is no such array
     */
    array(name: string): Promise<NdArray>;
    /**
     * An error of a key of this bundle's `flow.json`.
     *
     * @param {string} message the key, and what is wrong
     */
    fault(message: string): BundleError;
}
