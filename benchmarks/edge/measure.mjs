// µs of log_prob in a module: one row, and a thousand at once; the best of many rounds. node measure.mjs FOLDER NAME
import { readFileSync } from "node:fs";

const [folder, name] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(readFileSync(`${folder}/${name}.wasm`), {});
const golden = JSON.parse(readFileSync(`${folder}/golden.json`, "utf8")).log_prob;
const { memory, __heap_base, [`${name}_log_prob`]: one, [`${name}_log_prob_rows`]: rows } = instance.exports;

const ROWS = 1000;
const given = golden.expected.length;
const width = golden.x.length / given;
const contextWidth = (golden.context ?? []).length / given;
const x = Math.ceil(__heap_base.value / 16) * 16;
const context = x + 4 * ROWS * width;
const out = context + 4 * ROWS * contextWidth;
memory.grow(Math.ceil((out + 4 * ROWS) / 65536));
const data = given / 2; // the other half lies far out
new Float32Array(memory.buffer, x, ROWS * width).forEach((_, i, all) => (all[i] = golden.x[i % (data * width)]));
new Float32Array(memory.buffer, context, ROWS * contextWidth).forEach(
  (_, i, all) => (all[i] = golden.context[i % (data * contextWidth)]),
);

function best(calls, call) {
  let least = Infinity;
  for (let round = 0; round < 60; ++round) {
    const begin = process.hrtime.bigint();
    for (let i = 0; i < calls; ++i) call(i);
    least = Math.min(least, Number(process.hrtime.bigint() - begin) / calls / 1000);
  }
  return least;
}

const single = best(3000, (i) => one(x + 4 * width * (i % ROWS), context + 4 * contextWidth * (i % ROWS)));
console.log(single, best(3, () => rows(x, context, ROWS, out)));
