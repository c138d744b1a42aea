/**
 * The noise behind every sample: Philox4x32-10 (Salmon et al., SC 2011, https://doi.org/10.1145/2063384.2063405) and
 * Box–Muller, the same numbers in every language. Normals of a seed are one stream, numbered from 0; any slice of it
 * can be drawn alone.
 */
/**
 * Ten rounds of Philox on one counter.
 *
 * @param {ArrayLike<number>} counter four 32-bit words
 * @param {ArrayLike<number>} key two 32-bit words
 * @param {Uint32Array} [out] where the four words go
 * @returns {Uint32Array} `out`
 */
export declare function philox4x32(counter: ArrayLike<number>, key: ArrayLike<number>, out?: Uint32Array): Uint32Array;
/**
 * Standard normals number `start` … `start + count − 1` of a seed. None is larger than 6.66.
 *
 * @param {bigint} seed from 0 to 2⁶⁴ − 1
 * @param {number} start
 * @param {number} count
 * @returns {Float32Array} `[count]`
 * @throws {ArgumentError} where the seed does not fit 64 bits, or the slice does not exist
 */
export declare function normals(seed: bigint, start: number, count: number): Float32Array;
/**
 * A seed as it stands in a bundle, an address or on a command line.
 *
 * @param {string} text decimal digits
 * @returns {bigint}
 * @throws {ArgumentError}
 */
export declare function parseSeed(text: string): bigint;
