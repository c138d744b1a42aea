import assert from "node:assert/strict";
import { test } from "node:test";

import { parseNumber } from "../../node/src/category.js";
import { TableError } from "../../node/src/errors.js";
import { joinRecord, matchColumns, readRecords, splitRecord } from "../src/csv.js";

/** @param {Iterable<string>} chunks */
async function recordsOf(chunks) {
  const records = [];
  for await (const record of readRecords(chunks, "table")) {
    records.push(record);
  }
  return records;
}

const TABLE = '\ufeffa,"b ""c"""\r\n1,"two\nlines"\n\n"",3';
const RECORDS = [
  ["a", 'b "c"'],
  ["1", "two\nlines"],
  ["", "3"],
];

test("quotes, line ends of both kinds, a byte order mark and empty lines are understood", async () => {
  assert.deepEqual(await recordsOf([TABLE]), RECORDS);
});

test("a table may be cut into pieces anywhere", async () => {
  assert.deepEqual(await recordsOf(TABLE), RECORDS);
  assert.deepEqual(await recordsOf([]), []);
});

test("a record is written so that it is read back", () => {
  const cells = ["plain", 'quote "', "comma,", "line\nend", ""];
  assert.deepEqual(splitRecord(joinRecord(cells).slice(0, -1), "record"), cells);
});

for (const [text, message] of /** @type {[string, RegExp][]} */ ([
  ['a\n1"\n"', /table: row 1: a quote in the wrong place/],
  ['a\n"1"2\n', /table: row 1: a quote in the wrong place/],
  ['a\n"1\n', /table: row 1: a quote is not closed/],
  [`a\n${"1".repeat(5 * 2 ** 20)}`, /table: row 1: longer than 4194304 characters/],
  [`a\n"${"1\n".repeat(3 * 2 ** 20)}`, /table: row 1: longer than 4194304 characters/],
])) {
  test(`${text.slice(0, 12)}… is refused by row`, async () => {
    await assert.rejects(recordsOf([text]), message);
  });
}

test("columns are found by name, in any order", () => {
  assert.deepEqual(matchColumns(["c", "a", "b"], ["a", "c"], "table"), [1, 0]);
  assert.throws(() => matchColumns(["a", "b"], ["x1"], "table"), /table: no column "x1"; it has "a", "b"/);
  assert.throws(() => matchColumns(["a", "b", "a"], ["b"], "table"), TableError);
});

test("only a decimal number is a number", () => {
  for (const [cell, number] of Object.entries({
    1: 1,
    " -2.5 ": -2.5,
    "+.5": 0.5,
    "3.": 3,
    "1e-3": 0.001,
    "2E+2": 200,
  })) {
    assert.equal(parseNumber(cell), number);
  }
  for (const cell of ["", " ", "x", "1x", "1 2", "0x10", "1_000", "nan", "inf", "Infinity", "-", ".", "e5", "1e"]) {
    assert.equal(parseNumber(cell), Number.NaN);
  }
});
