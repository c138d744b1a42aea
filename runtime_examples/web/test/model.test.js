import assert from "node:assert/strict";
import { test } from "node:test";
import { normals } from "../../node/src/noise.js";
import { manifest, openFake } from "./fake.js";

const CONTEXT = {
  context_size: 2,
  context_features: [{ name: "cut", categories: ["a", "b", "c"] }, { name: "angle" }],
};

/** @param {number[]} values @param {number[]} shape */
function array(values, shape) {
  return { data: Float32Array.from(values), shape };
}

/** @param {string} code @param {RegExp} message */
function inputError(code, message) {
  return { name: "InputError", code, message };
}

test("log_prob is the graph's, row by row, in blocks", async () => {
  const { model, runs } = await openFake(manifest());
  const rows = 2500;
  const found = await model.logProb(
    array(
      Array.from({ length: 2 * rows }, (_, i) => (i % 2 ? 1 : i / 500)),
      [rows, 2],
    ),
  );
  const at = (/** @type {number} */ row) => -0.5 * ((row / 250 - 1) / 2) ** 2 - Math.log(2 * Math.PI) - 2 * Math.log(2);
  assert.equal(found.length, rows);
  for (const row of [0, 1023, 1024, 2499]) {
    assert.ok(Math.abs(found[row] - at(row)) < 1e-5);
  }
  assert.deepEqual(runs, [1024, 1024, 452]);
});

test("no rows are no runs", async () => {
  const { model, runs } = await openFake(manifest());
  assert.equal((await model.logProb(array([], [0, 2]))).length, 0);
  assert.deepEqual((await model.sample(0, { seed: 0n })).shape, [0, 2]);
  assert.deepEqual(runs, []);
});

test("samples are the seed's noise through the graph, whatever the block", async () => {
  const { model } = await openFake(manifest());
  const seed = 2n ** 63n + 5n;
  const { data, shape } = await model.sample(1500, { seed, temperature: 0.7 });
  assert.deepEqual(shape, [1500, 2]);
  const z = normals(seed, 0, 3000).map((value) => Math.fround(value * Math.fround(0.7)));
  assert.deepEqual(
    data,
    z.map((value) => 2 * value + 1),
  );
});

test("a selector has no temperature", async () => {
  const { model } = await openFake(manifest({ event_shape: [3], selector: true }));
  const { data } = await model.sample(2, { seed: 1n, temperature: 0 });
  const z = normals(1n, 0, 6);
  assert.deepEqual([...data], [1, 1, Math.fround(2 * z[2] + 1), 1, 1, Math.fround(2 * z[5] + 1)]);
});

test("a graph that gives another number of numbers is at fault", async () => {
  const { model } = await openFake(manifest({ latent_size: 3 }));
  const message = "fake/sample.onnx: cannot be run (gives 12 numbers for 4 rows, expected 8)";
  await assert.rejects(model.sample(4, { seed: 1n }), { name: "BundleError", message });
});

test("a context is for all rows, or for each", async () => {
  const { model } = await openFake(manifest(CONTEXT));
  const x = array([3, 3, 4, 4], [2, 2]);
  const [all] = await model.logProb(x, array([2, 0], [2]));
  const [first, second] = await model.logProb(x, array([2, 0, 2, 1], [2, 2]));
  assert.equal(first, all);
  assert.equal(second, first);
});

test("what does not fit is refused before anything runs", async () => {
  const { model: bare, runs } = await openFake(manifest());
  await assert.rejects(
    bare.logProb(array([1, 2, 3], [1, 3])),
    inputError("wrong_shape", /x: expected the shape \[rows, 2\]/),
  );
  await assert.rejects(bare.logProb(array([1, 2, 3], [2, 2])), inputError("wrong_shape", /x/));
  const texts = { data: /** @type {any} */ (["1", "2"]), shape: [1, 2] };
  await assert.rejects(bare.logProb(texts), inputError("wrong_dtype", /^x/));
  await assert.rejects(bare.logProb(array([1, 2], [1, 2]), array([1], [1])), inputError("wrong_shape", /takes none/));
  await assert.rejects(bare.sampleFrom(array([1], [1, 1])), inputError("wrong_shape", /^z/));
  const { model } = await openFake(manifest(CONTEXT));
  const x = array([1, 2], [1, 2]);
  await assert.rejects(model.logProb(x), inputError("missing_context", /cut, angle/));
  await assert.rejects(model.logProb(x, array([0], [1])), inputError("wrong_shape", /context/));
  await assert.rejects(model.logProb(x, array([0, 1, 0, 1], [2, 2])), inputError("wrong_shape", /2 rows, expected 1/));
  for (const code of [3, -1, 0.5, Number.NaN]) {
    await assert.rejects(model.logProb(x, array([code, 1], [2])), inputError("unknown_category", /cut/));
  }
  for (const [count, draw] of /** @type {[number, any][]} */ ([
    [-1, { seed: 0n }],
    [1.5, { seed: 0n }],
    [1, { seed: 2n ** 64n }],
    [1, { seed: -1n }],
    [1, { seed: 0n, temperature: -1 }],
    [1, { seed: 0n, temperature: 1e39 }],
    [1, { seed: 0n, temperature: Number.NaN }],
  ])) {
    await assert.rejects(bare.sample(count, draw), { name: "ArgumentError" });
  }
  assert.deepEqual(runs, []);
});

test("two calls at once take turns, and one that is stopped gives way", async () => {
  const { model } = await openFake(manifest());
  const x = array(
    Array.from({ length: 8192 }, () => 1),
    [4096, 2],
  );
  const [a, b] = await Promise.all([model.logProb(x), model.logProb(x)]);
  assert.deepEqual(a, b);
  const controller = new AbortController();
  const stopped = model.logProb(x, null, controller.signal);
  controller.abort();
  await assert.rejects(stopped, { name: "AbortError" });
  assert.equal((await model.logProb(x)).length, 4096);
});

test("the percentile is linear between the quantiles; of equal ones the last counts", async () => {
  const { model } = await openFake(manifest());
  const place = (/** @type {number} */ score) => model.percentile(score);
  assert.deepEqual([-Infinity, -101, -100, -50.5, -0.25, 0, 7].map(place), [0, 0, 0, 49.5, 99.75, 100, 100]);
  assert.ok(Number.isNaN(place(Number.NaN)));
  const level = Array.from({ length: 101 }, (_, index) => Math.max(index, 10));
  const { model: flat } = await openFake(manifest({ reference: { rows: 9, log_prob_quantiles: level } }));
  assert.deepEqual(
    [9, 10, 10.5].map((score) => flat.percentile(score)),
    [0, 10, 10.5],
  );
  const { model: none } = await openFake(manifest({ reference: null }));
  assert.throws(() => none.percentile(0), { name: "BundleError", message: /reference: is null/ });
});

test("a graph that cannot be opened is named, in one line", async () => {
  await assert.rejects(openFake(manifest(), { "sample.onnx": Uint8Array.of(1, 2) }), {
    name: "BundleError",
    message: "fake/sample.onnx: ONNX Runtime cannot open it (no such graph)",
  });
});
