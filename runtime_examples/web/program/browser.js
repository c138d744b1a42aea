/** A headless Chromium on the page, served by serve.py. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const SERVE = fileURLToPath(new URL("../serve.py", import.meta.url));
const NAMES = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/** Without them Chromium asks its maker's servers for this and that at every start. */
const QUIET = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Serves the page and opens a browser for it.
 *
 * @param {object} [settings]
 * @param {string} [settings.bundle] a folder to serve at `bundle/`
 * @param {boolean} [settings.plain] whether the server leaves out the headers that two threads need
 * @param {string[]} [settings.flags] of Chromium, more than it needs
 * @param {import("playwright-core").BrowserContextOptions} [settings.context]
 * @returns {Promise<{address: string, context: import("playwright-core").BrowserContext, close: () => Promise<void>}>}
 */
export async function openBrowser({ bundle, plain = false, flags = [], context: options } = {}) {
  const given = [...(bundle === undefined ? [] : ["--bundle", bundle]), ...(plain ? ["--plain"] : [])];
  const server = spawn("python3", [SERVE, "--port", "0", "--quiet", ...given], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  process.once("exit", () => server.kill());
  const firstLine = once(createInterface(server.stdout), "line");
  const browser = await chromium.launch({ executablePath: findChromium(), args: [...QUIET, ...flags] });
  const [address] = await firstLine;
  return {
    address,
    context: await browser.newContext(options),
    async close() {
      await browser.close();
      server.kill();
    },
  };
}

/** The browser that CHROMIUM names, or the first of the usual names in PATH. */
function findChromium() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
  const path = process.env.CHROMIUM ?? found;
  if (path === undefined) {
    throw new Error("no Chromium in PATH: apt-get install chromium, or name one in CHROMIUM");
  }
  return path;
}
