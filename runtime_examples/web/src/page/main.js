/** The page: opens bundles, one at a time, on the fastest device that gives the right numbers. */

import { FlowError } from "../../../node/src/errors.js";
import { openBundle } from "../bundle.js";
import { Model } from "../model.js";
import { hasGpu, loadRuntime } from "../runtime.js";
import { byId, say } from "./elements.js";
import { exampleRows } from "./examples.js";
import { latest } from "./latest.js";
import { listen, servedName, servedSource, showChoice, zooNames, zooSource } from "./opener.js";
import { Panels } from "./panels.js";
import { View } from "./view.js";

/** @typedef {import("../bundle.js").Bundle} Bundle */
/** @typedef {import("../sources.js").Source} Source */

/** What a run of a network of this size can use. */
const THREADS = 2;

/** @typedef {{bundle: Bundle, name: string | null, model: Model, view: View}} Opened `name`: in the zoo, or null */

/** @type {Opened | null} */
let opened = null;
/** @type {string[]} */
let zoo = [];
let runtime = await fastestRuntime();

const panels = new Panels(showFault);
const opening = latest(open, showFault);

/**
 * Opens a bundle in place of the one that is open, which stays where this one is at fault.
 *
 * @param {AbortSignal} signal
 * @param {string | null} name in the zoo, or null
 * @param {() => Promise<Source>} source
 */
async function open(signal, name, source) {
  const main = byId("model", HTMLElement);
  main.ariaBusy = "true";
  try {
    const bundle = await openBundle(await source());
    signal.throwIfAborted();
    await show(signal, name, bundle);
  } finally {
    if (!signal.aborted) {
      main.ariaBusy = "false";
      showChoice(zoo, opened?.name ?? null, opened?.bundle.label ?? "");
    }
  }
}

/**
 * @param {AbortSignal} signal
 * @param {string | null} name
 * @param {Bundle} bundle
 */
async function show(signal, name, bundle) {
  const model = await openModel(bundle);
  const examples = await exampleRows(model);
  const before = opened;
  if (signal.aborted) {
    await model.close();
    return;
  }
  before?.view.close();
  panels.stop();
  const view = new View(model, examples, showFault);
  opened = { bundle, name, model, view };
  byId("fault", HTMLElement).hidden = true;
  showChoice(zoo, name, bundle.label);
  const own = bundle.label === servedName() ? location.search : "";
  history.replaceState(null, "", location.pathname + (name === null ? own : `#${encodeURIComponent(name)}`));
  await before?.model.close();
  await view.show();
  const passed = await panels.show(model, () => view.state.context);
  if (!passed && runtime.provider === "webgpu" && !signal.aborted) {
    await useWasm("WebGPU gave numbers over their bounds");
    await show(signal, name, bundle);
  }
}

/**
 * A model, on WebAssembly where WebGPU does not take it.
 *
 * @param {Bundle} bundle
 */
async function openModel(bundle) {
  try {
    return await Model.open(runtime, bundle);
  } catch (error) {
    if (runtime.provider === "wasm") {
      throw error;
    }
    await useWasm("WebGPU does not take this model");
    return await Model.open(runtime, bundle);
  }
}

/** ONNX Runtime on the GPU, where there is one and the build for it was put beside the page; else on WebAssembly. */
async function fastestRuntime() {
  const settings = { threads: THREADS, worker: true };
  if (await hasGpu()) {
    const found = await loadRuntime({ ...settings, provider: "webgpu" }).catch(() => null);
    if (found !== null) {
      return found;
    }
  }
  return await loadRuntime(settings);
}

/** @param {string} reason */
async function useWasm(reason) {
  runtime = await loadRuntime({ threads: THREADS, worker: true });
  say("runtime", `${device()}; ${reason}`);
}

/** What the numbers are computed on, in words. */
function device() {
  if (runtime.provider === "webgpu") {
    return "WebGPU, on which this page has not been tested";
  }
  if (runtime.threads > 1) {
    return "WebAssembly, two threads";
  }
  return `WebAssembly, one thread${crossOriginIsolated ? "" : ": two need the headers COOP and COEP of the server"}`;
}

/** @param {unknown} error */
function showFault(error) {
  const text = error instanceof Error ? error.message : String(error);
  say("fault", error instanceof FlowError ? text : `This should not have happened: ${text}`);
  byId("fault", HTMLElement).hidden = false;
}

/** @param {string} name */
function openZoo(name) {
  opening.run(name, async () => zooSource(name));
}

say("runtime", device());
listen((source) => opening.run(null, source));
byId("zoo", HTMLSelectElement).addEventListener("change", (event) => {
  const { value } = /** @type {HTMLSelectElement} */ (event.currentTarget);
  if (value !== "") {
    openZoo(value);
  }
});
try {
  zoo = await zooNames();
  const asked = decodeURIComponent(location.hash.slice(1));
  const served = servedName();
  if (served !== null && asked === "") {
    opening.run(null, async () => servedSource(served));
  } else {
    openZoo(zoo.includes(asked) ? asked : zoo[0]);
  }
} catch (error) {
  showFault(error);
}
