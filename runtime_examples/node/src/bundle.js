/** A bundle's folder: its files, inside it, each held to its hash. */

import { createHash } from "node:crypto";
import { readFile, realpath, stat } from "node:fs/promises";
import path from "node:path";

import { BundleError, quote } from "./errors.js";
import { MANIFEST_BYTES, parseManifest } from "./manifest.js";

/** @typedef {import("./manifest.js").Manifest} Manifest */

/** The limit of one protobuf message, and so of every file of a bundle. */
const FILE_BYTES = 2 ** 31 - 1;

export class Bundle {
  /**
   * Opens a folder, and holds every file that its `flow.json` lists to its hash.
   *
   * @param {string} folder
   * @param {string} [digest] the SHA-256 of flow.json, where another one is to be refused
   * @returns {Promise<Bundle>}
   * @throws {BundleError} naming the file and the key
   */
  static async open(folder, digest) {
    const bytes = await readInside(folder, "flow.json", MANIFEST_BYTES);
    const pinned = digest === undefined ? undefined : { expected: digest, found: sha256(bytes) };
    const bundle = new Bundle(folder, parseManifest(bytes, path.join(folder, "flow.json"), pinned));
    for (const name of Object.keys(bundle.manifest.files)) {
      await bundle.read(name);
    }
    return bundle;
  }

  /**
   * @param {string} folder
   * @param {Manifest} manifest
   */
  constructor(folder, manifest) {
    this.folder = folder;
    this.manifest = manifest;
  }

  /**
   * A listed file, whole. The hash is that of the very bytes that are returned.
   *
   * @param {string} name
   * @returns {Promise<Uint8Array>}
   * @throws {BundleError} where it is not there, leads out of the folder, or has another hash
   */
  async read(name) {
    const expected = this.manifest.files[name];
    const bytes = await readInside(this.folder, name, FILE_BYTES);
    const found = sha256(bytes);
    if (found !== expected) {
      const difference = `expected ${expected.slice(0, 12)}…, found ${found.slice(0, 12)}…`;
      throw new BundleError(`${path.join(this.folder, name)}: files: hash differs (${difference})`);
    }
    return bytes;
  }

  /**
   * An error of a key of this bundle's `flow.json`.
   *
   * @param {string} message the key, and what is wrong
   */
  fault(message) {
    return new BundleError(`${path.join(this.folder, "flow.json")}: ${message}`);
  }
}

/** @param {Uint8Array} bytes */
function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * The bytes of a file that lies in a folder, links followed.
 *
 * @param {string} folder
 * @param {string} name
 * @param {number} limit bytes
 * @returns {Promise<Uint8Array>}
 */
async function readInside(folder, name, limit) {
  const where = path.join(folder, name);
  try {
    const target = await realpath(where);
    if (!target.startsWith(path.join(await realpath(folder), path.sep))) {
      throw new BundleError(`${where}: files: ${quote(name)} is a link that leaves the folder`);
    }
    const status = await stat(target);
    // A pipe or a device could be read for ever.
    if (!status.isFile() || status.size > limit) {
      throw new BundleError(`${where}: is ${status.isFile() ? `larger than ${limit} bytes` : "no file"}`);
    }
    return await readFile(target);
  } catch (error) {
    throw error instanceof BundleError ? error : new BundleError(`${where}: cannot be read (${firstClause(error)})`);
  }
}

/**
 * What the system says, without the path that is named already.
 *
 * @param {unknown} error
 */
function firstClause(error) {
  return /** @type {Error} */ (error).message.split(",", 1)[0];
}
