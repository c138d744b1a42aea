/** A bundle's golden cases, run again: what comes out against what the trained model said. */

import path from "node:path";

import { InputError } from "../src/errors.js";
import { normals } from "../src/noise.js";
import { readContract } from "./contract.js";
import { readNpy } from "./npy.js";

/** @typedef {import("../src/index.js").Model} Model */
/** @typedef {import("./contract.js").Contract} Contract */
/** @typedef {import("./contract.js").GoldenCase} GoldenCase */
/** @typedef {import("../src/inputs.js").NdArray} NdArray */

/**
 * What one case came to. The figures are those of the number that comes nearest to its bound, or goes farthest over
 * it; of a case that expects an error, the code that it got and the code that it should have got.
 *
 * @typedef {object} Outcome
 * @property {string} name
 * @property {number | string} found
 * @property {number | string} bound
 * @property {boolean} passed
 */

/** The most that is allowed: a bundle can ask for less and never for more. */
const TOLERANCE = { atol: 1e-4, rtol: 1e-5 };
/** Nats, and relative: the gradient of the density magnifies the rounding of a sample. */
const DIRECTION = { atol: 1e-2, rtol: 1e-3 };
/** How often its own float32 rounding a number may differ by, and up to which share of it and of its unit. */
const MULTIPLE = 4;
const SHARE = 1e-3;
/** Two units in the last place of the largest normal, 6.66: logarithm and cosine differ between platforms. */
const NOISE = { atol: 9.5e-7, rtol: 0 };

/**
 * Replays every case, then the check of direction, then the noise.
 *
 * @param {Model} model
 * @returns {AsyncGenerator<Outcome, void, undefined>}
 * @throws {import("../src/errors.js").BundleError} for a case that contradicts its files
 */
export async function* replay(model) {
  const contract = readContract(model.manifest, path.join(model.bundle.folder, "flow.json"));
  const { golden } = contract;
  for (const goldenCase of golden.cases) {
    yield await replayCase(model, contract, goldenCase);
  }
  const expected = await readArray(model, golden.log_prob_of_sample);
  const { z, context } = await inputsOfAllSamples(model, golden.cases, expected.shape[0]);
  const file = golden.log_prob_of_sample_rounding;
  const own = file === undefined ? null : await readArray(model, file);
  const found = await logProbOfSample(model, z, context);
  yield compare("log_prob_of_sample", found, expected, DIRECTION, [1], own, Number.POSITIVE_INFINITY);
  for (const { seed, start, file } of golden.noise) {
    const { data, shape } = await readArray(model, file);
    const noise = { data: normals(BigInt(seed), start, data.length), shape };
    yield compare(`noise ${seed}`, noise, { data, shape }, NOISE);
  }
}

/**
 * |Δ| ≤ atol + rtol · |expected| + min(4 · rounding, share · (1 + |expected|)) everywhere, in units of the scale, in a
 * form that NaN fails.
 *
 * @param {string} name
 * @param {NdArray} found
 * @param {NdArray} expected
 * @param {{atol: number, rtol: number}} tolerance
 * @param {readonly number[]} [scale] the unit of each number of a row; 1 where there is none
 * @param {NdArray | null} [rounding] what float32 alone costs each number
 * @param {number} [share] the most that it adds, of the number and of its unit
 * @returns {Outcome}
 */
export function compare(name, found, expected, { atol, rtol }, scale = [1], rounding = null, share = SHARE) {
  const same = [expected, rounding ?? expected].every(({ shape }) => shape.join() === found.shape.join());
  if (!same || found.data.length === 0) {
    const [had, wanted] = [found, expected].map(({ shape }) => `shape [${shape.join(", ")}]`);
    return { name, found: had, bound: wanted, passed: false };
  }
  let passed = true;
  let worst = { difference: 0, bound: 0, ratio: -1 };
  for (let index = 0; index < found.data.length; index++) {
    const unit = scale[index % scale.length];
    const [a, b] = [found.data[index] / unit, expected.data[index] / unit];
    // Equal infinities (−∞ outside the support) differ by nothing, and an infinity has no bound of its own.
    const difference = a === b ? 0 : Math.abs(a - b);
    const own = rounding === null ? 0 : Math.min((MULTIPLE * rounding.data[index]) / unit, share * (1 + Math.abs(b)));
    const bound = atol + (Number.isFinite(b) ? rtol * Math.abs(b) + own : 0);
    passed &&= difference <= bound;
    const ratio = difference === 0 ? 0 : difference / bound;
    if (ratio > worst.ratio || (Number.isNaN(ratio) && !Number.isNaN(worst.ratio))) {
      worst = { difference, bound, ratio };
    }
  }
  return { name, found: worst.difference, bound: worst.bound, passed };
}

