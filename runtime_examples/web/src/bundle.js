/** A bundle, its files in memory, each held to its hash. */

import { BundleError, FlowError } from "../../node/src/errors.js";
import { heldGraphs, MANIFEST_BYTES, parseManifest } from "../../node/src/manifest.js";
import { requireListedGraph } from "../../node/src/onnx.js";

/** @typedef {import("../../node/src/manifest.js").Manifest} Manifest */
/** @typedef {import("../../node/src/inputs.js").NdArray} NdArray */

/** The limit of one protobuf message, and so of every file of a bundle. */
const FILE_BYTES = 2 ** 31 - 1;

/**
 * @typedef {object} Bundle
 * @property {string} label its name in messages
 * @property {Manifest} manifest
 * @property {Map<string, Uint8Array<ArrayBuffer>>} files every listed file
 */

/**
 * Reads a bundle and holds it to its `flow.json`.
 *
 * @param {import("./sources.js").Source} source
 * @param {string} [digest] the SHA-256 of flow.json, where another one is to be refused
 * @returns {Promise<Bundle>}
 * @throws {BundleError} naming file and key
 */
export async function openBundle(source, digest) {
  const { label } = source;
  const document = await source.read("flow.json", MANIFEST_BYTES);
  const pinned = digest === undefined ? undefined : { expected: digest, found: await sha256(document) };
  const manifest = parseManifest(document, `${label}/flow.json`, pinned);
  const names = Object.keys(manifest.files);
  const contents = await Promise.all(names.map((name) => readHashed(source, name, manifest.files[name])));
  const files = new Map(names.map((name, index) => [name, contents[index]]));
  for (const { file } of heldGraphs(manifest)) {
    requireListedGraph(files.get(file) ?? new Uint8Array(), `${label}/${file}`);
  }
  return { label, manifest, files };
}

/**
 * @param {import("./sources.js").Source} source
 * @param {string} name
 * @param {string} expected
 */
async function readHashed(source, name, expected) {
  const bytes = await source.read(name, FILE_BYTES);
  const found = await sha256(bytes);
  if (found !== expected) {
    throw new BundleError(
      `${source.label}/${name}: files: hash differs (expected ${expected.slice(0, 12)}…, found ${found.slice(0, 12)}…)`,
    );
  }
  return bytes;
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function sha256(bytes) {
  if (!globalThis.isSecureContext) {
    throw new FlowError("hashes cannot be checked: the browser allows that on https and on localhost only");
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
