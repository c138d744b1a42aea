import assert from "node:assert/strict";
import { test } from "node:test";
import { RAMPS, ramp, STEPS, toSrgb } from "../src/page/colour.js";
import { latest } from "../src/page/latest.js";
import { gridRows, marginal, midpoint, peak } from "../src/page/plane.js";
import { shortScore, ticks, toPixel, toValue, withMinus } from "../src/page/scale.js";
import { lowest } from "../src/page/score-picture.js";
import { State } from "../src/page/state.js";
import { commonest, mean, mostStructured, quantile, sortedColumn, span } from "../src/page/statistics.js";
import { manifest, openFake } from "./fake.js";

test("the rows of a plane go from the top left, the others held", () => {
  const held = Float32Array.of(10, 20, 30);
  const rows = gridRows(held, { feature: 2, low: 0, high: 4, cells: 2 }, { feature: 0, low: -2, high: 2, cells: 2 });
  assert.deepEqual([...rows], [1, 20, 1, 1, 20, 3, -1, 20, 1, -1, 20, 3]);
  assert.deepEqual([...held], [10, 20, 30]);
});

test("the rows of a line are its midpoints", () => {
  assert.deepEqual(
    [...gridRows(new Float32Array(1), { feature: 0, low: 0, high: 3, cells: 3 }, null)],
    [0.5, 1.5, 2.5],
  );
  assert.equal(midpoint({ low: -1, high: 1, cells: 1 }, 0), 0);
});

test("the peak is of finite numbers", () => {
  assert.equal(peak(Float32Array.of(-3, Number.NaN, Infinity, -1, -Infinity)), -1);
  assert.equal(peak(Float32Array.of(Number.NaN)), -Infinity);
});

test("pixels and values are each other's inverse", () => {
  const axis = { low: -2, high: 6, start: 300, stop: 20 };
  assert.equal(toPixel(axis, -2), 300);
  assert.equal(toPixel(axis, 6), 20);
  assert.equal(toValue(axis, toPixel(axis, 1.25)), 1.25);
});

test("ticks are round, few, and inside the range", () => {
  assert.deepEqual(ticks(-2.3, 6.1, 5).text, ["−2", "0", "2", "4", "6"]);
  assert.deepEqual(ticks(0.071, 0.146, 4).text, ["0.08", "0.10", "0.12", "0.14"]);
  assert.deepEqual(ticks(-0.1, 0.1, 2).text, ["−0.1", "0.0", "0.1"]);
  assert.deepEqual(ticks(0, 3e6, 3).text, ["0.00e+0", "1.00e+6", "2.00e+6", "3.00e+6"]);
});

test("a minus is a minus sign, and zero has none", () => {
  assert.deepEqual(["-1.5", "-0.00", "1e-7", "-inf"].map(withMinus), ["−1.5", "0.00", "1e−7", "−inf"]);
});

test("quantiles are linear between the rows", () => {
  const sorted = sortedColumn(Float32Array.of(9, 4, 9, 1, 9, 3, 9, 2), 2, 1);
  assert.deepEqual([...sorted], [1, 2, 3, 4]);
  assert.equal(quantile(sorted, 0.5), 2.5);
  assert.equal(quantile(sorted, 1), 4);
  assert.equal(mean(sorted), 2.5);
});

test("an axis has a margin, and a width even for one value", () => {
  const [low, high] = span(
    Float64Array.from({ length: 1001 }, (_, index) => index),
    1,
  );
  assert.ok(low < 0 && low > -200 && high > 1000 && high < 1200);
  assert.deepEqual(span(Float64Array.of(5, 5), 2), [-1, 11]);
});

test("colours are sRGB, from the ground of the plot in style.css on", () => {
  assert.deepEqual(toSrgb([1, 0, 0]).map(Math.round), [255, 255, 255]);
  // The red of https://bottosson.github.io/posts/oklab/
  assert.equal(
    toSrgb([0.62796, 0.22486, 0.12585])
      .map((value) => value.toFixed().replace("-0", "0"))
      .join(),
    "255,0,0",
  );
  for (const [stops, ground] of /** @type {const} */ ([
    [RAMPS.light, [0xf5, 0xf5, 0xf1]],
    [RAMPS.dark, [0x19, 0x1c, 0x22]],
  ])) {
    const table = ramp(stops);
    assert.equal(table.length, 4 * STEPS);
    ground.forEach((value, channel) => {
      assert.ok(Math.abs(table[channel] - value) <= 2, `${table.slice(0, 4)}`);
    });
  }
});

