import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { entryFiles, fromFiles } from "../src/page/files.js";
import { fromAddress } from "../src/sources.js";

/** @param {Record<string, string>} contents */
function blobs(contents) {
  return new Map(Object.entries(contents).map(([path, text]) => [path, new Blob([text])]));
}

/** @param {Uint8Array} bytes */
function text(bytes) {
  return new TextDecoder().decode(bytes);
}

/**
 * An entry as the browser makes them of what was dropped: a file, or a folder that gives its entries in parts.
 *
 * @param {string} name
 * @param {string | any[]} content
 * @returns {any}
 */
function entry(name, content) {
  if (typeof content === "string") {
    return { name, isFile: true, file: (/** @type {any} */ done) => done(new Blob([content])) };
  }
  const createReader = () => {
    const left = [...content];
    return { readEntries: (/** @type {any} */ done) => done(left.splice(0, 2)) };
  };
  return { name, isFile: false, createReader };
}

test("a bundle is read from the folder of the highest flow.json", async () => {
  const source = fromFiles(blobs({ "a/flow.json": "{}", "a/golden/x": "x", "a/old/flow.json": "[]" }), "a");
  assert.equal(text(await source.read("flow.json", 10)), "{}");
  assert.equal(text(await source.read("golden/x", 10)), "x");
  await assert.rejects(source.read("golden/y", 10), { name: "BundleError", message: /^a\/golden\/y: cannot be read/ });
  await assert.rejects(source.read("flow.json", 1), {
    name: "BundleError",
    message: "a/flow.json: larger than 1 bytes",
  });
});

test("files that are no bundle, or several, are refused", () => {
  assert.throws(() => fromFiles(blobs({ "a/x": "" }), "a"), { name: "BundleError", message: /holds no flow\.json/ });
  const two = blobs({ "a/flow.json": "", "b/flow.json": "" });
  assert.throws(() => fromFiles(two, "ab"), { name: "BundleError", message: /several bundles/ });
});

test("a folder that was dropped is walked to its end", async () => {
  const arrays = Array.from({ length: 7 }, (_, index) => entry(`${index}.npy`, `${index}`));
  const files = await entryFiles(
    entry("bundle", [entry("flow.json", "{}"), entry("golden", arrays), entry("empty", [])]),
  );
  assert.deepEqual([...files.keys()], ["bundle/flow.json", ...arrays.map((_, index) => `bundle/golden/${index}.npy`)]);
});

test("a folder with too many files, or too deep, is given up", async () => {
  const many = entry(
    "many",
    Array.from({ length: 4200 }, (_, index) => entry(`${index}`, "")),
  );
  await assert.rejects(entryFiles(many), { name: "BundleError", message: /more than 4096 files/ });
  const endless = entry("deep", []);
  endless.createReader = () => ({ readEntries: (/** @type {any} */ done) => done([endless]) });
  await assert.rejects(entryFiles(endless), { name: "BundleError", message: /8 levels/ });
});

test("a file that cannot be read is named", async () => {
  const gone = entry("gone", "");
  gone.file = (/** @type {any} */ _, /** @type {any} */ failed) => failed(new Error("it was moved"));
  await assert.rejects(entryFiles(gone), { name: "BundleError", message: "gone: cannot be read (it was moved)" });
});

test("a served bundle is read by its names, and no further than the limit", async () => {
  const server = createServer((request, response) => {
    const known = request.url === "/zoo/a%23b.npy";
    response.writeHead(known ? 200 : 404, known ? "OK" : "there is no such file").end("0123456789");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(null)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const source = fromAddress(`http://127.0.0.1:${port}/zoo/`, "zoo");
  try {
    assert.equal(text(await source.read("a#b.npy", 10)), "0123456789");
    await assert.rejects(source.read("a#b.npy", 9), { message: "zoo/a#b.npy: larger than 9 bytes" });
    await assert.rejects(source.read("b", 9), { message: "zoo/b: cannot be read (there is no such file)" });
  } finally {
    server.close();
    server.closeAllConnections();
  }
  await assert.rejects(source.read("b", 9), { message: "zoo/b: cannot be read (no answer)" });
});
