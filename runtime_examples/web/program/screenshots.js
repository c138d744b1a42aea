/** A picture of the page for every model of the zoo: docs/web-NAME.png. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openBrowser } from "./browser.js";

/** Both columns, in less than 200 KB a picture. The height is the page's own. */
const SETTINGS = /** @type {const} */ ({
  viewport: { width: 1080, height: 800 },
  deviceScaleFactor: 0.8,
  colorScheme: "light",
});

/** @type {string[]} */
const names = JSON.parse(readFileSync(new URL("../site/zoo/index.json", import.meta.url), "utf-8"));
const { address, context, close } = await openBrowser({ context: SETTINGS });
try {
  for (const name of names) {
    const page = await context.newPage();
    await page.goto(`${address}#${encodeURIComponent(name)}`);
    await page.locator("#golden-verdict[data-passed=true]").waitFor();
    await page.locator("#model[aria-busy=false]").waitFor();
    const path = fileURLToPath(new URL(`../../../docs/web-${name}.png`, import.meta.url));
    await page.screenshot({ path, fullPage: true });
    await page.close();
  }
} finally {
  await close();
}
