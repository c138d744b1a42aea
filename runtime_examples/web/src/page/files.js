/** A bundle among files that the page was given: a folder that was dropped or chosen, or a zip. */

import { BundleError } from "../../../node/src/errors.js";
import { tooLarge } from "../sources.js";

/** @typedef {import("../sources.js").Source} Source */

/** More files than a bundle has; what has more is something else. */
export const MOST_FILES = 4096;
/** Folders inside folders. */
const MOST_LEVELS = 8;
const MANIFEST = "flow.json";

/**
 * A bundle among files that the page was given: the folder of the highest `flow.json`.
 *
 * @param {Map<string, Blob>} files path → content
 * @param {string} label
 * @returns {Source}
 * @throws {BundleError} where there is no `flow.json`, or no telling which
 */
export function fromFiles(files, label) {
  const root = bundleRoot([...files.keys()], label);
  return {
    label,
    async read(name, limit) {
      const where = `${label}/${name}`;
      const file = files.get(root + name);
      if (file === undefined) {
        throw new BundleError(`${where}: cannot be read (there is no such file)`);
      }
      if (file.size > limit) {
        throw tooLarge(where, limit);
      }
      return new Uint8Array(await file.arrayBuffer());
    },
  };
}

/**
 * The files below what was dropped, by their paths in it.
 *
 * @param {FileSystemEntry} entry from `webkitGetAsEntry`
 * @returns {Promise<Map<string, File>>}
 * @throws {BundleError} for more files or levels than a bundle has
 */
export async function entryFiles(entry) {
  /** @type {Map<string, File>} */
  const files = new Map();
  /** @param {FileSystemEntry} entry @param {string} path @param {number} level */
  async function walk(entry, path, level) {
    if (level > MOST_LEVELS || files.size > MOST_FILES) {
      throw new BundleError(`${path}: more than ${MOST_FILES} files or ${MOST_LEVELS} levels; this is no bundle`);
    }
    if (entry.isFile) {
      files.set(path, await asked(entry, "file"));
      return;
    }
    const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
    // A reader gives its entries in parts, and an empty one at the end.
    for (let part = await asked(reader, "readEntries"); part.length > 0; part = await asked(reader, "readEntries")) {
      for (const inner of part) {
        await walk(inner, `${path}/${inner.name}`, level + 1);
      }
    }
  }
  await walk(entry, entry.name, 0);
  return files;
}

/**
 * The part of the paths that leads to the bundle.
 *
 * @param {string[]} paths
 * @param {string} label
 */
function bundleRoot(paths, label) {
  const roots = paths
    .filter((path) => path === MANIFEST || path.endsWith(`/${MANIFEST}`))
    .map((path) => path.slice(0, -MANIFEST.length))
    .sort((a, b) => depth(a) - depth(b));
  if (roots.length === 0) {
    throw new BundleError(`${label}: holds no ${MANIFEST}; is this a bundle?`);
  }
  if (roots.length > 1 && depth(roots[0]) === depth(roots[1])) {
    throw new BundleError(`${label}: holds several bundles (${roots[0]}, ${roots[1]}); give one of them`);
  }
  return roots[0];
}

/** @param {string} path */
function depth(path) {
  return path.split("/").length;
}

/**
 * A callback's answer as a promise.
 *
 * @param {any} owner
 * @param {"file" | "readEntries"} method
 * @returns {Promise<any>}
 */
function asked(owner, method) {
  return new Promise((resolve, reject) => {
    owner[method](resolve, (/** @type {DOMException} */ error) => {
      reject(new BundleError(`${owner.name ?? "folder"}: cannot be read (${error.message})`));
    });
  });
}
