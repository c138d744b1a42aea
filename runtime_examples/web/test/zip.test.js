import assert from "node:assert/strict";
import { test } from "node:test";
import { BundleError } from "../../node/src/errors.js";
import { strToU8, zipSync } from "../node_modules/fflate/esm/browser.js";
import { unzip } from "../src/page/zip.js";

const TEXT = strToU8("{}");

/** @param {Uint8Array} bytes @param {string} from @param {string} to of the same length */
function replaced(bytes, from, to) {
  const text = Buffer.from(bytes).toString("latin1");
  return new Uint8Array(Buffer.from(text.replaceAll(from, to), "latin1"));
}

test("a zip's files come out as they went in, packed or not", async () => {
  const noise = Uint8Array.from({ length: 5000 }, (_, index) => (index * index) % 251);
  const files = unzip(zipSync({ "a/flow.json": [TEXT, { level: 0 }], "a/golden/x.npy": noise }), "a.zip");
  assert.deepEqual([...files.keys()], ["a/flow.json", "a/golden/x.npy"]);
  const found = new Uint8Array(await /** @type {Blob} */ (files.get("a/golden/x.npy")).arrayBuffer());
  assert.deepEqual(found, noise);
});

test("folders are no files", () => {
  assert.deepEqual([...unzip(zipSync({ a: { "flow.json": TEXT, b: {} } }), "a.zip").keys()], ["a/flow.json"]);
});

for (const path of ["../x", "a/../../x", "/etc/x", "a\\x", "c:x", "a//x", "./x", "../"]) {
  test(`the path ${path} is refused`, () => {
    assert.throws(() => unzip(zipSync({ [path]: TEXT }), "a.zip"), {
      name: "BundleError",
      message: /leaves the folder/,
    });
  });
}

test("a path that comes twice is refused", () => {
  const bytes = replaced(zipSync({ "aaaa.npy": TEXT, "bbbb.npy": TEXT }), "bbbb.npy", "aaaa.npy");
  assert.throws(() => unzip(bytes, "a.zip"), { name: "BundleError", message: "a.zip: holds aaaa.npy twice" });
});

test("what would fill the memory is refused before it is unpacked", () => {
  const bomb = zipSync({ "flow.json": new Uint8Array(3_000_000) });
  assert.ok(bomb.length < 5000);
  assert.throws(() => unzip(bomb, "a.zip", 1_000_000), { name: "BundleError", message: /more than .* 1000000 bytes/ });
});

test("a file that declares itself smaller than it is cannot grow beyond that", async () => {
  const bytes = zipSync({ "flow.json": new Uint8Array(70_000) });
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const directory = view.getUint32(bytes.length - 6, true);
  view.setUint32(directory + 24, 10, true);
  const [file] = unzip(bytes, "a.zip").values();
  assert.equal(file.size, 10);
});

test("more files than a bundle has are refused", () => {
  const files = Object.fromEntries(Array.from({ length: 4097 }, (_, index) => [`${index}`, TEXT]));
  assert.throws(() => unzip(zipSync(files, { level: 0 }), "a.zip"), { name: "BundleError", message: /more than 4096/ });
});

test("what is no zip, or not whole, is refused in one line", () => {
  const whole = zipSync({ "flow.json": new Uint8Array(1000).map((_, index) => index * 7) }, { level: 9 });
  const broken = [new Uint8Array(0), new Uint8Array(100), strToU8("not a zip"), whole.subarray(0, whole.length - 30)];
  const scrambled = whole.map((byte, index) => (index > 40 && index < 200 ? byte ^ 255 : byte));
  for (const bytes of [...broken, scrambled, replaced(whole, "\x08\0", "\x63\0")]) {
    assert.throws(
      () => unzip(bytes, "a.zip"),
      (error) => {
        return error instanceof BundleError && /^a\.zip: cannot be unpacked \(.*\)$/.test(error.message);
      },
    );
  }
});
