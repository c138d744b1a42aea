import assert from "node:assert/strict";
import { test } from "node:test";
import { normals } from "../../node/src/noise.js";
import { compare, replay } from "../src/golden.js";
import { collected, manifest, npy, openFake } from "./fake.js";

/** @param {number[]} values */
function array(values) {
  return { data: Float64Array.from(values), shape: [values.length] };
}

const HALF = { atol: 0.5, rtol: 0 };

test("the figure is that of the number nearest to its bound, or farthest over it", () => {
  const tolerance = { atol: 1, rtol: 0.1 };
  const outcome = compare("a", array([0, 100, 10]), array([0.5, 105, 13]), tolerance);
  assert.deepEqual(outcome, { name: "a", found: 3, bound: 2.3, passed: false });
  assert.deepEqual(compare("b", array([0.5]), array([0]), HALF), { name: "b", found: 0.5, bound: 0.5, passed: true });
});

test("samples are compared in units of the scale, feature by feature", () => {
  const outcome = compare("a", array([10, 1, 12, 1]), array([10, 1, 10, 1.5]), HALF, [10, 1]);
  assert.deepEqual(outcome, { name: "a", found: 0.5, bound: 0.5, passed: true });
});

test("NaN fails, and so does another infinity; the same one does not", () => {
  assert.equal(compare("a", array([Number.NaN, 0]), array([0, 0]), HALF).passed, false);
  assert.ok(Number.isNaN(compare("a", array([Number.NaN, 9]), array([0, 0]), HALF).found));
  assert.equal(compare("a", array([0]), array([Number.NaN]), HALF).passed, false);
  assert.equal(compare("a", array([Infinity]), array([-Infinity]), { atol: 1, rtol: 1 }).passed, false);
  assert.equal(compare("a", array([1]), array([-Infinity]), { atol: 1, rtol: 1 }).passed, false);
  assert.deepEqual(compare("a", array([-Infinity]), array([-Infinity]), HALF), {
    name: "a",
    found: 0,
    bound: 0.5,
    passed: true,
  });
});

test("other shapes, and nothing at all, fail", () => {
  assert.equal(compare("a", array([1]), array([1, 2]), HALF).passed, false);
  assert.equal(compare("a", array([]), array([]), HALF).passed, false);
});

const noise = normals(7n, 3, 4);
const z = [0.5, -1];
const golden = {
  cases: [
    { name: "rows", graph: "log_prob", inputs: { x: "x.npy" }, expected: { log_prob: "log_prob.npy" }, rows: [1, 2] },
    { name: "noise", graph: "sample", inputs: { z: "z.npy" }, expected: { x: "sample.npy" } },
    { name: "wide", graph: "log_prob", inputs: { x: "wide.npy" }, error: "wrong_shape" },
    { name: "double", graph: "log_prob", inputs: { x: "sample.npy" }, error: "wrong_shape" },
    { name: "fine", graph: "log_prob", inputs: { x: "x.npy" }, error: "wrong_shape" },
  ],
  log_prob_of_sample: "direction.npy",
  noise: [{ seed: "7", start: 3, file: "noise.npy" }],
};
const BASE = -Math.log(2 * Math.PI) - 2 * Math.log(2);
const files = {
  "x.npy": npy([9, 9, 1, 1], [2, 2], "f4"),
  "wide.npy": npy([1, 1, 1], [1, 3], "f4"),
  // Too far by 5e-4, where the bundle would allow 1 and a reader allows 1e-4.
  "log_prob.npy": npy([0, BASE + 5e-4], [2], "f8"),
  "z.npy": npy(z, [1, 2], "f4"),
  "sample.npy": npy([2 * z[0] + 1, 2 * z[1] + 1], [1, 2], "f8"),
  "direction.npy": npy([BASE - (z[0] ** 2 + z[1] ** 2) / 2], [1], "f8"),
  "noise.npy": npy([...noise], [2, 2], "f4"),
};

test("every case is replayed, then the direction, then the noise", async () => {
  const { model, runs } = await openFake(manifest({ golden }), files);
  const outcomes = await collected(replay(model));
  assert.deepEqual(
    outcomes.map(({ name, passed }) => [name, passed]),
    [
      ["rows", false],
      ["noise", true],
      ["wide", true],
      ["double", false],
      ["fine", false],
      ["log_prob_of_sample", true],
      ["noise 7", true],
    ],
  );
  assert.ok(Math.abs(Number(outcomes[0].found) - 5e-4) < 1e-6);
  assert.ok(Math.abs(Number(outcomes[0].bound) - (1e-4 - 1e-6 * BASE)) < 1e-8);
  assert.deepEqual([outcomes[2].found, outcomes[3].found, outcomes[4].found], ["wrong_shape", "wrong_dtype", "none"]);
  assert.deepEqual(runs.slice(0, 2), [1, 1]);
});

test("a bundle of one direction replays what is there, and graphs of other names are passed over", async () => {
  for (const [held, other, names] of /** @type {const} */ ([
    ["log_prob", "sample", ["rows", "wide", "double", "fine", "noise 7"]],
    ["sample", "log_prob", ["noise", "noise 7"]],
  ])) {
    const whole = manifest();
    const { [held]: graph } = whole.graphs;
    const { [held]: bound } = whole.tolerance;
    const cases = golden.cases.filter((each) => each.graph === held);
    const given = manifest({
      graphs: { [held]: graph, latent: graph },
      tolerance: { [held]: bound },
      golden: { cases: [...cases, { ...cases[0], graph: "latent" }], noise: golden.noise },
    });
    const { model } = await openFake(given, files);
    assert.deepEqual(
      (await collected(replay(model))).map(({ name }) => name),
      names,
    );
    const call = held === "sample" ? model.logProb([[0, 0]]) : model.sampleFrom([[0, 0]]);
    const line = `fake/flow.json: graphs: the bundle holds ${held} alone, and no ${other}, so it cannot `;
    await assert.rejects(call, ({ name, message }) => name === "BundleError" && message.startsWith(line));
    assert.throws(() => model.require(other), { name: "BundleError" });
    given.golden.cases[0] = { ...cases[0], graph: other };
    await assert.rejects(collected(replay(model)), { message: /golden\.cases\[0\]\.graph: the bundle holds/ });
  }
});

test("a case that contradicts its files is the bundle's fault", async () => {
  for (const [changes, message] of /** @type {[any, RegExp][]} */ ([
    [{ cases: [{ ...golden.cases[0], rows: [1, 3] }] }, /rows: rows 1 to 3 of x\.npy, which has 2/],
    [{ cases: [{ ...golden.cases[0], inputs: {} }] }, /has no x/],
    [{ cases: [golden.cases[0]] }, /no sample case has as many rows/],
  ])) {
    const { model } = await openFake(manifest({ golden: { ...golden, ...changes } }), files);
    await assert.rejects(collected(replay(model)), { name: "BundleError", message });
  }
});
