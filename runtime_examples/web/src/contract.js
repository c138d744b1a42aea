/**
 * The rest of `flow.json`, which the library does not go on to use: the golden cases, how near they must be met, and
 * what else the format asks for.
 */

import { BundleError } from "../../node/src/errors.js";
import { absence, heldGraphs, inWords, located, requireListed, signature } from "../../node/src/manifest.js";
import { array, integer, nullable, number, object, oneOf, optional, record, text } from "../../node/src/schema.js";

const LARGEST_INT32 = 2 ** 31 - 1;

const size = integer(1, LARGEST_INT32);
const count = integer(0, LARGEST_INT32);
const fileName = text((value) => value.length >= 1 && value.length <= 255, "a file name");
const seed = text((value) => /^\d{1,20}$/.test(value) && BigInt(value) < 2n ** 64n, "decimal digits below 2^64");
const positive = number((value) => value > 0, "a positive number");
const tolerance = object({ atol: number((v) => v >= 0, "0 or more"), rtol: number((v) => v >= 0, "0 or more") });
const tensor = object({
  name: text(),
  dtype: text(),
  shape: array((value, key) => (typeof value === "string" ? value : size(value, key)), 1, 4),
});
const graph = object({ opset: size, inputs: array(tensor, 1, 2), outputs: array(tensor, 1, 1) });
const goldenCase = object({
  name: text(),
  graph: text(),
  inputs: record(fileName),
  expected: optional(nullable(record(fileName))),
  rounding: optional(nullable(record(fileName))),
  rows: optional(nullable(array(count, 2, 2))),
  error: optional(nullable(oneOf("wrong_shape", "missing_context", "wrong_dtype"))),
});

const checked = object({
  architecture: object({}),
  graphs: object({ log_prob: optional(graph), sample: optional(graph) }),
  tolerance: object({ log_prob: optional(tolerance), sample: optional(tolerance) }),
  scale: array(positive),
  golden: object({
    cases: array(goldenCase, 0, 1000),
    log_prob_of_sample: optional(fileName),
    log_prob_of_sample_rounding: optional(fileName),
    noise: array(object({ seed, start: integer(0, Number.MAX_SAFE_INTEGER), file: fileName }), 0, 100),
  }),
  provenance: record(text()),
  levels: optional(size),
});

/** @typedef {import("../../node/src/manifest.js").Manifest} Manifest */
/** @typedef {ReturnType<typeof checked>} Checked */
/** @typedef {import("../../node/src/manifest.js").GraphName} GraphName */
/** @typedef {ReturnType<typeof goldenCase> & {graph: GraphName, tolerance: ReturnType<typeof tolerance>}} GoldenCase */
/** @typedef {Checked & {cases: GoldenCase[]}} Contract `cases`: of the graphs that this page knows */

/**
 * Reads and checks it.
 *
 * @param {Manifest} manifest with all keys of the file
 * @param {string} where the path of flow.json, for messages
 * @returns {Contract}
 * @throws {BundleError} naming the key
 */
export function readContract(manifest, where) {
  return located(where, () => {
    const found = checked(manifest, "");
    requireSignatures(manifest, found);
    const contract = { ...found, cases: knownCases(manifest, found) };
    requireDirection(manifest, found);
    for (const name of usedFiles(contract)) {
      requireListed(manifest, name);
    }
    return contract;
  });
}

/**
 * Holds what flow.json says of the graphs to the shapes that it declares.
 *
 * @param {Manifest} manifest
 * @param {Checked} contract
 */
function requireSignatures(manifest, { graphs }) {
  for (const { name } of heldGraphs(manifest)) {
    const { inputs, output } = signature(manifest, name);
    const { inputs: takes = [], outputs: gives = [] } = graphs[name] ?? {};
    for (const [key, given, expected] of /** @type {const} */ ([
      ["inputs", takes, inputs],
      ["outputs", gives, [output]],
    ])) {
      const wanted = inWords(expected);
      const found = inWords(given.map(({ name, dtype, shape }) => [name, shape.slice(1), dtype]));
      if (found !== wanted || given.some(({ shape }) => shape[0] !== "batch")) {
        throw new BundleError(`graphs.${name}.${key}: expected ${wanted}, got ${found}`);
      }
    }
  }
}

/**
 * The cases, each with its bound; those of graphs that no reader here knows are passed over.
 *
 * @param {Manifest} manifest
 * @param {Checked} contract
 * @returns {GoldenCase[]}
 */
function knownCases(manifest, { golden, graphs, tolerance }) {
  const known = heldGraphs(manifest);
  const listed = new Map(Object.entries(graphs));
  return golden.cases.flatMap((golden, index) => {
    const held = known.find(({ name }) => name === golden.graph);
    if (held === undefined && listed.get(golden.graph) !== undefined) {
      return [];
    }
    if (held === undefined) {
      const said = absence(manifest) || `expected one of graphs, got ${JSON.stringify(golden.graph)}`;
      throw new BundleError(`golden.cases[${index}].graph: ${said}`);
    }
    const { [held.name]: bound } = tolerance;
    if (bound === undefined) {
      throw new BundleError(`tolerance.${held.name}: is missing`);
    }
    if (Boolean(golden.expected) === Boolean(golden.error)) {
      throw new BundleError(`golden.cases[${index}]: needs either expected or error`);
    }
    const input = golden.graph === "log_prob" ? "x" : "z";
    if (!Object.hasOwn(golden.inputs, input)) {
      throw new BundleError(`golden.cases[${index}].inputs: has no ${input}`);
    }
    const [output] = signature(manifest, held.name).output;
    if (golden.expected && Object.keys(golden.expected).join() !== output) {
      throw new BundleError(`golden.cases[${index}].expected: is not the output of ${golden.graph}`);
    }
    return [{ ...golden, graph: held.name, tolerance: bound }];
  });
}

/**
 * A bundle of both graphs must say how they belong together.
 *
 * @param {Manifest} manifest
 * @param {Checked} contract
 */
function requireDirection(manifest, { golden }) {
  if (absence(manifest) === "" && golden.log_prob_of_sample === undefined) {
    throw new BundleError("golden.log_prob_of_sample: is missing");
  }
}

/**
 * Every file that it speaks of.
 *
 * @param {Contract} contract
 * @returns {string[]}
 */
function usedFiles({ golden, cases: known }) {
  const cases = known.flatMap(({ inputs, expected, rounding }) => {
    return [inputs, expected ?? {}, rounding ?? {}].flatMap(Object.values);
  });
  const noise = golden.noise.map(({ file }) => file);
  const direction = [golden.log_prob_of_sample ?? [], golden.log_prob_of_sample_rounding ?? []].flat();
  return [...direction, ...cases, ...noise];
}
