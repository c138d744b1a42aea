/** A bundle's golden cases, run again: what comes out against what the trained model said. */

import { BundleError, InputError } from "../../node/src/errors.js";
import { normals } from "../../node/src/noise.js";
import { readContract } from "./contract.js";
import { readNpy } from "./npy.js";

/** @typedef {import("./bundle.js").NdArray} NdArray */
/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./bundle.js").Bundle} Bundle */
/** @typedef {import("./contract.js").Contract} Contract */
/** @typedef {import("./contract.js").GoldenCase} GoldenCase */

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
 * Replays every case, then, where there are both graphs, the check of direction, then the noise.
 *
 * @param {Model} model
 * @returns {AsyncGenerator<Outcome, void, undefined>}
 * @throws {BundleError} for a case that contradicts its files
 */
export async function* replay(model) {
  const { bundle } = model;
  const contract = bundleContract(bundle);
  for (const golden of contract.cases) {
    yield await replayCase(model, contract, golden);
  }
  if (model.holds("log_prob") && model.holds("sample")) {
    yield await replayDirection(model, contract);
  }
  for (const { seed, start, file } of contract.golden.noise) {
    const { data, shape } = bundleArray(bundle, file);
    const noise = { data: normals(BigInt(seed), start, data.length), shape };
    yield compare(`noise ${seed}`, noise, { data, shape }, NOISE);
  }
}

/**
 * log_prob of sample, whose expected value goes by the Jacobian of the sampler alone.
 *
 * @param {Model} model
 * @param {Contract} contract
 * @returns {Promise<Outcome>}
 */
async function replayDirection(model, { golden, cases }) {
  const { bundle } = model;
  const expected = bundleArray(bundle, golden.log_prob_of_sample ?? "");
  const whole = cases
    .filter(({ graph, expected }) => graph === "sample" && expected)
    .map((golden) => caseInputs(model, golden))
    .find(({ z }) => z.shape[0] === expected.shape[0]);
  if (whole === undefined) {
    throw new BundleError(`${bundle.label}/flow.json: golden.log_prob_of_sample: no sample case has as many rows`);
  }
  const file = golden.log_prob_of_sample_rounding;
  const own = file === undefined ? null : bundleArray(bundle, file);
  const direction = await attempt(async () => {
    const samples = await model.sampleFrom(whole.z, whole.context);
    return { data: await model.logProb(samples, whole.context), shape: [samples.shape[0]] };
  });
  return typeof direction === "string"
    ? { name: "log_prob_of_sample", found: direction, bound: "none", passed: false }
    : compare("log_prob_of_sample", direction, expected, DIRECTION, [1], own, Number.POSITIVE_INFINITY);
}

/**
 * What flow.json has for those who replay.
 *
 * @param {Bundle} bundle
 * @returns {Contract}
 * @throws {BundleError} naming the key
 */
export function bundleContract({ label, manifest }) {
  return readContract(manifest, `${label}/flow.json`);
}

/**
 * A listed .npy file.
 *
 * @param {Bundle} bundle
 * @param {string} name
 * @returns {NdArray}
 */
export function bundleArray({ label, files }, name) {
  const bytes = files.get(name);
  if (bytes === undefined) {
    throw new BundleError(`${label}/flow.json: files: ${JSON.stringify(name)} is not listed`);
  }
  return readNpy(bytes, `${label}/${name}`);
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
    return {
      name,
      found: `shape ${found.shape.join(" × ")}`,
      bound: `shape ${expected.shape.join(" × ")}`,
      passed: false,
    };
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
 * @param {GoldenCase} golden
 * @returns {Promise<Outcome>}
 */
async function replayCase(model, contract, golden) {
  const { name, graph, expected, error, rounding } = golden;
  const { x, z, context } = caseInputs(model, golden);
  const found = await attempt(async () => {
    if (model.manifest.dtype === "float32" && [x, z, context].some((input) => input?.data instanceof Float64Array)) {
      throw new InputError("wrong_dtype", "expected float32, got float64");
    }
    return graph === "log_prob"
      ? { data: await model.logProb(x, context), shape: [x.shape[0]] }
      : await model.sampleFrom(z, context);
  });
  if (!expected || typeof found === "string") {
    const code = typeof found === "string" ? found : "none";
    const wanted = error ?? "none";
    return { name, found: code, bound: wanted, passed: code === wanted };
  }
  const { tolerance: given } = golden;
  const tolerance = { atol: Math.min(given.atol, TOLERANCE.atol), rtol: Math.min(given.rtol, TOLERANCE.rtol) };
  const scale = graph === "sample" ? contract.scale : undefined;
  const own = rounding ? caseArray(model, golden, Object.values(rounding)[0]) : null;
  return compare(name, found, caseArray(model, golden, Object.values(expected)[0]), tolerance, scale, own);
}

/**
 * What a model says of its inputs: an array, or the code of the error that it has against them.
 *
 * @param {() => Promise<NdArray>} run
 * @returns {Promise<NdArray | string>}
 */
async function attempt(run) {
  try {
    return await run();
  } catch (error) {
    if (error instanceof InputError) {
      return error.code;
    }
    throw error;
  }
}

/**
 * The inputs of a case, by their tensor.
 *
 * @param {Model} model
 * @param {GoldenCase} golden
 * @returns {Record<string, NdArray>}
 * @throws {BundleError} for rows that a file has not
 */
export function caseInputs(model, golden) {
  const entries = Object.entries(golden.inputs);
  return Object.fromEntries(entries.map(([tensor, file]) => [tensor, caseArray(model, golden, file)]));
}

/**
 * The rows of a file that a case is about.
 *
 * @param {Model} model
 * @param {GoldenCase} golden
 * @param {string} file
 * @returns {NdArray}
 */
function caseArray({ bundle }, { name, rows }, file) {
  const { data, shape } = bundleArray(bundle, file);
  const [count, ...event] = shape;
  const [start, stop] = rows ?? [0, count ?? 0];
  if (!(start < stop && stop <= count)) {
    const range = `${start} to ${stop} of ${file}, which has ${count ?? 0}`;
    throw new BundleError(`${bundle.label}/flow.json: golden.cases: ${name}: rows ${range}`);
  }
  const width = data.length / count;
  return { data: data.slice(start * width, stop * width), shape: [stop - start, ...event] };
}
