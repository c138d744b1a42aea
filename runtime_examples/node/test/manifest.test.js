import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { BundleError } from "../src/errors.js";
import { contextFeatures, eventSize, featureNames, isPlainName, parseManifest } from "../src/manifest.js";
import { BY_HAND } from "./bundles.js";

const BYTES = readFileSync(path.join(BY_HAND, "flow.json"));

/** @param {unknown} value */
const parsed = (value) => parseManifest(Buffer.from(JSON.stringify(value)), "flow.json");

test("a manifest is read, its unknown keys kept, its missing names made up", () => {
  const manifest = parsed({ ...JSON.parse(BYTES.toString()), colour: ["red"] });
  assert.equal(eventSize(manifest), 4);
  assert.deepEqual(featureNames(manifest), ["x0", "x1", "x2", "x3"]);
  assert.deepEqual(
    contextFeatures(manifest).map(({ name }) => name),
    ["cut", "angle"],
  );
  assert.deepEqual(
    contextFeatures({ ...manifest, context_features: null }).map(({ name }) => name),
    ["c0", "c1"],
  );
  assert.deepEqual(Object(manifest).colour, ["red"]);
});

const ABSENT = Symbol("absent");
const HASH = "0".repeat(64);

/** Key → a value that it cannot have, and words of the refusal, the key first where it is not the key itself. */
const FAULTS = /** @type {[string, unknown, RegExp][]} */ ([
  ["format", "flowexport/2", /format: this program reads "flowexport\/1", the bundle says "flowexport\/2"/],
  ["format", ABSENT, /format: is missing/],
  ["format", 1, /format: expected text, got 1/],
  ["name", ABSENT, /name: is missing/],
  ["name", 5, /name: expected text/],
  ["description", null, /description/],
  ["dtype", "int8", /dtype: expected "float32" or "float64"/],
  ["event_shape", [], /event_shape: expected 1 to 3 entries, got 0/],
  ["event_shape", [1, 2, 0], /event_shape\[2\]/],
  ["event_shape", [2147483647, 2147483647, 2147483647], /scale: expected/],
  ["latent_size", "5", /latent_size: expected a whole number/],
  ["latent_size", 2.5, /latent_size/],
  ["context_size", -1, /context_size/],
  ["context_size", 1, /context_features: expected 1 entries, got 2/],
  ["context_size", 2e9, /context_size/],
  ["features", ["a"], /features: expected 4 entries, got 1/],
  ["context_features", [{ name: "cut", categories: [] }, { name: "angle" }], /context_features\[0\].categories/],
  ["context_features", [{}, { name: "angle" }], /context_features\[0\].name: is missing/],
  ["graphs", { latent: {} }, /graphs: expected log_prob or sample, got neither/],
  ["graphs.log_prob", null, /graphs.log_prob: expected an object/],
  ["graphs.log_prob.file", ABSENT, /graphs.log_prob.file: is missing/],
  ["graphs.sample.file", "other.onnx", /files: "other.onnx" is used but not listed/],
  ["files", { "../x": HASH }, /files: "..\/x" leaves the folder/],
  ["files", { "sample.onnx": "ABC" }, /files\["sample.onnx"\]/],
  ["files", [], /files: expected an object, got a list/],
  ["reference", { rows: 1, log_prob_quantiles: [0] }, /log_prob_quantiles: expected 101 entries, got 1/],
  ["reference", { rows: 1, log_prob_quantiles: Array.from({ length: 101 }, (_, i) => -i) }, /must be ascending/],
  ["selector", "no", /selector: expected true or false, got "no"/],
]);

for (const [key, value, message] of FAULTS) {
  const shown = value === ABSENT ? "absent" : JSON.stringify(value).slice(0, 60);
  test(`${key}: ${shown} is refused by its key`, () => {
    const manifest = JSON.parse(BYTES.toString());
    const steps = key.split(".");
    const last = String(steps.pop());
    const parent = steps.reduce((node, step) => node[step], manifest);
    if (value === ABSENT) {
      delete parent[last];
    } else {
      parent[last] = value;
    }
    assert.throws(
      () => parsed(manifest),
      (error) => error instanceof BundleError && error.message.startsWith("flow.json: ") && message.test(error.message),
    );
  });
}

for (const [fault, bytes] of Object.entries({
  "no JSON": Buffer.from('{"format": '),
  "no object": Buffer.from("[]"),
  "not UTF-8": Buffer.from([0x22, 0xff, 0x22]),
  "NaN for a number": Buffer.from(BYTES.toString().replace('"latent_size": 5', '"latent_size": NaN')),
  "nested deeply": Buffer.from(`{"format": "flowexport/1", "name": ${"[".repeat(1e6)}${"]".repeat(1e6)}}`),
  "larger than 4 MiB": Buffer.alloc(5 * 2 ** 20, " "),
})) {
  test(`a flow.json that is ${fault} is refused by its path`, () => {
    assert.throws(() => parseManifest(bytes, "a/flow.json"), /^BundleError: a\/flow\.json: /);
  });
}

test("a file name goes nowhere but down", () => {
  for (const name of ["a", "golden/x.npy", "a-b_1", "a.b/c"]) {
    assert.ok(isPlainName(name), name);
  }
  for (const name of [
    "",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "../a",
    "a/../b",
    "a/./b",
    "a\\b",
    "C:a",
    "a\0",
    "..a",
    "a.",
    "х",
    "a b",
  ]) {
    assert.ok(!isPlainName(name), name);
  }
});
