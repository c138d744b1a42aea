import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { BANANA } from "./bundles.js";

const CALLS = 100_000;

/**
 * What the process may grow by, in bytes: 50 a call, and five times what was ever measured. The least thing that a
 * call makes, a tensor here or an OrtValue in ONNX Runtime, has more than 100 bytes, which would show as 10 MB.
 */
const GROWTH = 50 * CALLS;

test(`${CALLS} calls of one row leave the memory flat`, () => {
  // In a process of its own: the test runner's hooks on promises make V8's heap breathe by more than that.
  const script = fileURLToPath(new URL("growth.js", import.meta.url));
  const growth = Number(execFileSync(process.execPath, [script, BANANA, String(CALLS)], { encoding: "utf8" }));
  assert.ok(growth < GROWTH, `grew by ${(growth / 1e6).toFixed(1)} MB`);
});
