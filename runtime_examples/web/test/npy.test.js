import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { BundleError } from "../../node/src/errors.js";
import { BY_HAND } from "../../node/test/bundles.js";
import { readNpy } from "../src/npy.js";

const HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";

/**
 * @param {string} header
 * @param {number} size bytes of numbers
 * @param {number} [version]
 */
function npy(header, size = 24, version = 1) {
  const padded = `${header.padEnd(117)}\n`;
  const head = Uint8Array.of(0x93, ...Buffer.from("NUMPY"), version, 0, padded.length, 0);
  return Buffer.concat([head, Buffer.from(padded, "latin1"), Buffer.alloc(size)]);
}

test("float32 and float64 arrays of any rank are read", async () => {
  const x = readNpy(await readFile(path.join(BY_HAND, "golden/x.npy")), "x");
  assert.deepEqual([x.shape, x.data.length, x.data[0]], [[3, 1, 2, 2], 12, 0]);
  const double = readNpy(await readFile(path.join(BY_HAND, "golden/double.npy")), "double");
  assert.ok(double.data instanceof Float64Array);
  assert.deepEqual(Float32Array.from(double.data), x.data);
  for (const [shape, size] of /** @type {const} */ ([
    ["()", 4],
    ["(2,)", 8],
    ["(0, 3)", 0],
  ])) {
    assert.equal(readNpy(npy(HEADER.replace("(2, 3)", shape), size), "a").data.length, size / 4);
  }
});

for (const [fault, bytes] of Object.entries({
  empty: Buffer.alloc(0),
  "only a magic": npy(HEADER).subarray(0, 8),
  "cut in its header": npy(HEADER).subarray(0, 100),
  "cut in its numbers": npy(HEADER, 20),
  "longer than its shape": npy(HEADER, 28),
  "of version 2": npy(HEADER, 24, 2),
  "in Fortran order": npy(HEADER.replace("False", "True")),
  "big endian": npy(HEADER.replace("<f4", ">f4")),
  "of whole numbers": npy(HEADER.replace("<f4", "<i4")),
  "of objects": npy(HEADER.replace("<f4", "|O")),
  "of a shape below nought": npy(HEADER.replace("(2, 3)", "(-2, -3)")),
  "of a shape beyond all numbers": npy(HEADER.replace("(2, 3)", `(${"9".repeat(90)}, 0)`.slice(0, 50))),
  "of an immense shape": npy(HEADER.replace("(2, 3)", "(4294967296, 4294967296, 4294967296)")),
})) {
  test(`an array ${fault} is refused by name`, () => {
    assert.throws(
      () => readNpy(bytes, "golden/x.npy"),
      (error) => error instanceof BundleError && error.message.startsWith("golden/x.npy: "),
    );
  });
}
