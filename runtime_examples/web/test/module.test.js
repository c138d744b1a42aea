/** Compiled models, as prepare.sh leaves them where there is a compiler; the browser's tests are in Python. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { openBundle } from "../src/bundle.js";
import { openModule } from "../src/module.js";

const SITE = new URL("../site/", import.meta.url);
const MODULES = new URL("modules/", SITE);
const skip = existsSync(new URL(".compiled", MODULES)) ? false : "clang, lld or flowexport is missing";
const names = readdirSync(MODULES)
  .filter((file) => file.endsWith(".wasm"))
  .map((file) => file.slice(0, -".wasm".length));

/** @param {string} name */
function module(name) {
  return new Uint8Array(readFileSync(new URL(`${name}.wasm`, MODULES)));
}

/** @param {string} name */
async function zoo(name) {
  Object.assign(globalThis, { isSecureContext: true });
  const folder = new URL(`zoo/${name}/`, SITE);
  return await openBundle({ label: name, read: async (file) => new Uint8Array(readFileSync(new URL(file, folder))) });
}

test("every model of vectors holds to its golden cases", { skip }, async () => {
  assert.equal(names.length, 7);
  for (const name of names) {
    await openModule(module(name), await zoo(name));
  }
});

test("blocks are joined, and rows do not depend on their number", { skip }, async () => {
  const model = await openModule(module("noisy_ring"), await zoo("noisy_ring"));
  const context = { data: new Float32Array(model.manifest.context_size).fill(1), shape: [model.manifest.context_size] };
  const { data, shape } = await model.sample(2500, { seed: 7n, context });
  assert.deepEqual(shape, [2500, 2]);
  const scores = await model.logProb({ data, shape }, context);
  for (const row of [0, 1023, 1024, 2499]) {
    const one = { data: data.slice(2 * row, 2 * row + 2), shape: [1, 2] };
    assert.equal((await model.logProb(one, context))[0], scores[row]);
  }
});

test("another model's module is refused by the golden cases", { skip }, async () => {
  await assert.rejects(openModule(module("moons"), await zoo("banana")), {
    name: "BundleError",
    message: /^banana: its module: .*, over /,
  });
});

test("what is no module is refused", { skip }, async () => {
  await assert.rejects(openModule(new Uint8Array(9), await zoo("banana")), {
    name: "BundleError",
    message: /cannot be opened/,
  });
});
