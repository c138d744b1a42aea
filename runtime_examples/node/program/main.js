/** The four commands of the contract (runtime_examples/README.md), and the one line of whatever goes wrong. */

import { once } from "node:events";
import { ArgumentError, Model, parseSeed, TableError } from "../src/index.js";
import { medianMicroseconds } from "./bench.js";
import { joinRecord, parseNumber, splitRecord } from "./csv.js";
import { formatFloat64 } from "./float32.js";
import { replay } from "./golden.js";
import { parseContext, sampleTable, scoreTable } from "./table.js";

const USAGE =
  "usage: run.sh golden BUNDLE | score BUNDLE < rows.csv | bench BUNDLE" +
  " | sample BUNDLE N SEED [TEMPERATURE] [--context V1,V2,…]; all: [--digest HEX]";

/**
 * Replays the golden cases.
 *
 * @param {{digest?: string}} options
 * @param {string} path
 * @returns {Promise<number>} the exit status: 1 where one failed
 */
async function golden(options, path) {
  const count = { passed: 0, failed: 0 };
  for await (const { name, found, bound, passed } of replay(await Model.open(path, options))) {
    const verdict = passed ? "passed" : "failed";
    count[verdict]++;
    await write(`${[oneLine(name), figure(found), figure(bound), verdict].join("\t")}\n`);
  }
  await write(`passed ${count.passed}, failed ${count.failed}\n`);
  return count.failed > 0 ? 1 : 0;
}

/**
 * @param {{digest?: string}} options
 * @param {string} path
 */
async function score(options, path) {
  const model = await Model.open(path, options);
  if (model.manifest.reference === null) {
    console.error("flow: the bundle has no reference rows, so there are no percentiles");
  }
  for await (const text of scoreTable(model, input(), "standard input")) {
    await write(text);
  }
  return 0;
}

/**
 * @param {{digest?: string}} options
 * @param {string | null} given the context
 * @param {string} path
 * @param {string} rows
 * @param {string} seedText
 * @param {string} [temperatureText]
 */
async function sample(options, given, path, rows, seedText, temperatureText = "1") {
  if (!/^\d{1,16}$/.test(rows)) {
    throw new ArgumentError(`N: expected a whole number from 0, got ${JSON.stringify(rows)}`);
  }
  const seed = parseSeed(seedText);
  const temperature = parseNumber(temperatureText);
  if (!(temperature >= 0 && temperature <= 1e6)) {
    throw new ArgumentError(`TEMPERATURE: expected a number from 0 to 1000000, got ${JSON.stringify(temperatureText)}`);
  }
  const model = await Model.open(path, options);
  const context = given === null ? null : parseContext(model.manifest, splitRecord(given, "--context"), "--context");
  for await (const text of sampleTable(model, Number(rows), { seed, temperature, context })) {
    await write(text);
  }
  return 0;
}

/**
 * @param {{digest?: string}} options
 * @param {string} path
 */
async function bench(options, path) {
  const model = await Model.open(path, options);
  const { context_size } = model.manifest;
  // Zero is a number, and a code, that every model takes as a context.
  const context = context_size > 0 ? { data: new Float32Array(context_size), shape: [context_size] } : null;
  const draw = { seed: 0n, context };
  await write(joinRecord(["graph", "rows", "microseconds"]));
  for (const rows of [1, 1000]) {
    const x = await model.sample(rows, draw);
    const calls = { log_prob: () => model.logProb(x, context), sample: () => model.sample(rows, draw) };
    for (const [graph, call] of Object.entries(calls)) {
      await write(joinRecord([graph, String(rows), (await medianMicroseconds(call)).toFixed(1)]));
    }
  }
  return 0;
}

/**
 * Runs the command that the arguments name.
 *
 * @param {string[]} given
 * @returns {Promise<number>} its exit status
 */
async function run([command, ...given]) {
  const pin = given.indexOf("--digest");
  const digest = pin < 0 ? undefined : given.splice(pin, 2)[1];
  if (pin >= 0 && !/^[0-9a-f]{64}$/.test(digest ?? "")) {
    throw new ArgumentError(digest === undefined ? USAGE : `--digest: expected 64 hex digits, got ${digest}`);
  }
  if (command === "sample") {
    const option = given.indexOf("--context");
    const [, context = null] = option < 0 ? [] : given.splice(option, 2);
    if (given.length >= 3 && given.length <= 4 && (option < 0 || context !== null)) {
      const [path, rows, seed, temperature] = given;
      return await sample({ digest }, context, path, rows, seed, temperature);
    }
  }
  const commands = new Map([
    ["golden", golden],
    ["score", score],
    ["bench", bench],
  ]);
  const chosen = commands.get(command);
  if (chosen === undefined || given.length !== 1) {
    throw new ArgumentError(USAGE);
  }
  return await chosen({ digest }, given[0]);
}

/** Standard input as text. */
async function* input() {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const chunk of process.stdin) {
      yield decoder.decode(chunk, { stream: true });
    }
    yield decoder.decode();
  } catch (error) {
    throw error instanceof TypeError ? new TableError("standard input: is not UTF-8") : error;
  }
}

/**
 * Writes to standard output, no faster than it is read.
 *
 * @param {string} text
 */
async function write(text) {
  if (!process.stdout.write(text)) {
    await once(process.stdout, "drain");
  }
}

/** @param {number | string} value three digits of a number, a code as it is */
function figure(value) {
  if (typeof value === "string" || !Number.isFinite(value)) {
    return typeof value === "string" ? value : formatFloat64(value);
  }
  return value > 0 && value < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(3)));
}

/**
 * Text from a bundle or a table, without what could break a line or steer a terminal.
 *
 * @param {string} text
 */
function oneLine(text) {
  return text.replace(/\p{Cc}+/gu, " ");
}

process.stdout.on("error", (error) => {
  // Whoever read our output has had enough.
  if (/** @type {NodeJS.ErrnoException} */ (error).code === "EPIPE") {
    process.exit(0);
  }
  console.error(`flow: standard output: cannot be written (${error.message})`);
  process.exit(2);
});
try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  console.error(oneLine(`flow: ${/** @type {Error} */ (error).message}`));
  process.exitCode = 2;
}
