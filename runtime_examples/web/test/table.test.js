import assert from "node:assert/strict";
import { test } from "node:test";
import { parseContext, sampleTable, scoreTable } from "../src/table.js";
import { collected, manifest, openFake } from "./fake.js";

const CONTEXT = {
  features: ["x", "y"],
  context_size: 2,
  context_features: [{ name: "cut", categories: ["a", "2", "c"] }, { name: "angle" }],
};

/** @param {any} model @param {string} csv */
async function scores(model, csv) {
  async function* pieces() {
    for (let at = 0; at < csv.length; at += 7) {
      yield csv.slice(at, at + 7);
    }
  }
  const blocks = await collected(scoreTable(model, pieces(), "rows.csv"));
  return { text: blocks.map(({ text }) => text).join(""), rows: blocks.reduce((sum, { rows }) => sum + rows, 0) };
}

test("columns are matched by name, in any order, others passed over", async () => {
  const { model } = await openFake(manifest({ features: ["x", "a, b"] }));
  const { text, rows } = await scores(model, 'other,"a, b",x\r\nn/a,1,1\r\n,3,1\r\n');
  assert.equal(text, "log_prob,percentile\n-3.2241714,96.77582859992981\n-3.7241714,96.27582859992981\n");
  assert.equal(rows, 2);
});

test("without reference rows there is no percentile; without rows there is a header", async () => {
  const { model } = await openFake(manifest({ reference: null }));
  assert.equal((await scores(model, "x0,x1\n1,1\n")).text, "log_prob\n-3.2241714\n");
  assert.deepEqual(await scores(model, "x0,x1\n"), { text: "log_prob\n", rows: 0 });
});

test("a category is its label, and labels that are numbers are compared as numbers", async () => {
  const { model } = await openFake(manifest(CONTEXT));
  const csv = "x,y,angle,cut\n2,2,1,a\n2,2,1, a \n3,3,1,2\n3,3,1,2.0\n4,4,1,c\n";
  const found = (await scores(model, csv)).text.split("\n").slice(1, 6);
  assert.deepEqual(new Set(found), new Set(["-3.2241714,96.77582859992981"]));
});

test("a cell that the model cannot take is named by row and column", async () => {
  const { model } = await openFake(manifest(CONTEXT));
  for (const [row, message] of /** @type {const} */ ([
    ["1,,1,a", /^rows\.csv: row 2: column y: expected a finite number, got ""$/],
    ["1,inf,1,a", /column y/],
    ["1,1e39,1,a", /column y/],
    ["1,0x1,1,a", /column y/],
    ["1", /expected 4 cells, got 1/],
    ["1,1,1,d", /column cut: expected one of a, 2, c, got "d"/],
    ["1,1,1,0.5", /column cut/],
    ["1,1,1,0", /column cut/],
  ])) {
    await assert.rejects(scores(model, `x,y,angle,cut\n1,1,1,a\n${row}\n`), { name: "TableError", message });
  }
  await assert.rejects(scores(model, "x,angle,cut\n"), { name: "TableError", message: /no column "y"/ });
});

test("a table may be larger than a block", async () => {
  const { model, runs } = await openFake(manifest());
  const { text, rows } = await scores(model, `x0,x1\n${"1,1\n".repeat(2100)}`);
  assert.equal(rows, 2100);
  assert.equal(text.split("\n").length, 2102);
  assert.deepEqual(runs, [1024, 1024, 52]);
});

test("samples are a table", async () => {
  const { model } = await openFake(manifest({ features: ["x", 'say "y"'] }));
  const lines = (await collected(sampleTable(model, 2, { seed: 0n }))).join("").split("\n");
  assert.deepEqual(lines, ['x,"say ""y"""', "2.9822755,-0.8493252", "-0.23521793,0.035862803", ""]);
});

test("a context is written as it stands in a table", () => {
  assert.deepEqual([...parseContext(manifest(CONTEXT), ["c", "-0.5"], "--context").data], [2, -0.5]);
  assert.throws(() => parseContext(manifest(CONTEXT), ["c"], "--context"), { name: "InputError", code: "wrong_shape" });
  assert.throws(() => parseContext(manifest(CONTEXT), ["z", "0"], "--context"), { message: /^--context: column cut/ });
});