/**
 * @param {Model} model
 * @param {Contract} contract
 * @param {GoldenCase} goldenCase
 * @returns {Promise<Outcome>}
 */
async function replayCase(model, { scale, tolerance }, goldenCase) {
  const { name, graph, error, expected, rounding } = goldenCase;
  const wanted = error ?? "none";
  const { x, z, context } = await inputsOf(model, goldenCase);
  let found;
  try {
    requireNarrow(model, [x, z, context]);
    found =
      graph === "log_prob"
        ? { data: await model.logProb(x, context), shape: [x.shape[0]] }
        : await model.sampleFrom(z, context);
  } catch (fault) {
    if (!(fault instanceof InputError)) {
      throw fault;
    }
    return { name, found: fault.code, bound: wanted, passed: fault.code === wanted };
  }
  if (!expected) {
    return { name, found: "none", bound: wanted, passed: false };
  }
  const bounds = {
    atol: Math.min(tolerance[graph].atol, TOLERANCE.atol),
    rtol: Math.min(tolerance[graph].rtol, TOLERANCE.rtol),
  };
  const reference = await rowsOf(model, goldenCase, Object.values(expected)[0]);
  const own = rounding ? await rowsOf(model, goldenCase, Object.values(rounding)[0]) : null;
  return compare(name, found, reference, bounds, graph === "sample" ? scale : undefined, own);
}

/**
 * A model of float32 is not for a file of float64.
 *
 * @param {{manifest: {dtype: string}}} model
 * @param {readonly (NdArray | undefined)[]} inputs
 */
function requireNarrow({ manifest }, inputs) {
  if (manifest.dtype === "float32" && inputs.some((input) => input?.data instanceof Float64Array)) {
    throw new InputError("wrong_dtype", "expected float32, got float64");
  }
}

/**
 * The inputs of the sample case that has so many rows.
 *
 * @param {Model} model
 * @param {GoldenCase[]} cases
 * @param {number} count
 */
async function inputsOfAllSamples(model, cases, count) {
  for (const goldenCase of cases) {
    if (goldenCase.graph === "sample" && goldenCase.expected) {
      const inputs = await inputsOf(model, goldenCase);
      if (inputs.z.shape[0] === count) {
        return inputs;
      }
    }
  }
  throw model.bundle.fault("golden.log_prob_of_sample: no sample case has as many rows");
}

/**
 * @param {Model} model
 * @param {NdArray} z
 * @param {NdArray} [context]
 * @returns {Promise<NdArray>}
 */
async function logProbOfSample(model, z, context) {
  const x = await model.sampleFrom(z, context);
  return { data: await model.logProb(x, context), shape: [x.shape[0]] };
}

/**
 * The inputs of a case, tensor → rows.
 *
 * @param {Model} model
 * @param {GoldenCase} goldenCase
 * @returns {Promise<Record<string, NdArray>>}
 */
async function inputsOf(model, goldenCase) {
  /** @type {Record<string, NdArray>} */
  const inputs = {};
  for (const [tensor, file] of Object.entries(goldenCase.inputs)) {
    inputs[tensor] = await rowsOf(model, goldenCase, file);
  }
  return inputs;
}

/**
 * The rows of a file that a case is about.
 *
 * @param {Model} model
 * @param {GoldenCase} goldenCase
 * @param {string} file
 * @returns {Promise<NdArray>}
 */
async function rowsOf(model, { name, rows }, file) {
  const { data, shape } = await readArray(model, file);
  const [count = 0, ...event] = shape;
  const [start, stop] = rows ?? [0, count];
  if (!(start < stop && stop <= count)) {
    throw model.bundle.fault(`golden.cases: ${name}: rows ${start} to ${stop} of ${file}, which has ${count}`);
  }
  const width = data.length / count;
  return { data: data.slice(start * width, stop * width), shape: [stop - start, ...event] };
}

/**
 * A listed .npy file.
 *
 * @param {Model} model
 * @param {string} name
 */
async function readArray({ bundle }, name) {
  return readNpy(await bundle.read(name), path.join(bundle.folder, name));
}
