import assert from "node:assert/strict";
import { once } from "node:events";
import { before, test } from "node:test";
import { Worker } from "node:worker_threads";

import { categoryCode } from "../src/category.js";
import { ArgumentError, BLOCK_ROWS, BundleError, InputError, Model, normals } from "../src/index.js";
import { BANANA, BY_HAND } from "./bundles.js";

/** @typedef {import("../src/index.js").NdArray} NdArray */

/** @type {Model} */
let model;
/** @type {Model} */
let banana;
before(async () => {
  model = await Model.open(BY_HAND);
  banana = await Model.open(BANANA);
});

/**
 * @param {number[]} shape
 * @param {...number} numbers the first of the array; the others are 1
 * @returns {NdArray}
 */
function array(shape, ...numbers) {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(1);
  data.set(numbers);
  return { data, shape };
}

/**
 * @param {Float32Array | Float64Array} found
 * @param {ArrayLike<number>} expected
 */
function assertClose(found, expected) {
  assert.equal(found.length, expected.length);
  found.forEach((value, index) => {
    const wanted = expected[index];
    const close = value === wanted || Math.abs(value - wanted) <= 1e-6 * (1 + Math.abs(wanted));
    assert.ok(close, `number ${index}: ${value}, expected ${wanted}`);
  });
}

test("log_prob is that of the graph, −∞ outside the support", async () => {
  const x = array([3, 1, 2, 2], 2, 3, 1, 1, 0, 1, 1, 1);
  const context = array([3, 2], 1, 0.5, 0, 0, 2, -1);
  assertClose(await model.logProb(x, context), [Math.log(6) + 10.5, -Infinity, 19]);
});

test("a category is known by its label", () => {
  assert.equal(model.category("cut", " ideal "), 2);
  for (const label of ["best", "2", ""]) {
    assert.throws(
      () => model.category("cut", label),
      (error) => error instanceof InputError && error.code === "unknown_category",
    );
  }
  assert.throws(() => model.category("angle", "2"), ArgumentError);
  const grades = { ...model.manifest, context_features: [{ name: "grade", categories: ["1", "2", "10"] }] };
  assert.deepEqual(
    ["10.0", "01", "1e1"].map((label) => categoryCode(grades, "grade", label)),
    [2, 0, 2],
  );
  assert.throws(() => categoryCode(grades, "grade", "0"), InputError);
});

test("a part of a sample is the sample", async () => {
  const draw = { seed: 9n, context: [2, 0] };
  const { data: whole } = await model.sample(20, draw);
  assert.deepEqual((await model.sample(3, draw, 7)).data, whole.slice(28, 40));
  await assert.rejects(model.sample(1, draw, Number.MAX_SAFE_INTEGER), ArgumentError);
});

test("one context may serve all rows", async () => {
  for (const rows of [1, 3, BLOCK_ROWS + 1]) {
    const found = await model.logProb(array([rows, 1, 2, 2]), array([2], 2, 0.25));
    assertClose(found, new Float32Array(rows).fill(20.25));
  }
});

test("more rows than a block are as many calls of one", async () => {
  const rows = 2 * BLOCK_ROWS + 5;
  const x = Float32Array.from({ length: 4 * rows }, (_, index) => 1 + (index % 97));
  const context = Float32Array.from({ length: 2 * rows }, (_, index) => (index % 2 === 0 ? (index / 2) % 3 : index));
  const found = await model.logProb({ data: x, shape: [rows, 1, 2, 2] }, { data: context, shape: [rows, 2] });
  for (const row of [0, BLOCK_ROWS - 1, BLOCK_ROWS, rows - 1]) {
    const alone = { data: x.subarray(4 * row, 4 * row + 4), shape: [1, 1, 2, 2] };
    const itsContext = { data: context.subarray(2 * row, 2 * row + 2), shape: [1, 2] };
    assertClose(await model.logProb(alone, itsContext), [found[row]]);
  }
});

test("no rows are no scores and no samples", async () => {
  assert.equal((await model.logProb(array([0, 1, 2, 2]), array([0, 2]))).length, 0);
  assert.deepEqual((await model.sampleFrom(array([0, 5]), array([2]))).shape, [0, 1, 2, 2]);
  assert.deepEqual((await model.sample(0, { seed: 0n, context: array([2]) })).shape, [0, 1, 2, 2]);
});

test("a sample is the graph of the noise, whose last column is a selector and takes no temperature", async () => {
  const { data, shape } = await model.sample(3, { seed: 5n, temperature: 0.7, context: array([2], 1, 0.5) });
  const z = normals(5n, 0, 15);
  const factor = Math.fround(0.7);
  const expected = Array.from({ length: 12 }, (_, index) => {
    const row = 5 * (index >> 2);
    return Math.fround(z[row + (index % 4)] * factor) + 100 * z[row + 4] + 10.5;
  });
  assert.deepEqual(shape, [3, 1, 2, 2]);
  assertClose(data, expected);
});

test("samples do not depend on how many are drawn", async () => {
  const context = array([2], 2, 0);
  const few = await model.sample(3, { seed: 9n, context });
  const many = await model.sample(BLOCK_ROWS + 7, { seed: 9n, context });
  assertClose(many.data.subarray(0, few.data.length), few.data);
  const tail = await model.sampleFrom({ data: normals(9n, 5 * BLOCK_ROWS, 35), shape: [7, 5] }, context);
  assertClose(many.data.subarray(4 * BLOCK_ROWS), tail.data);
});

