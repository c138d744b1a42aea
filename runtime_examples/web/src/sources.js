/** Where the files of a bundle come from. */

import { BundleError } from "../../node/src/errors.js";

/**
 * @typedef {object} Source
 * @property {string} label the bundle's name in messages
 * @property {(name: string, limit: number) => Promise<Uint8Array<ArrayBuffer>>} read a file of at most `limit` bytes
 * @property {URL} [module] where the server may have it compiled; never a file of the bundle, which may be anyone's
 */

/**
 * A bundle that is served.
 *
 * @param {string | URL} address of its folder, with a slash at the end
 * @param {string} label
 * @returns {Source}
 */
export function fromAddress(address, label) {
  return {
    label,
    async read(name, limit) {
      const where = `${label}/${name}`;
      const path = name.split("/").map(encodeURIComponent).join("/");
      const response = await fetch(new URL(path, address)).catch(() => null);
      if (response === null || !response.ok || response.body === null) {
        const reason = response === null ? "no answer" : response.statusText || response.status;
        throw new BundleError(`${where}: cannot be read (${reason})`);
      }
      const parts = [];
      let size = 0;
      for (const reader = response.body.getReader(); ; ) {
        const { done, value } = await reader.read();
        if (done) {
          return new Uint8Array(await new Blob(parts).arrayBuffer());
        }
        parts.push(value);
        size += value.length;
        if (size > limit) {
          await reader.cancel();
          throw tooLarge(where, limit);
        }
      }
    },
  };
}

/**
 * A file's refusal.
 *
 * @param {string} where
 * @param {number} limit
 */
export function tooLarge(where, limit) {
  return new BundleError(`${where}: larger than ${limit} bytes`);
}
