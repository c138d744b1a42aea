import assert from "node:assert/strict";
import { test } from "node:test";

import { formatFloat32, formatFloat64 } from "../src/float32.js";

test("a float32 is printed in as few digits as read it back", () => {
  for (const [value, text] of /** @type {const} */ ([
    [0.1, "0.1"],
    [1 / 3, "0.33333334"],
    [16777216, "16777216"],
    [-123456.79, "-123456.79"],
    [8.5899346e9, "8589935000"],
    [3.4028235e38, "3.4028235e+38"],
    [1.1754944e-38, "1.1754944e-38"],
    [1e-45, "1e-45"],
    [2.8e-45, "3e-45"],
    [0, "0"],
    [-0, "-0"],
    [-Infinity, "-inf"],
    [Infinity, "inf"],
    [Number.NaN, "nan"],
  ])) {
    assert.equal(formatFloat32(Math.fround(value)), text);
  }
});

test("the text reads back the same float32, and no shorter one does", () => {
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  for (let step = 0; step < 20_000; step++) {
    bits[0] = Math.imul(step, 2654435761);
    const [value] = float;
    if (Number.isFinite(value) && value !== 0) {
      const text = formatFloat32(value);
      assert.equal(Math.fround(Number(text)), value);
      const digits = text.replace(/e.*|[-+.]/g, "").replace(/^0+|0+$/g, "").length;
      assert.ok(digits === 1 || Math.fround(Number(value.toPrecision(digits - 1))) !== value, text);
    }
  }
});

test("a float64 is printed in as few digits as read it back", () => {
  assert.equal(formatFloat64(0.1 + 0.2), "0.30000000000000004");
  assert.equal(formatFloat64(-Infinity), "-inf");
});
