/** Opens an HTML file as a page of the site, with a bundle at `bundle/`, and prints what it puts into its `<output>`. */

import { readFileSync } from "node:fs";
import { openBrowser } from "./browser.js";

const [file, bundle] = process.argv.slice(2);
const { address, context, close } = await openBrowser({ bundle });
try {
  const page = await context.newPage();
  const failed = new Promise((_, reject) => page.on("pageerror", reject));
  const url = `${address}snippet.html`;
  await page.route(url, (route) => route.fulfill({ body: readFileSync(file, "utf-8"), contentType: "text/html" }));
  await Promise.race([page.goto(url).then(() => page.locator("output:not(:empty)").waitFor()), failed]);
  console.log(await page.locator("output").textContent());
} catch (error) {
  console.error(`flow: ${file}: ${/** @type {Error} */ (error).message}`);
  process.exitCode = 1;
} finally {
  await close();
}
