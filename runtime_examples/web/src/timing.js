/** How long a call takes, by a clock that may tick only every 100 µs. */

import { BundleError } from "../../node/src/errors.js";
import { arrayOf } from "../../node/src/inputs.js";
import { eventSize } from "../../node/src/manifest.js";
import { bundleContract, caseInputs } from "./golden.js";

/** Milliseconds of calls before the first that counts, and of those that count. */
const WARM = 100;
const COUNTED = 500;
/** Milliseconds of one batch of calls: some twenty ticks of the clock. */
const BATCH = 2;
const FEWEST_BATCHES = 5;

/**
 * The median over batches of the mean duration of a call.
 *
 * @param {() => Promise<unknown>} call
 * @param {AbortSignal} [signal]
 * @returns {Promise<number>} µs
 */
export async function microseconds(call, signal) {
  const clock = () => performance.now();
  let calls = 0;
  const begun = clock();
  while (calls < 2 || clock() - begun < WARM) {
    signal?.throwIfAborted();
    await call();
    calls++;
  }
  const size = Math.max(1, Math.ceil((BATCH * calls) / Math.max(clock() - begun, 1)));
  const means = [];
  for (const end = clock() + COUNTED; means.length < FEWEST_BATCHES || clock() < end; ) {
    signal?.throwIfAborted();
    const start = clock();
    for (let index = 0; index < size; index++) {
      await call();
    }
    means.push((1000 * (clock() - start)) / size);
  }
  return means.sort((a, b) => a - b)[Math.floor(means.length / 2)];
}

/**
 * The calls that are measured: the graphs that there are, one row and a thousand.
 *
 * @param {import("./model.js").Model} model
 * @param {import("./bundle.js").NdArray | null} context `[context]`
 * @returns {AsyncGenerator<{graph: string, rows: number, call: () => Promise<unknown>}, void, undefined>}
 */
export async function* measuredCalls(model, context) {
  for (const rows of [1, 1000]) {
    const draw = { seed: 0n, context };
    if (model.holds("log_prob")) {
      const x = model.holds("sample") ? await model.sample(rows, draw) : goldenRows(model, rows);
      yield { graph: "log_prob", rows, call: () => model.logProb(x, context) };
    }
    if (model.holds("sample")) {
      yield { graph: "sample", rows, call: () => model.sample(rows, draw) };
    }
  }
}

/**
 * So many rows of a golden case, one after the other and again: those of a bundle that draws none. They are of the
 * bundle's own type, so that no call converts them.
 *
 * @param {import("./model.js").Model} model
 * @param {number} rows
 * @returns {import("./bundle.js").NdArray}
 * @throws {BundleError} where no case expects numbers
 */
function goldenRows(model, rows) {
  const { bundle, manifest } = model;
  const golden = bundleContract(bundle).cases.find(({ expected }) => expected);
  if (golden === undefined) {
    throw new BundleError(`${bundle.label}/flow.json: golden.cases: needs one of log_prob`);
  }
  const { data } = caseInputs(model, golden).x;
  const numbers = new (arrayOf(manifest))(rows * eventSize(manifest));
  return { data: numbers.map((_, index) => data[index % data.length]), shape: [rows, ...manifest.event_shape] };
}
