/**
 * An example of the library: scores the rows of a table, or draws samples. Tables are plain: a line of names, then lines
 * of numbers, and of labels where a column of the context has categories, with commas between.
 */

import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { ArgumentError, BLOCK_ROWS, Model, TableError } from "../src/index.js";
import { contextFeatures, featureNames } from "../src/manifest.js";
import { run } from "./run.js";

const USAGE =
  "usage: score BUNDLE < rows.csv | sample BUNDLE N SEED; golden, bench and all options need Python 3.11 or later";

/** @param {string} text */
async function write(text) {
  if (!process.stdout.write(text)) {
    await once(process.stdout, "drain");
  }
}

/**
 * A number of the bundle's type.
 *
 * @param {number} number
 * @param {Model} model
 */
function textOf(number, { manifest }) {
  if (!Number.isFinite(number)) {
    return number < 0 ? "-inf" : "inf";
  }
  return manifest.dtype === "float64" ? String(number) : String(Number(number.toPrecision(9)));
}

/** @param {string} line */
function cellsOf(line) {
  if (line.includes('"')) {
    throw new TableError(`standard input: quotes need Python; see README.md: ${line}`);
  }
  return line.split(",");
}

/** @param {string} cell */
function numberOf(cell) {
  if (cell.trim() === "" || !Number.isFinite(Number(cell))) {
    throw new TableError(`standard input: is no finite number: ${cell}`);
  }
  return Number(cell);
}

/**
 * @param {Model} model
 * @param {number[][]} rows of features, then context
 */
async function writeScores(model, rows) {
  const width = featureNames(model.manifest).length;
  const data = Float64Array.from(rows.flatMap((row) => row.slice(0, width)));
  const x = { data, shape: [rows.length, ...model.manifest.event_shape] };
  const { context_size: columns, reference } = model.manifest;
  const values = Float64Array.from(rows.flatMap((row) => row.slice(width)));
  const context = columns > 0 ? { data: values, shape: [rows.length, columns] } : null;
  for (const score of await model.logProb(x, context)) {
    await write(`${textOf(score, model)}${reference === null ? "" : `,${model.percentile(score)}`}\n`);
  }
}

/** @param {Model} model */
async function score(model) {
  /** @type {import("../src/manifest.js").ContextFeature[]} */
  const features = featureNames(model.manifest).map((name) => ({ name }));
  const columns = [...features, ...contextFeatures(model.manifest)];
  /** @type {string[] | null} */
  let header = null;
  /** @type {number[][]} */
  let rows = [];
  for await (const line of createInterface({ input: process.stdin })) {
    const cells = cellsOf(line);
    if (header === null) {
      header = cells;
      await write(model.manifest.reference === null ? "log_prob\n" : "log_prob,percentile\n");
    } else if (cells.length !== header.length) {
      throw new TableError(`standard input: expected ${header.length} cells: ${line}`);
    } else {
      const names = header;
      rows.push(
        columns.map(({ name, categories }) => {
          const cell = cells[names.indexOf(name)];
          return categories === undefined ? numberOf(cell) : model.category(name, cell);
        }),
      );
    }
    const absent = columns.find(({ name }) => !header?.includes(name));
    if (absent !== undefined) {
      throw new TableError(`standard input: no column ${absent.name}`);
    }
    if (rows.length === BLOCK_ROWS) {
      await writeScores(model, rows);
      rows = [];
    }
  }
  if (header === null) {
    throw new TableError("standard input: no header");
  }
  await writeScores(model, rows);
}

/**
 * @param {Model} model
 * @param {number} count
 * @param {bigint} seed
 */
async function sample(model, count, seed) {
  const names = featureNames(model.manifest);
  const blocks = model.sampleBlocks(count, { seed });
  await write(`${names.join(",")}\n`);
  for await (const block of blocks) {
    for (let start = 0; start < block.length; start += names.length) {
      const row = Array.from(block.subarray(start, start + names.length), (number) => textOf(number, model));
      await write(`${row.join(",")}\n`);
    }
  }
}

/** @param {string[]} words */
async function command([verb, bundle, ...rest]) {
  if (verb === "run" && bundle !== undefined) {
    return await run(bundle, rest[0]); // what ../../drive.sh asks for
  }
  if (verb === "score" && bundle !== undefined && rest.length === 0) {
    await score(await Model.open(bundle));
  } else if (verb === "sample" && rest.length === 2 && rest.every((word) => /^\d+$/.test(word))) {
    await sample(await Model.open(bundle), Number(rest[0]), BigInt(rest[1]));
  } else {
    throw new ArgumentError(USAGE);
  }
  return 0;
}

/** @param {unknown} error */
function refuse(error) {
  console.error(`flow: ${/** @type {Error} */ (error).message}`.replace(/\p{Cc}+/gu, " "));
  process.exit(2);
}

process.stdout.on("error", refuse);
try {
  process.exitCode = await command(process.argv.slice(2));
} catch (error) {
  refuse(error);
}
