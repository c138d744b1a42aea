import assert from "node:assert/strict";
import { test } from "node:test";
import { measuredCalls } from "../src/timing.js";
import { collected, manifest, npy, openFake } from "./fake.js";

const CASE = { name: "a", graph: "log_prob", inputs: { x: "x.npy" }, expected: { log_prob: "log_prob.npy" } };
const FILES = { "x.npy": npy([9, 9, 1, 2, 3, 4, 9, 9], [4, 2], "f4") };

/**
 * A model of log_prob alone.
 *
 * @param {any[]} cases
 * @param {"float32" | "float64"} dtype
 */
async function openHalf(cases, dtype) {
  const { graphs, tolerance } = manifest();
  const given = manifest({
    graphs: { log_prob: graphs.log_prob },
    tolerance: { log_prob: tolerance.log_prob },
    golden: { cases, noise: [] },
  });
  return await openFake(JSON.parse(JSON.stringify(given).replaceAll("float32", dtype)), FILES);
}

for (const [dtype, Kind] of /** @type {const} */ ([
  ["float32", Float32Array],
  ["float64", Float64Array],
])) {
  test(`a bundle of ${dtype} that draws none is measured on the rows of its first case of numbers`, async () => {
    const refused = { ...CASE, inputs: { x: "wide.npy" }, expected: null, error: "wrong_shape" };
    const { model } = await openHalf([refused, { ...CASE, rows: [1, 3] }], dtype);
    const scored = /** @type {any[]} */ ([]);
    model.logProb = async (/** @type {any} */ x) => {
      scored.push(x);
      return new Float32Array(0);
    };
    const calls = await collected(measuredCalls(model, null));
    await Promise.all(calls.map(({ call }) => call()));
    assert.deepEqual(
      calls.map(({ graph, rows }) => [graph, rows]),
      [
        ["log_prob", 1],
        ["log_prob", 1000],
      ],
    );
    assert.deepEqual(scored, [
      { data: Kind.of(1, 2), shape: [1, 2] },
      { data: Kind.from(Array.from({ length: 2000 }, (_, index) => (index % 4) + 1)), shape: [1000, 2] },
    ]);
  });
}

test("without a case of numbers there is nothing to measure", async () => {
  const { model } = await openHalf([{ ...CASE, expected: null, error: "wrong_shape" }], "float32");
  const message = "fake/flow.json: golden.cases: needs one of log_prob";
  await assert.rejects(collected(measuredCalls(model, null)), { name: "BundleError", message });
});

test("a bundle of both directions is measured on samples of its own", async () => {
  const { model, runs } = await openFake(manifest());
  const calls = await collected(measuredCalls(model, null));
  assert.deepEqual(
    calls.map(({ graph, rows }) => [graph, rows]),
    [
      ["log_prob", 1],
      ["sample", 1],
      ["log_prob", 1000],
      ["sample", 1000],
    ],
  );
  await calls[2].call();
  assert.deepEqual(runs, [1, 1000, 1000]);
});
