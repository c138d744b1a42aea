/** `flow.json`: read from bytes, held to the format and to itself. See docs/bundle.md. */

import { BundleError, quote } from "./errors.js";
import { array, integer, nullable, number, object, oneOf, optional, record, text } from "./schema.js";

export const FORMAT = "flowexport/1";
/** A larger flow.json is refused before it is parsed. */
export const MANIFEST_BYTES = 4 * 2 ** 20;

/** How the small file begins that Git LFS leaves in place of one that it has not fetched. */
const LFS = "version https://git-lfs.github.com/spec/";
const LARGEST_INT32 = 2 ** 31 - 1;
/** More columns than any context has: without names, a few characters could ask for an immense one. */
const WIDEST_CONTEXT = 65_536;

const size = integer(1, LARGEST_INT32);
const sha256 = text((value) => /^[0-9a-f]{64}$/.test(value), "64 lower-case hexadecimal digits");
const graph = object({ file: text() });

const GRAPH_NAMES = /** @type {const} */ (["log_prob", "sample"]);
/** What is said of each where a bundle does not hold it. */
const ABSENT = {
  log_prob: "sample alone, and no log_prob, so it cannot evaluate densities",
  sample: "log_prob alone, and no sample, so it cannot draw samples",
};

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
  graphs: object({ log_prob: optional(graph), sample: optional(graph) }),
  files: record(sha256),
  scale: array(number()),
  reference: nullable(object({ rows: size, log_prob_quantiles: array(number(), 101, 101) })),
  selector: optional((value, key) => oneOf(true, false)(value, key)),
});

/** @typedef {ReturnType<typeof checked>} Manifest `flow.json`, its keys as they stand in the file. */
/** @typedef {"log_prob" | "sample"} GraphName */
/** @typedef {{name: string, categories?: string[]}} ContextFeature */

/**
 * Reads and checks a `flow.json`.
 *
 * @param {Uint8Array} bytes the file
 * @param {string} where its path, for messages
 * @param {{expected: string, found: string}} [digest] where the bundle is pinned
 * @returns {Manifest} unknown keys are kept
 * @throws {BundleError} naming the key
 */
export function parseManifest(bytes, where, digest) {
  if (digest !== undefined && digest.expected !== digest.found) {
    const difference = `expected ${digest.expected.slice(0, 12)}…, found ${digest.found.slice(0, 12)}…`;
    throw new BundleError(`${where}: digest: ${difference}`);
  }
  if (bytes.length > MANIFEST_BYTES) {
    throw new BundleError(`${where}: larger than ${MANIFEST_BYTES} bytes`);
  }
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    throw new BundleError(`${where}: begins with a byte order mark`);
  }
  if (new TextDecoder("latin1").decode(bytes.subarray(0, LFS.length)) === LFS) {
    throw new BundleError(`${where}: is a pointer of Git LFS, and not the file itself`);
  }
  let value;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
    requireOneReading(text);
  } catch (error) {
    throw new BundleError(`${where}: is not JSON (${/** @type {Error} */ (error).message})`);
  }
  return located(where, () => {
    // Another format may have any keys, so it is told apart before they are looked at.
    const { format } = object({ format: text() })(value, "");
    if (format !== FORMAT) {
      throw new BundleError(`format: this program reads "${FORMAT}", the bundle says ${quote(format)}`);
    }
    const manifest = checked(value, "");
    requireConsistent(manifest);
    return manifest;
  });
}

/**
 * What a check gives; its error names the file.
 *
 * @template T
 * @param {string} where
 * @param {() => T} check
 */
