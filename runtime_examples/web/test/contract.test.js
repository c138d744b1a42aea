import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { BundleError } from "../../node/src/errors.js";
import { parseManifest } from "../../node/src/manifest.js";
import { BY_HAND } from "../../node/test/bundles.js";
import { readContract } from "../src/contract.js";

const BYTES = readFileSync(path.join(BY_HAND, "flow.json"));
const ABSENT = Symbol("absent");

/** Key → a value that it cannot have, and words of the refusal. */
const FAULTS = /** @type {[string, unknown, RegExp][]} */ ([
  ["latent_size", 6, /graphs.sample.inputs/],
  ["graphs.log_prob.inputs.0.name", "y", /graphs.log_prob.inputs/],
  ["graphs.sample.outputs.0.shape", ["batch", 4], /graphs.sample.outputs/],
  ["tolerance", null, /tolerance: expected an object/],
  ["tolerance.sample.atol", -1, /tolerance.sample.atol/],
  ["scale", [1, 1, 1, 0], /scale\[3\]/],
  ["golden.cases", {}, /golden.cases: expected a list/],
  ["golden.cases.0.name", 5, /golden.cases\[0\].name/],
  ["golden.cases.0.expected", ABSENT, /golden.cases\[0\]: needs either expected or error/],
  ["golden.cases.0.expected", { x: "golden/x.npy" }, /golden.cases\[0\].expected: is not the output/],
  ["golden.cases.0.inputs", {}, /golden.cases\[0\].inputs: has no x/],
  ["golden.cases.0.rows", [0], /golden.cases\[0\].rows/],
  ["golden.cases.3.error", "wrong", /golden.cases\[3\].error/],
  ["golden.cases.0.graph", "score", /golden.cases\[0\].graph: expected one of graphs, got "score"/],
  ["golden.cases.0.graph", "constructor", /golden.cases\[0\].graph: expected one of graphs, got "constructor"/],
  ["golden.log_prob_of_sample", ABSENT, /golden.log_prob_of_sample: is missing/],
  ["tolerance.sample", ABSENT, /tolerance.sample: is missing/],
  ["golden.noise", [{ seed: String(2n ** 64n), start: 0, file: "golden/x.npy" }], /golden.noise\[0\].seed/],
]);

for (const [key, value, message] of FAULTS) {
  const shown = value === ABSENT ? "absent" : JSON.stringify(value).slice(0, 60);
  test(`${key}: ${shown} is refused by its key`, () => {
    const document = JSON.parse(BYTES.toString());
    const steps = key.split(".");
    const last = String(steps.pop());
    const parent = steps.reduce((node, step) => node[step], document);
    if (value === ABSENT) {
      delete parent[last];
    } else {
      parent[last] = value;
    }
    const manifest = parseManifest(Buffer.from(JSON.stringify(document)), "flow.json");
    assert.throws(
      () => readContract(manifest, "flow.json"),
      (error) => error instanceof BundleError && error.message.startsWith("flow.json: ") && message.test(error.message),
    );
  });
}
