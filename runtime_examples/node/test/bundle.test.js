import assert from "node:assert/strict";
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { Bundle, BundleError, Model } from "../src/index.js";
import { BY_HAND, copied, editManifest, replaceFile } from "./bundles.js";

/**
 * @param {Promise<unknown>} opened
 * @param {...string} words
 */
async function assertRefused(opened, ...words) {
  await assert.rejects(opened, (error) => {
    assert.ok(error instanceof BundleError, String(error));
    for (const word of words) {
      assert.ok(error.message.includes(word), `${error.message} says nothing of ${word}`);
    }
    return true;
  });
}

test("a bundle is opened, and its files are read", async () => {
  const bundle = await Bundle.open(BY_HAND);
  const expected = await readFile(path.join(BY_HAND, "golden/z.npy"));
  assert.deepEqual(Buffer.from(await bundle.read("golden/z.npy")), expected);
});

test("no folder, or one without flow.json, is refused by name", async () => {
  await assertRefused(Bundle.open("nowhere"), "nowhere", "flow.json", "no such file");
});

test("a flipped byte is found, in a graph, an array, and a file that nothing uses", async (t) => {
  const folder = await copied(t);
  await replaceFile(folder, "notes.txt", Buffer.from("some text"));
  for (const name of ["sample.onnx", "golden/x.npy", "notes.txt"]) {
    const bytes = await readFile(path.join(folder, name));
    const flipped = Uint8Array.from(bytes, (byte, index) => (index === bytes.length >> 1 ? byte ^ 1 : byte));
    await writeFile(path.join(folder, name), flipped);
    await assertRefused(Bundle.open(folder), name, "hash differs");
    await writeFile(path.join(folder, name), bytes);
  }
  await Bundle.open(folder);
});

test("a file that is not there, or is a folder, is refused by name", async (t) => {
  const folder = await copied(t);
  await rm(path.join(folder, "golden/z.npy"));
  await assertRefused(Bundle.open(folder), "golden/z.npy", "no such file");
  await mkdir(path.join(folder, "golden/z.npy"));
  await assertRefused(Bundle.open(folder), "golden/z.npy", "no file");
});

test("a bundle of one direction does that, and says what it cannot do", async (t) => {
  const z = [[0, 0, 0, 0, 0]];
  const x = { data: new Float32Array(4).fill(1), shape: [1, 1, 2, 2] };
  const context = [0, 0];
  for (const [held, other] of [
    ["log_prob", "sample"],
    ["sample", "log_prob"],
  ]) {
    const folder = await copied(t);
    await editManifest(folder, ({ graphs }) => delete graphs[other]);
    const model = await Model.open(folder);
    for (const [graph, call] of /** @type {[string, () => Promise<unknown>][]} */ ([
      ["log_prob", () => model.logProb(x, context)],
      ["sample", () => model.sample(0, { seed: 0n, context })],
      ["sample", () => model.sampleFrom(z, context)],
    ])) {
      if (graph === held) {
        await call();
      } else {
        await assertRefused(
          call(),
          `flow.json: graphs: the bundle holds ${held} alone, and no ${other}, so it cannot `,
        );
      }
    }
    await model.close();
  }
});

test("a link that leaves the folder is refused, one that stays is followed", async (t) => {
  const folder = await copied(t);
  const file = path.join(folder, "golden/z.npy");
  await rename(file, path.join(folder, "z.npy"));
  await symlink("../z.npy", file);
  await Bundle.open(folder);
  await rename(path.join(folder, "z.npy"), path.join(folder, "../z.npy"));
  await rm(file);
  await symlink("../../z.npy", file);
  await assertRefused(Bundle.open(folder), "golden/z.npy", "leaves the folder");
  // A folder beside it whose name begins the same is not inside.
  await mkdir(`${folder}-2`);
  await rename(path.join(folder, "../z.npy"), path.join(`${folder}-2`, "z.npy"));
  await rm(file);
  await symlink("../../bundle-2/z.npy", file);
  await assertRefused(Bundle.open(folder), "golden/z.npy", "leaves the folder");
});

test("a graph that ONNX Runtime cannot open, or that has other tensors than declared, is refused by name", async (t) => {
  const folder = await copied(t);
  const graph = await readFile(path.join(folder, "log_prob.onnx"));
  await replaceFile(folder, "log_prob.onnx", graph.subarray(0, -4));
  await assertRefused(Model.open(folder), "log_prob.onnx", "is cut short");
  await replaceFile(folder, "log_prob.onnx", await readFile(path.join(folder, "sample.onnx")));
  await assertRefused(Model.open(folder), "log_prob.onnx", "flow.json asks for");
  await replaceFile(folder, "log_prob.onnx", graph);
  await editManifest(folder, (manifest) => {
    manifest.latent_size = 2 ** 31 - 1;
    manifest.graphs.sample.inputs[1].shape[1] = 2 ** 31 - 1;
  });
  await assertRefused(Model.open(folder), "sample.onnx", "flow.json asks for");
});
