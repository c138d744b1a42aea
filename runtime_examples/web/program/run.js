/** The contract of runtime_examples/README.md, kept by the page's modules in a headless Chromium. */

import { once } from "node:events";
import { statSync } from "node:fs";
import { openBrowser } from "./browser.js";

const USAGE =
  "usage: run.sh golden BUNDLE | score BUNDLE < rows.csv | bench BUNDLE | " +
  "sample BUNDLE N SEED [TEMPERATURE] [--context V1,V2,…]; all: [--digest HEX]";
const WHOLE = /^\d{1,20}$/;
const MOST_SEED = 2n ** 64n - 1n;

/** What is wrong with a command line, a bundle or an input, in one line. */
class Refusal extends Error {}

/**
 * The command that the arguments name.
 *
 * @param {string[]} argv
 * @returns {{command: string, bundle: string, given: string[], digest?: string}}
 * @throws {Refusal}
 */
function parse([command = "", ...rest]) {
  const pin = rest.indexOf("--digest");
  const digest = pin < 0 ? undefined : rest.splice(pin, 2)[1];
  if (pin >= 0 && !/^[0-9a-f]{64}$/.test(digest ?? "")) {
    throw new Refusal(digest === undefined ? USAGE : `--digest: expected 64 hex digits, got ${digest}`);
  }
  if (["golden", "score", "bench"].includes(command) && rest.length === 1) {
    return { command, bundle: rest[0], given: [], digest };
  }
  if (command !== "sample") {
    throw new Refusal(USAGE);
  }
  const option = rest.indexOf("--context");
  const context = option < 0 ? [] : rest.splice(option, 2).slice(1);
  const [bundle, count = "", seed = "", temperature = "1", ...more] = rest;
  if (!seed || more.length > 0 || (option >= 0 && context.length === 0)) {
    throw new Refusal(USAGE);
  }
  if (!WHOLE.test(count) || !Number.isSafeInteger(Number(count))) {
    throw new Refusal(`N: ${JSON.stringify(count)} is no whole number from 0`);
  }
  if (!WHOLE.test(seed) || BigInt(seed) > MOST_SEED) {
    throw new Refusal(`SEED: ${JSON.stringify(seed)} is no whole number from 0 to 2^64 - 1`);
  }
  const factor = temperature.trim() === "" ? Number.NaN : Math.fround(Number(temperature));
  if (!(factor >= 0 && factor <= 1e6)) {
    throw new Refusal(`TEMPERATURE: ${JSON.stringify(temperature)} is no number from 0`);
  }
  return { command, bundle, given: [count, seed, temperature, context[0] ?? ""], digest };
}

/** Standard input as text, a piece a call. */
function inputReader() {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const chunks = process.stdin[Symbol.asyncIterator]();
  let ended = false;
  return async () => {
    if (ended) {
      return null;
    }
    const { done = false, value } = await chunks.next();
    ended = done;
    try {
      return decoder.decode(value, { stream: !done });
    } catch {
      throw new Refusal("standard input: is not UTF-8");
    }
  };
}

/** @param {string} text */
async function write(text) {
  if (!process.stdout.write(text)) {
    await once(process.stdout, "drain");
  }
}

/** @param {string} text */
async function warn(text) {
  process.stderr.write(`flow: ${text.replace(/\s+/g, " ")}\n`);
}

/**
 * @param {string[]} argv
 * @returns {Promise<number>} the exit status
 */
async function main(argv) {
  const { command, bundle, given, digest } = parse(argv);
  if (!statSync(bundle, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Refusal(`${bundle}/flow.json: cannot be read (there is no such folder)`);
  }
  const { address, context, close } = await openBrowser({ bundle });
  try {
    const page = await context.newPage();
    for (const [name, member] of Object.entries({ write, warn, read: inputReader() })) {
      await page.exposeFunction(`flow_${name}`, member);
    }
    await page.goto(`${address}program.html`);
    const outcome = await page.evaluate(
      async ([label, command, given, digest]) => {
        const { flow_write: write, flow_warn: warn, flow_read: read } = /** @type {any} */ (globalThis);
        const module = "./web/src/program.js";
        const { run } = await import(new URL(module, document.baseURI).href);
        try {
          return { status: await run({ write, warn, read }, label, command, given, digest) };
        } catch (error) {
          return { fault: String(error instanceof Error ? error.message : error) };
        }
      },
      /** @type {const} */ ([bundle, command, given, digest]),
    );
    if (outcome.fault !== undefined) {
      throw new Refusal(outcome.fault);
    }
    return outcome.status;
  } finally {
    await close();
  }
}

process.stdout.on("error", (error) => {
  // Whoever read the output has had enough of it.
  if (/** @type {NodeJS.ErrnoException} */ (error).code === "EPIPE") {
    process.exit(0);
  }
  process.stderr.write(`flow: standard output: cannot be written (${error.message})\n`);
  process.exit(2);
});
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  await warn(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
