/** The commands of the contract, in the page that run.sh drives. What goes in and out is the driver's to say. */

import { parseSeed } from "../../node/src/noise.js";
import { openBundle } from "./bundle.js";
import { replay } from "./golden.js";
import { Model } from "./model.js";
import { loadRuntime } from "./runtime.js";
import { fromAddress } from "./sources.js";
import { parseContext, sampleTable, scoreTable } from "./table.js";
import { measuredCalls, microseconds } from "./timing.js";

/**
 * What the driver brings.
 *
 * @typedef {object} Driver
 * @property {(text: string) => Promise<void>} write to standard output
 * @property {(text: string) => Promise<void>} warn to standard error
 * @property {() => Promise<string | null>} read a piece of standard input, or null at its end
 */

/** @type {Record<string, (model: Model, driver: Driver, ...given: string[]) => Promise<number>>} exit statuses */
const COMMANDS = {
  async golden(model, { write }) {
    let [passed, failed] = [0, 0];
    for await (const outcome of replay(model)) {
      outcome.passed ? passed++ : failed++;
      const figures = [outcome.found, outcome.bound].map((figure) =>
        typeof figure === "number" ? String(Number(figure.toPrecision(3))) : figure,
      );
      const verdict = outcome.passed ? "passed" : "failed";
      await write(`${[outcome.name.replace(/\s+/g, " "), ...figures, verdict].join("\t")}\n`);
    }
    await write(`passed ${passed}, failed ${failed}\n`);
    return failed === 0 ? 0 : 1;
  },

  async score(model, { read, write, warn }) {
    model.require("log_prob");
    if (model.manifest.reference === null) {
      await warn("the bundle has no reference rows, so there are no percentiles");
    }
    async function* input() {
      for (let piece = await read(); piece !== null; piece = await read()) {
        yield piece;
      }
    }
    for await (const { text } of scoreTable(model, input(), "standard input")) {
      await write(text);
    }
    return 0;
  },

  async sample(model, { write }, count, seed, temperature, context) {
    const given = context === "" ? null : parseContext(model.manifest, context.split(","), "--context");
    const draw = { seed: parseSeed(seed), temperature: Number(temperature), context: given };
    for await (const text of sampleTable(model, Number(count), draw)) {
      await write(text);
    }
    return 0;
  },

  async bench(model, { write }) {
    const width = model.manifest.context_size;
    // Zero is a context, and a code, that every model takes.
    const context = width > 0 ? { data: new Float32Array(width), shape: [width] } : null;
    await write("graph,rows,microseconds\n");
    for await (const { graph, rows, call } of measuredCalls(model, context)) {
      await write(`${graph},${rows},${(await microseconds(call)).toFixed(1)}\n`);
    }
    return 0;
  },
};

/**
 * Runs a command on the bundle that is served at `bundle/`.
 *
 * @param {Driver} driver
 * @param {string} label the bundle's path, for messages
 * @param {string} command
 * @param {string[]} given
 * @param {string} [digest] the bundle's, where another one is to be refused
 * @returns {Promise<number>} the exit status
 */
export async function run(driver, label, command, given, digest) {
  const runtime = await loadRuntime();
  const bundle = await openBundle(fromAddress(new URL("bundle/", document.baseURI), label), digest);
  return await COMMANDS[command](await Model.open(runtime, bundle), driver, ...given);
}
