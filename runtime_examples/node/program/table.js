/** Tables of rows: CSV in, scores or samples out, a block at a time. */

import { TableError } from "../src/errors.js";
import { contextFeatures, eventSize, featureNames } from "../src/manifest.js";
import { BLOCK_ROWS } from "../src/model.js";
import { cellValue, requireCells } from "./cells.js";
import { joinRecord, matchColumns, readRecords } from "./csv.js";
import { formatFloat64, formatNumber } from "./float32.js";

/** @typedef {import("../src/index.js").Model} Model */
/** @typedef {import("../src/manifest.js").ContextFeature} ContextFeature */
/** @typedef {import("../src/manifest.js").Manifest} Manifest */
/** @typedef {import("../src/inputs.js").NdArray} NdArray */

/**
 * Scores a table: the text of a CSV of `log_prob` and, where the bundle has reference rows, `percentile`.
 *
 * @param {Model} model
 * @param {AsyncIterable<string>} chunks a CSV with a header: columns by name, in any order, others passed over
 * @param {string} where the table's name, for messages
 * @returns {AsyncGenerator<string, void, undefined>}
 * @throws {TableError} for a missing column, or a cell by its row (the first is 1) and column
 */
export async function* scoreTable(model, chunks, where) {
  const hasReference = model.manifest.reference !== null;
  // The header goes out with the first block, so that a table without the columns gives nothing at all.
  let text = joinRecord(hasReference ? ["log_prob", "percentile"] : ["log_prob"]);
  for await (const { x, context } of readBlocks(model.manifest, chunks, where)) {
    for (const score of await model.logProb(x, context)) {
      text += formatNumber(score, model.manifest);
      text += hasReference ? `,${formatFloat64(model.percentile(score))}\n` : "\n";
    }
    yield text;
    text = "";
  }
  yield text;
}

/**
 * Draws a table: the text of a CSV, the features' names first.
 *
 * @param {Model} model
 * @param {number} count
 * @param {import("../src/model.js").Draw} draw
 * @returns {AsyncGenerator<string, void, undefined>}
 */
export async function* sampleTable(model, count, draw) {
  const width = eventSize(model.manifest);
  const blocks = model.sampleBlocks(count, draw);
  yield joinRecord(featureNames(model.manifest));
  for await (const block of blocks) {
    let text = "";
    for (let index = 0; index < block.length; index++) {
      text += formatNumber(block[index], model.manifest) + ((index + 1) % width === 0 ? "\n" : ",");
    }
    yield text;
  }
}

/**
 * A context as it is written: numbers, and of a categorical column its name or code.
 *
 * @param {Manifest} manifest
 * @param {string[]} cells
 * @param {string} where for messages
 * @returns {NdArray} `[context]`
 * @throws {TableError} for another number of cells, or naming the column
 */
export function parseContext(manifest, cells, where) {
  const columns = contextFeatures(manifest);
  if (cells.length !== columns.length) {
    throw new TableError(`${where}: this model takes ${columns.length || "no"} values of context, got ${cells.length}`);
  }
  const data = Float64Array.from(columns, (column, index) => cellValue(cells[index], column, manifest, where, true));
  return { data, shape: [columns.length] };
}

/**
 * The rows of a table as a model takes them, a block at a time.
 *
 * @param {Manifest} manifest
 * @param {AsyncIterable<string>} chunks
 * @param {string} where
 * @returns {AsyncGenerator<{x: NdArray, context: NdArray | null}, void, undefined>}
 */
async function* readBlocks(manifest, chunks, where) {
  const { event_shape, context_size } = manifest;
  const width = eventSize(manifest);
  /** @type {ContextFeature[]} */
  const columns = [...featureNames(manifest).map((name) => ({ name })), ...contextFeatures(manifest)];
  const names = columns.map(({ name }) => name);
  const records = readRecords(chunks, where);
  const { value: header = [] } = await records.next();
  const places = matchColumns(header, names, where);
  const x = new Float64Array(BLOCK_ROWS * width);
  const context = new Float64Array(BLOCK_ROWS * context_size);
  /** @param {number} rows */
  const block = (rows) => ({
    x: { data: x.subarray(0, rows * width), shape: [rows, ...event_shape] },
    context: context_size > 0 ? { data: context.subarray(0, rows * context_size), shape: [rows, context_size] } : null,
  });
  let row = 0;
  for await (const record of records) {
    const at = row++ % BLOCK_ROWS;
    requireCells(record, header, `${where}: row ${row}`);
    places.forEach((place, column) => {
      const value = cellValue(record[place], columns[column], manifest, `${where}: row ${row}`);
      if (column < width) {
        x[at * width + column] = value;
      } else {
        context[at * context_size + column - width] = value;
      }
    });
    if (at === BLOCK_ROWS - 1) {
      yield block(BLOCK_ROWS);
    }
  }
  if (row % BLOCK_ROWS > 0) {
    yield block(row % BLOCK_ROWS);
  }
}
