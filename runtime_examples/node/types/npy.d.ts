export type NdArray = {
    data: Float32Array | Float64Array;
    shape: readonly number[];
};
/**
 * Reads an .npy file of version 1.0, C order, `<f4` or `<f8`.
 *
 * @param {Uint8Array} bytes the file
 * @param {string} where its path, for messages
 * @returns {NdArray} with a copy of the numbers
 * @throws {BundleError} for anything else, or a size that does not fit the shape
 */
export declare function readNpy(bytes: Uint8Array, where: string): NdArray;