export function located(where, check) {
  try {
    return check();
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
  const part = "[A-Za-z0-9_-](\\.?[A-Za-z0-9_-])*";
  return name.length <= 255 && new RegExp(`^${part}(/${part})*$`).test(name);
}

/** Controls, marks that turn the direction of writing, and halves of surrogate pairs: what is read is not what is seen. */
const HIDDEN = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/**
 * Refuses JSON that two readers could read differently: a key twice in one object, a text that hides what it says, a
 * number beyond float64.
 *
 * @param {string} text valid JSON
 */
function requireOneReading(text) {
  /** @type {(Set<string> | null)[]} the keys of each object around, null for a list */
  const open = [];
  let key = "";
  for (const [token, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[[\]{}]|-?\d[\d.eE+-]*/g)) {
    if (token === "{" || token === "[") {
      open.push(token === "{" ? new Set() : null);
    } else if (token === "}" || token === "]") {
      open.pop();
    } else if (token[0] !== '"') {
      if (!Number.isFinite(Number(token))) {
        throw new Error(`${key}: a number is beyond float64`);
      }
    } else {
      const said = JSON.parse(colon === undefined ? token : token.slice(0, -colon.length));
      const keys = open[open.length - 1];
      if (colon !== undefined) {
        if (keys?.has(said)) {
          throw new Error(`the key ${quote(said)} is there twice`);
        }
        keys?.add(said);
      }
      const hidden = HIDDEN.exec(said);
      if (hidden) {
        throw new Error(`${key}: a text holds U+${said.codePointAt(hidden.index).toString(16)}`);
      }
      key = colon === undefined ? key : said;
    }
  }
}

/**
 * Holds a manifest to itself.
 *
 * @param {Manifest} manifest
 */
function requireConsistent(manifest) {
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
  const names = Object.keys(manifest.files);
  for (const name of names) {
    if (!isPlainName(name)) {
      throw new BundleError(`files: ${quote(name)} leaves the folder, or is no plain name`);
    }
  }
  if (new Set(names.map((name) => name.toLowerCase())).size < names.length) {
    throw new BundleError("files: two names differ in their capitals alone");
  }
  const held = heldGraphs(manifest);
  if (held.length === 0) {
    throw new BundleError("graphs: expected log_prob or sample, got neither");
  }
  for (const { file } of held) {
    requireListed(manifest, file);
  }
}

/**
 * The directions that a bundle holds, one or both; graphs of other names are passed over.
 *
 * @param {Pick<Manifest, "graphs">} manifest
 * @returns {{name: GraphName, file: string}[]}
 */
export function heldGraphs({ graphs }) {
  return GRAPH_NAMES.flatMap((name) => {
    const { [name]: held } = graphs;
    return held === undefined ? [] : [{ name, file: held.file }];
  });
}

/**
 * What a bundle of one direction cannot do, and the cure, in a line; empty for one of both.
 *
 * @param {Pick<Manifest, "graphs">} manifest
 */
export function absence({ graphs }) {
  const [absent] = GRAPH_NAMES.filter((name) => graphs[name] === undefined).map((name) => ABSENT[name]);
  const cure = "flowexport export --graphs log_prob,sample makes one that can";
  return absent === undefined ? "" : `the bundle holds ${absent}; ${cure}`;
}

/**
 * Refuses a file that is not listed.
 *
 * @param {Manifest} manifest
 * @param {string} name
 */
export function requireListed(manifest, name) {
  if (!Object.hasOwn(manifest.files, name)) {
    throw new BundleError(`files: ${quote(name)} is used but not listed`);
  }
}

/** @typedef {[name: string, shape: number[], type: string]} TensorRow a tensor of a graph; the shape of one of its rows */

/**
 * What a graph takes, its rows first, and what it gives.
 *
 * @param {Manifest} manifest
 * @param {GraphName} graph
 * @returns {{inputs: TensorRow[], output: TensorRow}}
 */
export function signature({ dtype, event_shape, latent_size, context_size }, graph) {
  /** @type {TensorRow[]} */
  const context = context_size > 0 ? [["context", [context_size], dtype]] : [];
  return graph === "log_prob"
    ? { inputs: [["x", event_shape, dtype], ...context], output: ["log_prob", [], dtype] }
    : { inputs: [["z", [latent_size], dtype], ...context], output: ["x", event_shape, dtype] };
}

/**
 * Tensors in words, in an order of their own.
 *
 * @param {readonly [name: string, shape: readonly (number | string)[], type: string][]} tensors
 */
export function inWords(tensors) {
  return tensors
    .map(([name, shape, type]) => `${name} ${type} [${["batch", ...shape].join(", ")}]`)
    .sort()
    .join("; ");
}
