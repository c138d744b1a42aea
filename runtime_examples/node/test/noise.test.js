import assert from "node:assert/strict";
import { test } from "node:test";

import { ArgumentError, normals, parseSeed, philox4x32 } from "../src/index.js";

/** @param {Uint32Array} words */
const hex = (words) => Array.from(words, (word) => word.toString(16).padStart(8, "0")).join(" ");

test("Philox gives the published answers", () => {
  assert.equal(hex(philox4x32([0, 0, 0, 0], [0, 0])), "6627e8d5 e169c58d bc57ac4c 9b00dbd8");
  const counter = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
  assert.equal(hex(philox4x32(counter, [0xa4093822, 0x299f31d0])), "d16cfe09 94fdcceb 5001e420 24126ea1");
  const ones = Array(4).fill(0xffffffff);
  assert.equal(hex(philox4x32(ones, ones)), "408f276d 41c83b0e a20bc7c6 6d5451fd");
});

for (const [seed, expected] of /** @type {const} */ ([
  [0n, [0.9911377, -0.9246626, -0.61760896, -0.4820686]],
  [2n ** 63n + 5n, [0.24326237, 0.01694727, -1.5504903, 0.27301276]],
])) {
  test(`the first normals of seed ${seed} are those of the format`, () => {
    normals(seed, 0, 4).forEach((normal, index) => {
      assert.ok(Math.abs(normal - expected[index]) <= 2e-7, `number ${index}: ${normal}`);
    });
  });
}

test("any slice of the stream can be drawn alone, also where a block's number has more than 32 bits", () => {
  for (const base of [0, 4 * 2 ** 32 - 8, 2 ** 52]) {
    const whole = normals(7n, base, 16);
    for (let start = 0; start < 9; start++) {
      for (const count of [0, 1, 5, 7]) {
        assert.deepEqual(normals(7n, base + start, count), whole.subarray(start, start + count));
      }
    }
  }
});

test("the number of a block has more than 32 bits", () => {
  const expected = [-1.7847663, 1.7219129, 1.1478884, 1.4430003, -0.27488092];
  normals(7n, 4 * 2 ** 32 - 2, 5).forEach((normal, index) => {
    assert.ok(Math.abs(normal - expected[index]) <= 2e-7, `number ${index}: ${normal}`);
  });
});

test("both halves of the seed count", () => {
  const first = [0n, 1n, 2n ** 32n, 2n ** 64n - 1n].map((seed) => normals(seed, 0, 1)[0]);
  assert.equal(new Set(first).size, 4);
});

test("a seed or a slice that does not exist is refused", () => {
  for (const seed of [-1n, 2n ** 64n]) {
    assert.throws(() => normals(seed, 0, 1), ArgumentError);
  }
  for (const [start, count] of [
    [-1, 1],
    [0, -1],
    [0.5, 1],
    [2 ** 53 - 1, 1],
  ]) {
    assert.throws(() => normals(0n, start, count), ArgumentError);
  }
});

test("a seed is a whole number of 64 bits in decimal", () => {
  assert.equal(parseSeed("18446744073709551615"), 2n ** 64n - 1n);
  for (const text of ["", "-1", "1.0", "0x1", " 1", "18446744073709551616", "1e3"]) {
    assert.throws(() => parseSeed(text), /seed: expected a whole number/);
  }
});
