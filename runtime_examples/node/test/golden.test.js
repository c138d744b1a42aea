import assert from "node:assert/strict";
import { test } from "node:test";

import { compare, replay } from "../program/golden.js";
import { BundleError, Model } from "../src/index.js";
import { BANANA, BY_HAND, copied, editManifest } from "./bundles.js";

/** @param {string} folder */
async function outcomes(folder) {
  const found = [];
  for await (const outcome of replay(await Model.open(folder))) {
    found.push(outcome);
  }
  return found;
}

for (const folder of [BY_HAND, BANANA]) {
  test(`every golden case of ${folder.split("/").at(-2)} passes`, async () => {
    const found = await outcomes(folder);
    assert.ok(found.length >= 7);
    assert.deepEqual(
      found.filter(({ passed }) => !passed),
      [],
    );
  });
}

test("a difference over its bound, NaN and another shape fail", () => {
  const tolerance = { atol: 0.1, rtol: 0.01 };
  /** @param {...number} numbers */
  const array = (...numbers) => ({ data: Float64Array.from(numbers), shape: [numbers.length] });
  const close = compare("a", array(1, 10, -Infinity), array(1, 10.15, -Infinity), tolerance);
  assert.ok(close.passed);
  assert.ok(Math.abs(Number(close.found) - 0.15) < 1e-9 && Math.abs(Number(close.bound) - 0.2015) < 1e-9);
  for (const [found, expected] of [
    [array(1.2), array(1)],
    [array(1, Number.NaN), array(1, 1)],
    [array(1), array(Number.NaN)],
    [array(Infinity), array(-Infinity)],
    [array(0), array(-Infinity)],
    [array(1, 2), array(1)],
    [array(), array()],
  ]) {
    assert.ok(!compare("a", found, expected, tolerance).passed, `${found.data} passes for ${expected.data}`);
  }
  assert.ok(compare("a", array(5, 1), array(4, 1), tolerance, [100, 1]).passed, "the scale is the unit of a number");
});

test("an error that comes unasked, and one that does not come, fail", async (t) => {
  const folder = await copied(t);
  await editManifest(folder, ({ golden: { cases } }) => {
    cases[0].inputs = cases[3].inputs;
    delete cases[1].expected;
    cases[1].error = "wrong_shape";
  });
  const [unasked, absent] = await outcomes(folder);
  assert.deepEqual(unasked, { name: "data_3", found: "wrong_shape", bound: "none", passed: false });
  assert.deepEqual(absent, { name: "data_1", found: "none", bound: "wrong_shape", passed: false });
});

test("rows beyond an array are a fault of the bundle", async (t) => {
  const folder = await copied(t);
  await editManifest(folder, ({ golden: { cases } }) => {
    cases[1].rows = [1, 1000];
  });
  await assert.rejects(outcomes(folder), BundleError);
});
