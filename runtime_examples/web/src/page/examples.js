/** Rows that show where a model lives: those of its golden cases. */

import { eventSize } from "../../../node/src/manifest.js";
import { bundleArray, bundleContract } from "../golden.js";

/** @typedef {import("../model.js").Model} Model */

/** Rows that are drawn where a bundle has no golden ones. */
const DRAWN = 1000;

/**
 * The rows of the largest golden case: of log_prob those that it takes, in a bundle of sample alone those that it gives.
 * Without any, samples.
 *
 * @param {Model} model
 * @returns {Promise<{x: Float32Array | Float64Array, context: Float32Array | Float64Array | null}>} `[rows × features]`, `[rows × context]`
 */
export async function exampleRows(model) {
  const { bundle, manifest } = model;
  const width = eventSize(manifest);
  const size = manifest.context_size;
  const wanted = model.holds("log_prob") ? "log_prob" : "sample";
  const found = bundleContract(bundle)
    .cases.filter(({ graph, expected, inputs }) => graph === wanted && expected && (!size || inputs.context))
    .map(({ inputs, expected }) => ({
      x: Float32Array.from(bundleArray(bundle, inputs.x ?? expected?.x ?? "").data),
      context: size > 0 ? Float32Array.from(bundleArray(bundle, inputs.context).data) : null,
    }))
    .filter(({ x, context }) => x.length > 0 && x.length % width === 0 && (!size || context?.length))
    .sort((a, b) => b.x.length - a.x.length)[0];
  if (found !== undefined) {
    return found;
  }
  const context = size > 0 ? new Float32Array(size) : null;
  const { data } = await model.sample(DRAWN, { seed: 0n, context: context && { data: context, shape: [size] } });
  return { x: data, context };
}