test("rows may be lists, lists within lists, and typed arrays of any kind", async () => {
  const wanted = await banana.logProb({ data: Float32Array.of(1, 2, 0.5, -0.25), shape: [2, 2] });
  const forms = [
    [
      [1, 2],
      [0.5, -0.25],
    ],
    [1, 2, 0.5, -0.25],
    Float64Array.of(1, 2, 0.5, -0.25),
  ];
  for (const form of /** @type {import("../src/inputs.js").Given[]} */ (forms)) {
    assert.deepEqual(await banana.logProb(form), wanted);
  }
  assert.deepEqual(
    await model.logProb(
      [
        [
          [
            [1, 2],
            [3, 4],
          ],
        ],
      ],
      [2, 0.5],
    ),
    await model.logProb({ data: Float32Array.of(1, 2, 3, 4), shape: [1, 1, 2, 2] }, array([2], 2, 0.5)),
  );
  for (const ragged of [[[1, 2], [3]], [1, 2, 3], [[1, 2, 3]]]) {
    await assert.rejects(banana.logProb(ragged), { code: "wrong_shape" });
  }
});

test("a second close is harmless, and what comes behind it is refused", async () => {
  const other = await Model.open(BANANA);
  const run = other.logProb([[1, 2]]);
  await Promise.all([other.close(), other.close()]);
  assert.equal((await run).length, 1);
  await other.close();
  await assert.rejects(other.logProb([[1, 2]]), /closed/);
});

/** @type {[string, string, NdArray, NdArray | null][]} */
const REFUSED = [
  ["a context that is missing", "missing_context", array([1, 1, 2, 2]), null],
  ["a context of another width", "wrong_shape", array([1, 1, 2, 2]), array([1, 3])],
  ["a context of other rows", "wrong_shape", array([2, 1, 2, 2]), array([3, 2])],
  ["a context that is a number", "wrong_shape", array([1, 1, 2, 2]), array([])],
  ["an image turned on its side", "wrong_shape", array([1, 2, 2, 1]), array([2])],
  ["rows without their axes", "wrong_shape", array([1, 4]), array([2])],
  ["a shape that its numbers do not fill", "wrong_shape", { ...array([1, 1, 2, 2]), shape: [2, 1, 2, 2] }, array([2])],
  ["texts", "wrong_dtype", { data: /** @type {any} */ (["1", "2", "3", "4"]), shape: [1, 1, 2, 2] }, array([2])],
  ["no rows at all", "wrong_dtype", /** @type {any} */ (undefined), array([2])],
  ["a code between two", "unknown_category", array([1, 1, 2, 2]), array([2], 0.5)],
  ["a code below nought", "unknown_category", array([1, 1, 2, 2]), array([2], -1)],
  ["a code above the last", "unknown_category", array([2, 1, 2, 2]), array([2, 2], 0, 0, 3)],
  ["a code that is NaN", "unknown_category", array([1, 1, 2, 2]), array([2], Number.NaN)],
];
for (const [what, code, x, context] of REFUSED) {
  test(`${what} is refused as ${code}`, async () => {
    await assert.rejects(model.logProb(x, context), (error) => error instanceof InputError && error.code === code);
  });
}

test("a context that is unasked for, and noise of another width, are refused as wrong_shape", async () => {
  await assert.rejects(banana.logProb(array([1, 2]), array([1])), { code: "wrong_shape" });
  await assert.rejects(banana.sampleFrom(array([1, 3])), { code: "wrong_shape" });
});

test("a draw that cannot be is refused before anything is drawn", () => {
  for (const [count, draw] of /** @type {[number, import("../src/index.js").Draw][]} */ ([
    [-1, { seed: 0n }],
    [1.5, { seed: 0n }],
    [2 ** 53, { seed: 0n }],
    [1, { seed: -1n }],
    [1, { seed: 2n ** 64n }],
    [1, { seed: 0n, temperature: -1 }],
    [1, { seed: 0n, temperature: Number.NaN }],
    [1, { seed: 0n, temperature: 1e39 }],
  ])) {
    assert.throws(() => banana.sampleBlocks(count, draw), ArgumentError);
  }
});

test("a percentile is the place among the quantiles, linear between them", () => {
  const quantiles = banana.manifest.reference?.log_prob_quantiles ?? [];
  assert.equal(banana.percentile(-Infinity), 0);
  assert.equal(banana.percentile(quantiles[0]), 0);
  assert.equal(banana.percentile(quantiles[42]), 42);
  assertClose(Float64Array.of(banana.percentile((quantiles[42] + quantiles[43]) / 2)), [42.5]);
  assert.equal(banana.percentile(quantiles[100]), 100);
  assert.equal(banana.percentile(Infinity), 100);
  assert.equal(banana.percentile(Number.NaN), Number.NaN);
  assert.throws(() => model.percentile(0), BundleError);
});

test("calls may overlap", async () => {
  const contexts = Array.from({ length: 20 }, (_, index) => array([2], index % 3, index));
  const found = await Promise.all(contexts.map((context) => model.logProb(array([1, 1, 2, 2]), context)));
  assertClose(
    Float64Array.from(found, ([score]) => score),
    contexts.map(({ data }) => 10 * data[0] + data[1]),
  );
});

test("each worker may have a model of its own", async () => {
  const script = new URL("growth.js", import.meta.url);
  const workers = [1, 2, 3].map(() => new Worker(script, { argv: [BANANA, "100"], stdout: true }));
  const exits = await Promise.all(workers.map((worker) => once(worker, "exit")));
  assert.deepEqual(exits, [[0], [0], [0]]);
});

test("a closed model says so", async () => {
  const closed = await Model.open(BANANA);
  await closed.close();
  await assert.rejects(closed.logProb(array([1, 2])), BundleError);
});
