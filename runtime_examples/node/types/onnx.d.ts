/** What a graph may hold: operators and fields of the file that are on a list, so that it has one reading. */
/**
 * Refuses an ONNX file with anything that is not on the list: see docs/bundle.md.
 *
 * @param {Uint8Array} data
 * @param {string} where its path, for messages
 * @throws {BundleError} naming what it is
 */
export declare function requireListedGraph(data: Uint8Array, where: string): void;
