/** Prints by how many bytes so many calls of one row make the process grow: growth.js BUNDLE CALLS. */

import { Model } from "../src/index.js";

const [bundle, calls] = process.argv.slice(2);
const model = await Model.open(bundle);
const x = { data: Float32Array.of(0.5, -1), shape: [1, 2] };

/** @param {number} count */
async function score(count) {
  for (let call = 0; call < count; call++) {
    await model.logProb(x);
  }
}

await score(Number(calls) / 5);
const before = process.memoryUsage.rss();
await score(Number(calls));
console.log(process.memoryUsage.rss() - before);
