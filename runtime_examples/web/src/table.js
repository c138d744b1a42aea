/** Tables of rows: CSV in, scores or samples out, in blocks. */

import { InputError } from "../../node/src/errors.js";
import { contextFeatures, eventSize, featureNames } from "../../node/src/manifest.js";
import { cellValue, requireCells } from "./cells.js";
import { joinRecord, matchColumns, readRecords } from "./csv.js";
import { formatFloat64, formatNumber } from "./float32.js";
import { BLOCK_ROWS } from "./model.js";

/** @typedef {import("./bundle.js").NdArray} NdArray */
/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("../../node/src/manifest.js").ContextFeature} ContextFeature */
/** @typedef {import("../../node/src/manifest.js").Manifest} Manifest */

/**
 * Scores a table: the lines of a CSV of `log_prob` and, where the bundle has reference rows, `percentile`.
 *
 * @param {Model} model
 * @param {AsyncIterable<string>} chunks a CSV with a header, columns by name in any order, others passed over
 * @param {string} where the table's name, for messages
 * @param {AbortSignal} [signal]
 * @returns {AsyncGenerator<{text: string, rows: number}, void, undefined>} the header, then a block of rows at a time
 * @throws {TableError} for a missing column, or a cell by its row (the first is 1) and column
 */
export async function* scoreTable(model, chunks, where, signal) {
  const hasReference = model.manifest.reference !== null;
  model.require("log_prob");
  // The header goes out with the first block, so that a table without the columns gives nothing at all.
  let header = joinRecord(hasReference ? ["log_prob", "percentile"] : ["log_prob"]);
  for await (const { x, context } of readBlocks(model.manifest, chunks, where)) {
    let text = header;
    for (const score of await model.logProb(x, context, signal)) {
      const percentile = hasReference ? `,${formatFloat64(model.percentile(score))}` : "";
      text += `${formatNumber(score, model.manifest)}${percentile}\n`;
    }
    header = "";
    yield { text, rows: x.shape[0] };
  }
  if (header !== "") {
    yield { text: header, rows: 0 };
  }
}

/**
 * Draws a table: the lines of a CSV, the features' names first.
 *
 * @param {Model} model
 * @param {number} count
 * @param {import("./model.js").Draw} draw
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
 * @throws {TableError} naming the column
 * @throws {InputError} where the model takes another number of them
 */
export function parseContext(manifest, cells, where) {
  const columns = contextFeatures(manifest);
  if (cells.length !== columns.length) {
    throw new InputError("wrong_shape", `${where}: expected ${columns.length} values, got ${cells.length}`);
  }
  const data = Float64Array.from(columns, (column, index) => cellValue(cells[index], column, manifest, where, true));
  return { data, shape: [columns.length] };
}

/**
 * The rows of a table, as the model takes them.
 *
 * @param {Manifest} manifest
 * @param {AsyncIterable<string>} chunks
 * @param {string} where
 * @returns {AsyncGenerator<{x: NdArray, context: NdArray | null}, void, undefined>}
 */
async function* readBlocks(manifest, chunks, where) {
  const width = eventSize(manifest);
  const columns = [...featureNames(manifest).map((name) => ({ name })), ...contextFeatures(manifest)];
  const records = readRecords(chunks, where);
  const { value: header = [] } = await records.next();
  const places = matchColumns(
    header,
    columns.map(({ name }) => name),
    where,
  );
  /** @type {number[][]} */
  let rows = [];
  let number = 0;
  for await (const record of records) {
    number++;
    const place = `${where}: row ${number}`;
    requireCells(record, header, place);
    rows.push(places.map((index, column) => cellValue(record[index], columns[column], manifest, place)));
    if (rows.length === BLOCK_ROWS) {
      yield block(rows);
      rows = [];
    }
  }
  if (rows.length > 0) {
    yield block(rows);
  }

  /** @param {number[][]} rows */
  function block(rows) {
    const context = rows.flatMap((row) => row.slice(width));
    return {
      x: {
        data: Float64Array.from(rows.flatMap((row) => row.slice(0, width))),
        shape: [rows.length, ...manifest.event_shape],
      },
      context:
        context.length > 0 ? { data: Float64Array.from(context), shape: [rows.length, columns.length - width] } : null,
    };
  }
}
