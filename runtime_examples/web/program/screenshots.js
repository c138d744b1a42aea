/**
 * Pictures of the page for the documentation, docs/web-NAME.png and -dark.png, and docs/web-pictures.json, the words and
 * numbers that are on them: a test compares these with the page, so that a picture that has gone stale is noticed.
 */

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openBrowser } from "./browser.js";

/** One of two features, and one of more, with a context. */
const NAMES = ["banana", "diamonds"];
const SCHEMES = /** @type {const} */ (["light", "dark"]);
/** Wide enough for both columns, at the resolution of a good screen. */
const SETTINGS = { viewport: { width: 1080, height: 800 }, deviceScaleFactor: 2 };

/** @param {string} file */
function inDocs(file) {
  return fileURLToPath(new URL(`../../../docs/${file}`, import.meta.url));
}

/** @type {Record<string, string>} */
const words = {};
for (const colorScheme of SCHEMES) {
  const { address, context, close } = await openBrowser({ context: { ...SETTINGS, colorScheme } });
  try {
    for (const name of NAMES) {
      const page = await context.newPage();
      await page.goto(`${address}#${encodeURIComponent(name)}`);
      await page.locator("#golden-verdict[data-passed=true]").waitFor();
      await page.locator("#model[aria-busy=false]").waitFor();
      words[name] = (await page.locator("#model").textContent())?.replace(/\s+/g, " ").trim() ?? "";
      const { y, height } = /** @type {DOMRect} */ (await page.locator("#model").boundingBox());
      const clip = { x: 0, y: 0, width: SETTINGS.viewport.width, height: y + height };
      const path = inDocs(`web-${name}${colorScheme === "dark" ? "-dark" : ""}.png`);
      await page.screenshot({ path, clip, fullPage: true });
      await page.close();
    }
  } finally {
    await close();
  }
}
writeFileSync(inDocs("web-pictures.json"), `${JSON.stringify(words, null, 2)}\n`);
