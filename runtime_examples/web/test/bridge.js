/**
 * The page in the hands of another process, which writes a line of JSON a call: `{"method": …, "given": […]}`, a
 * method of Playwright's page by its name (`click`, `keyboard.press`) or one of those below. The answer is a line of
 * JSON, `{"value": …}` or `{"error": …}`.
 */

import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { openBrowser } from "../program/browser.js";

const { values } = parseArgs({
  options: { plain: { type: "boolean" }, flag: { type: "string", multiple: true }, bundle: { type: "string" } },
});
const { address, context, close } = await openBrowser({
  plain: values.plain,
  flags: values.flag,
  bundle: values.bundle,
});
/** Milliseconds: longer than anything on the page takes on a busy machine. */
const PATIENCE = 60_000;
context.setDefaultTimeout(PATIENCE);

/** @type {import("playwright-core").Page} */
let page;
/** @type {import("playwright-core").CDPSession} */
let devtools;
/** @type {{kind: string, text: string}[]} what the page asked for and complained of */
let seen = [];

/** @type {Record<string, (...given: any[]) => Promise<unknown>>} */
const own = {
  /** A new page in place of the last one. */
  async open(path = "", viewport = { width: 1280, height: 900 }) {
    await page?.close();
    seen = [];
    page = await context.newPage();
    page.on("console", (message) => seen.push({ kind: message.type(), text: message.text() }));
    page.on("pageerror", (error) => seen.push({ kind: "error", text: error.message }));
    page.on("request", (request) => seen.push({ kind: "request", text: request.url() }));
    devtools = await context.newCDPSession(page);
    await page.setViewportSize(viewport);
    await page.goto(address + path);
  },
  async seen() {
    return { address, seen };
  },
  /** What a click downloads. */
  async download(selector) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(selector)]);
    const chunks = await (await download.createReadStream()).toArray();
    return { name: download.suggestedFilename(), text: Buffer.concat(chunks).toString() };
  },
  /** The value of an expression, by the developer tools' way, which the page's policy does not forbid. */
  async evaluate(expression) {
    const options = { awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await devtools.send("Runtime.evaluate", { expression, ...options });
    if (exceptionDetails !== undefined) {
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    }
    return result.value;
  },
  /** Waits until an expression is true. */
  async until(expression) {
    for (const end = Date.now() + PATIENCE; !(await own.evaluate(expression)); ) {
      if (Date.now() > end) {
        throw new Error(`in vain: ${expression}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },
  /** Files and folders let go over the page, as a file manager does it. */
  async drop(...files) {
    const event = { x: 300, y: 300, data: { items: [], files, dragOperationsMask: 1 } };
    for (const type of /** @type {const} */ (["dragEnter", "dragOver", "drop"])) {
      await devtools.send("Input.dispatchDragEvent", { type, ...event });
    }
  },
};

/**
 * @param {string} name
 * @param {unknown[]} given
 */
async function call(name, given) {
  if (Object.hasOwn(own, name)) {
    return await own[name](...given);
  }
  const path = name.split(".");
  const method = /** @type {string} */ (path.pop());
  const owner = path.reduce((object, key) => object[key], /** @type {any} */ (page));
  const value = await owner[method](...given);
  // A handle to something in the page says nothing to another process.
  return typeof value === "object" && value?.constructor !== Object && !Array.isArray(value) ? null : value;
}

for await (const line of createInterface(process.stdin)) {
  const { method, given } = JSON.parse(line);
  const answer = await call(method, given).then(
    (value) => ({ value: value ?? null }),
    (error) => ({ error: String(error.message) }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await close();
