/** Bundles for the tests. */

import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

/**
 * A model made by hand, whose answers are known exactly (see make_bundle.py beside it): of x `[batch, 1, 2, 2]`,
 * z `[batch, 5]` with a selector and context `[batch, 2]` with a category, and with the shift 10 · c₀ + c₁,
 * log_prob = Σ ln x + shift, and x = z₀ … z₃ + 100 · z₄ + shift.
 */
export const BY_HAND = fileURLToPath(new URL("../../rust/tests/bundle", import.meta.url));
export const BANANA = fileURLToPath(new URL("../../../models/banana/bundle", import.meta.url));

/**
 * A copy to be tampered with, gone after the test.
 *
 * @param {import("node:test").TestContext} test
 * @param {string} [original]
 * @returns {Promise<string>} its folder
 */
export async function copied(test, original = BY_HAND) {
  const parent = await mkdtemp(path.join(tmpdir(), "flowbundle-"));
  test.after(() => rm(parent, { recursive: true }));
  const folder = path.join(parent, "bundle");
  await cp(original, folder, { recursive: true });
  return folder;
}

/**
 * Changes flow.json.
 *
 * @param {string} folder
 * @param {(manifest: any) => void} edit
 */
export async function editManifest(folder, edit) {
  const file = path.join(folder, "flow.json");
  const manifest = JSON.parse(await readFile(file, "utf8"));
  edit(manifest);
  await writeFile(file, JSON.stringify(manifest));
}

/**
 * Replaces a file, and its hash.
 *
 * @param {string} folder
 * @param {string} name
 * @param {Uint8Array} bytes
 */
export async function replaceFile(folder, name, bytes) {
  await writeFile(path.join(folder, name), bytes);
  await editManifest(folder, ({ files }) => {
    files[name] = createHash("sha256").update(bytes).digest("hex");
  });
}
