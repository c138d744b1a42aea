/** A bundle's folder: its files, inside it, each held to its hash. */
import { BundleError } from "./errors.js";
export type Manifest = import("./manifest.js").Manifest;
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
    };
    /**
     * Opens a folder, and holds every file that its `flow.json` lists to its hash.
     *
     * @param {string} folder
     * @param {string} [digest] the SHA-256 of flow.json, where another one is to be refused
     * @returns {Promise<Bundle>}
     * @throws {BundleError} naming the file and the key
     */
    static open(folder: string, digest?: string): Promise<Bundle>;
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
     * An error of a key of this bundle's `flow.json`.
     *
     * @param {string} message the key, and what is wrong
     */
    fault(message: string): BundleError;
}
