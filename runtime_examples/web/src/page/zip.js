/** Zip files, which come from anywhere: bounded before anything is unpacked. */

import { BundleError } from "../../../node/src/errors.js";
import { isPlainName } from "../../../node/src/manifest.js";
import { unzipSync } from "../../node_modules/fflate/esm/browser.js";
import { MOST_FILES } from "./files.js";

/** What all files may come to, unpacked. */
const MOST_BYTES = 512 * 2 ** 20;

/**
 * The files of a zip.
 *
 * @param {Uint8Array} bytes
 * @param {string} label the zip's name, for messages
 * @param {number} [most] bytes that they may come to
 * @returns {Map<string, Blob>} path → content
 * @throws {BundleError} for a path that leaves the folder or comes twice, for too many files or bytes, and for what
 *   is no zip
 */
export function unzip(bytes, label, most = MOST_BYTES) {
  const names = new Set();
  let size = 0;
  /** @type {Record<string, Uint8Array<ArrayBuffer>>} */
  let files;
  try {
    files = unzipSync(bytes, {
      // Asked for every file before it is unpacked, into a buffer of the size that it declares and no larger.
      filter({ name, size: packed, originalSize }) {
        if (name.endsWith("/") && isPlainName(name.slice(0, -1))) {
          return false;
        }
        if (!isPlainName(name)) {
          throw new BundleError(`${label}: the path ${JSON.stringify(name)} leaves the folder`);
        }
        size += Math.max(packed, originalSize);
        if (names.has(name) || names.size === MOST_FILES || size > most) {
          const fault = names.has(name)
            ? `holds ${name} twice`
            : `holds more than ${MOST_FILES} files or ${most} bytes`;
          throw new BundleError(`${label}: ${fault}`);
        }
        names.add(name);
        return true;
      },
    });
  } catch (error) {
    if (error instanceof BundleError) {
      throw error;
    }
    throw new BundleError(`${label}: cannot be unpacked (${/** @type {Error} */ (error).message})`);
  }
  return new Map(Object.entries(files).map(([name, content]) => [name, new Blob([content])]));
}