test("a later call of a task stops the earlier one, whose error is dropped", async () => {
  /** @type {unknown[]} */
  const errors = [];
  /** @type {number[]} */
  const done = [];
  const task = latest(
    async (signal, /** @type {number} */ value) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      signal.throwIfAborted();
      if (value === 3) {
        throw new Error("three");
      }
      done.push(value);
    },
    (error) => errors.push(error),
  );
  await Promise.all([task.run(1), task.run(2)]);
  assert.deepEqual([done, errors], [[2], []]);
  await task.run(3);
  assert.equal(/** @type {Error} */ (errors[0]).message, "three");
  const last = task.run(4);
  task.stop();
  await last;
  assert.deepEqual([done, errors.length], [[2], 1]);
});

test("the two columns that say most of each other are found, bent ones too", () => {
  const width = 4;
  const rows = new Float64Array(400 * width);
  for (let row = 0; row < 400; row++) {
    const t = ((row * 37) % 400) / 200 - 1;
    // The first and the third are spread evenly beside the others; the last is the second's square.
    rows.set([(row * 61) % 400, t, (row * 89) % 397, t * t], row * width);
  }
  const sorted = Array.from({ length: width }, (_, column) => sortedColumn(rows, width, column));
  assert.deepEqual(mostStructured(rows, sorted), [1, 3]);
  assert.deepEqual(mostStructured(Float64Array.of(1, 2, 3), [Float64Array.of(1, 2, 3)]), [0, 0]);
});

test("the commonest row of some columns is taken whole", () => {
  const rows = Float32Array.of(0, 9, 1, 1, 8, 0, 0, 7, 1, 0, 6, 0, 1, 5, 1);
  assert.deepEqual(commonest(rows, 3, [0, 2]), [0, 1]);
});

test("a context that was taken stays as it was when a slider moves", async () => {
  const { model } = await openFake(manifest({ context_size: 2 }));
  const state = new State(model, { x: Float32Array.of(0, 1), context: Float32Array.of(3, 4) });
  const { context } = state;
  state.contextValues[0] = 9;
  assert.deepEqual(context, { data: Float32Array.of(3, 4), shape: [2] });
  assert.deepEqual(state.context, { data: Float32Array.of(9, 4), shape: [2] });
  const { model: without } = await openFake(manifest());
  assert.equal(new State(without, { x: Float32Array.of(0, 1), context: null }).context, null);
});

test("a marginal has all samples in the picture, highest where most are", () => {
  const [low, high, cells] = [0, 4, 4];
  const samples = Float32Array.of(0.5, 7, 3.5, 0.5, 8, 3.5, 3.5, 9, 0.5, 99, 9, 0.5);
  const axis = (/** @type {number} */ feature) => ({ feature, low, high, cells });
  const density = marginal(samples, 3, axis(0), axis(2)).map(Math.exp);
  const sum = density.reduce((a, b) => a + b, 0);
  assert.ok(Math.abs(sum - 3) < 1e-5);
  assert.equal(density.indexOf(Math.max(...density)), 0);
  assert.ok(Math.abs(density[0] - 2 * density[15]) < 0.2);
  const alone = marginal(samples, 3, axis(0), null).map(Math.exp);
  assert.equal(alone.length, cells);
  assert.ok(Math.abs(alone.reduce((a, b) => a + b, 0) - 3) < 1e-5);
  assert.ok(alone[0] > alone[3]);
});

test("the lowest rows are told in their order", () => {
  assert.deepEqual(lowest(Float64Array.of(3, -Infinity, 5, -2, 1, 0, 4)), [1, 3, 5, 4, 0]);
  assert.deepEqual(lowest(Float64Array.of(2, 1)), [1, 0]);
});

test("a score is read with two digits, and by its power of ten where it is large", () => {
  assert.deepEqual([-2.8329, 0, 1234.5678, -1.5e13, -Infinity].map(shortScore), [
    "−2.83",
    "0.00",
    "1234.57",
    "−1.50e+13",
    "−∞",
  ]);
});
