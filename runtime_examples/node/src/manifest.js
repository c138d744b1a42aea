/** `flow.json`: read from bytes, held to the format and to itself. See docs/bundle.md. */

import { BundleError, quote } from "./errors.js";
import { array, integer, nullable, number, object, oneOf, optional, record, text } from "./schema.js";

export const FORMAT = "flowexport/1";
/** A larger flow.json is refused before it is parsed. */
export const MANIFEST_BYTES = 4 * 2 ** 20;
const LARGEST_INT32 = 2 ** 31 - 1;
/** More columns than any context has: without names, a few characters could ask for an immense one. */
const WIDEST_CONTEXT = 65_536;

const size = integer(1, LARGEST_INT32);
const count = integer(0, LARGEST_INT32);
const fileName = text((value) => value.length >= 1 && value.length <= 255, "a file name");
const sha256 = text((value) => /^[0-9a-f]{64}$/.test(value), "64 lower-case hexadecimal digits");
const seed = text((value) => /^\d{1,20}$/.test(value) && BigInt(value) < 2n ** 64n, "decimal digits below 2^64");
const positive = number((value) => value > 0, "a positive number");
const tolerance = object({ atol: number((v) => v >= 0, "0 or more"), rtol: number((v) => v >= 0, "0 or more") });
const tensor = object({
  name: text(),
  dtype: text(),
  shape: array((value, key) => (typeof value === "string" ? value : size(value, key)), 1, 4),
});
const graph = object({ file: fileName, opset: size, inputs: array(tensor, 1, 2), outputs: array(tensor, 1, 1) });
const goldenCase = object({
  name: text(),
  graph: oneOf("log_prob", "sample"),
  inputs: record(fileName),
  expected: optional(nullable(record(fileName))),
  rows: optional(nullable(array(count, 2, 2))),
  error: optional(nullable(oneOf("wrong_shape", "missing_context", "wrong_dtype"))),
});

const checked = object({
  format: text(),
  name: text(),
  description: text(),
  dtype: oneOf("float32", "float64"),
  event_shape: array(size, 1, 3),
  latent_size: size,
  context_size: integer(0, WIDEST_CONTEXT),
  features: nullable(array(text())),
  context_features: nullable(array(object({ name: text(), categories: optional(array(text(), 1)) }))),
  architecture: object({}),
  graphs: object({ log_prob: graph, sample: graph }),
  files: record(sha256),
  tolerance: object({ log_prob: tolerance, sample: tolerance }),
  scale: array(positive),
  reference: nullable(object({ rows: size, log_prob_quantiles: array(number(), 101, 101) })),
  golden: object({
    cases: array(goldenCase, 0, 1000),
    log_prob_of_sample: fileName,
    noise: array(object({ seed, start: integer(0, Number.MAX_SAFE_INTEGER), file: fileName }), 0, 100),
  }),
  provenance: record(text()),
  levels: optional(size),
  selector: optional((value, key) => oneOf(true, false)(value, key)),
});

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
export function parseManifest(bytes, where) {
  if (bytes.length > MANIFEST_BYTES) {
    throw new BundleError(`${where}: larger than ${MANIFEST_BYTES} bytes`);
  }
  let value;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new BundleError(`${where}: is not JSON (${/** @type {Error} */ (error).message})`);
  }
  try {
    // Another format may have any keys, so it is told apart before they are looked at.
    const { format } = object({ format: text() })(value, "");
    if (format !== FORMAT) {
      throw new BundleError(`format: this program reads "${FORMAT}", the bundle says ${quote(format)}`);
    }
    const manifest = checked(value, "");
    requireConsistent(manifest);
    return manifest;
  } catch (error) {
    throw error instanceof BundleError ? new BundleError(`${where}: ${error.message}`) : error;
  }
}

/**
 * Numbers in one row of x.
 *
 * @param {Manifest} manifest
 */
export function eventSize(manifest) {
  return manifest.event_shape.reduce((product, axis) => product * axis, 1);
}

/**
 * Names of x, a number of a row each: the bundle's, or `x0`, `x1`, ….
 *
 * @param {Manifest} manifest
 * @returns {string[]}
 */
export function featureNames(manifest) {
  return manifest.features ?? Array.from({ length: eventSize(manifest) }, (_, index) => `x${index}`);
}

/**
 * The columns of the context: the bundle's, or `c0`, `c1`, … without categories.
 *
 * @param {Manifest} manifest
 * @returns {ContextFeature[]}
 */
