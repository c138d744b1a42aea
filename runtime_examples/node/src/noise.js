/**
 * The noise behind every sample: Philox4x32-10 (Salmon et al., SC 2011, https://doi.org/10.1145/2063384.2063405) and
 * Box–Muller, the same numbers in every language. Normals of a seed are one stream, numbered from 0; any slice of it
 * can be drawn alone.
 */

import { ArgumentError } from "./errors.js";

const ROUNDS = 10;
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const TWO_32 = 2 ** 32;
const SEEDS = 2n ** 64n;

/**
 * Ten rounds of Philox on one counter.
 *
 * @param {ArrayLike<number>} counter four 32-bit words
 * @param {ArrayLike<number>} key two 32-bit words
 * @param {Uint32Array} [out] where the four words go
 * @returns {Uint32Array} `out`
 */
export function philox4x32(counter, key, out = new Uint32Array(4)) {
  let c0 = counter[0];
  let c1 = counter[1];
  let c2 = counter[2];
  let c3 = counter[3];
  let k0 = key[0];
  let k1 = key[1];
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
  return out;
}

/**
 * The upper 32 bits of a 64-bit product, from 16-bit halves: each partial sum stays below 2³².
 *
 * @param {number} a
 * @param {number} b
 */
function multiplyHigh(a, b) {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + (middle >>> 16) + (carry >>> 16)) | 0;
}

/**
 * Standard normals number `start` … `start + count − 1` of a seed. None is larger than 6.66.
 *
 * @param {bigint} seed from 0 to 2⁶⁴ − 1
 * @param {number} start
 * @param {number} count
 * @returns {Float32Array} `[count]`
 * @throws {ArgumentError} where the seed does not fit 64 bits, or the slice does not exist
 */
export function normals(seed, start, count) {
  if (typeof seed !== "bigint" || seed < 0n || seed >= SEEDS) {
    throw new ArgumentError(`seed: expected a BigInt from 0 to 2^64 - 1, got ${String(seed)}`);
  }
  if (!isCount(start) || !isCount(count) || !isCount(start + count)) {
    throw new ArgumentError(`normals: expected whole numbers from 0, got start ${start}, count ${count}`);
  }
  const out = new Float32Array(count);
  const key = [Number(seed & 0xffffffffn), Number(seed >> 32n)];
  const counter = [0, 0, 0, 0];
  const words = new Uint32Array(4);
  const first = Math.floor(start / 4);
  const last = Math.ceil((start + count) / 4);
  for (let block = first; block < last; block++) {
    counter[0] = block >>> 0;
    counter[1] = Math.floor(block / TWO_32);
    philox4x32(counter, key, words);
    // Where the block begins, seen from `out`: a write before its start or behind its end is no write at all.
    const at = 4 * block - start;
    for (let pair = 0; pair < 4; pair += 2) {
      const radius = Math.sqrt(-2 * Math.log((words[pair] + 1) / TWO_32));
      const angle = (2 * Math.PI * words[pair + 1]) / TWO_32;
      out[at + pair] = radius * Math.cos(angle);
      out[at + pair + 1] = radius * Math.sin(angle);
    }
  }
  return out;
}

/**
 * A seed as it stands in a bundle, an address or on a command line.
 *
 * @param {string} text decimal digits
 * @returns {bigint}
 * @throws {ArgumentError}
 */
export function parseSeed(text) {
  const seed = /^\d{1,20}$/.test(text) ? BigInt(text) : SEEDS;
  if (seed >= SEEDS) {
    throw new ArgumentError(`seed: expected a whole number from 0 to 2^64 - 1, got ${JSON.stringify(text)}`);
  }
  return seed;
}

/** @param {number} value */
function isCount(value) {
  return Number.isSafeInteger(value) && value >= 0;
}