export function contextFeatures(manifest) {
  return (
    manifest.context_features ?? Array.from({ length: manifest.context_size }, (_, index) => ({ name: `c${index}` }))
  );
}

/**
 * Whether a file name is relative, of forward slashes, and goes nowhere but down.
 *
 * @param {string} name
 */
export function isPlainName(name) {
  return !/[\\:\0]/.test(name) && name.split("/").every((part) => !["", ".", ".."].includes(part));
}

/**
 * Holds a manifest to itself.
 *
 * @param {Manifest} manifest
 */
function requireConsistent(manifest) {
  if (manifest.dtype !== "float32") {
    throw new BundleError(`dtype: this program runs float32 only, the bundle says "${manifest.dtype}"`);
  }
  const width = eventSize(manifest);
  for (const [key, entries, length] of /** @type {const} */ ([
    ["features", manifest.features, width],
    ["context_features", manifest.context_features, manifest.context_size],
    ["scale", manifest.scale, width],
  ])) {
    if (entries !== null && entries.length !== length) {
      throw new BundleError(`${key}: expected ${length} entries, got ${entries.length}`);
    }
  }
  const quantiles = manifest.reference?.log_prob_quantiles ?? [];
  if (quantiles.some((value, index) => value < quantiles[index - 1])) {
    throw new BundleError("reference.log_prob_quantiles: must be ascending");
  }
  requireSignature(manifest, "log_prob", [["x", manifest.event_shape]], ["log_prob", []]);
  requireSignature(manifest, "sample", [["z", [manifest.latent_size]]], ["x", manifest.event_shape]);
  manifest.golden.cases.forEach((golden, index) => {
    if (Boolean(golden.expected) === Boolean(golden.error)) {
      throw new BundleError(`golden.cases[${index}]: needs either expected or error`);
    }
    const input = golden.graph === "log_prob" ? "x" : "z";
    if (!Object.hasOwn(golden.inputs, input)) {
      throw new BundleError(`golden.cases[${index}].inputs: has no ${input}`);
    }
    const output = manifest.graphs[golden.graph].outputs[0].name;
    if (golden.expected && Object.keys(golden.expected).join() !== output) {
      throw new BundleError(`golden.cases[${index}].expected: is not the output of ${golden.graph}`);
    }
  });
  for (const name of Object.keys(manifest.files)) {
    if (!isPlainName(name)) {
      throw new BundleError(`files: ${quote(name)} leaves the folder`);
    }
  }
  for (const name of usedFiles(manifest)) {
    if (!Object.hasOwn(manifest.files, name)) {
      throw new BundleError(`files: ${quote(name)} is used but not listed`);
    }
  }
}

/**
 * Holds what flow.json says of a graph to the shapes that it declares.
 *
 * @param {Manifest} manifest
 * @param {GraphName} name
 * @param {[string, number[]][]} inputs
 * @param {[string, number[]]} output
 */
function requireSignature(manifest, name, inputs, output) {
  /** @type {[string, number[]][]} */
  const context = manifest.context_size > 0 ? [["context", [manifest.context_size]]] : [];
  const { [name]: graph } = manifest.graphs;
  for (const [key, tensors, expected] of /** @type {const} */ ([
    ["inputs", graph.inputs, [...inputs, ...context]],
    ["outputs", graph.outputs, [output]],
  ])) {
    const found = tensors.map((tensor) => signature(tensor.name, tensor.dtype, tensor.shape)).sort();
    const wanted = expected.map(([tensor, shape]) => signature(tensor, manifest.dtype, ["batch", ...shape])).sort();
    if (found.join("; ") !== wanted.join("; ")) {
      throw new BundleError(`graphs.${name}.${key}: expected ${wanted.join("; ")}, got ${found.join("; ")}`);
    }
  }
}

/**
 * A tensor in words.
 *
 * @param {string} name
 * @param {string} dtype
 * @param {(number | string)[]} shape
 */
function signature(name, dtype, shape) {
  return `${name} ${dtype} [${shape.join(", ")}]`;
}

/**
 * Every file that a manifest speaks of outside `files`.
 *
 * @param {Manifest} manifest
 * @returns {string[]}
 */
function usedFiles({ graphs, golden }) {
  const cases = golden.cases.flatMap(({ inputs, expected }) => [
    ...Object.values(inputs),
    ...Object.values(expected ?? {}),
  ]);
  const noise = golden.noise.map(({ file }) => file);
  return [graphs.log_prob.file, graphs.sample.file, golden.log_prob_of_sample, ...cases, ...noise];
}
