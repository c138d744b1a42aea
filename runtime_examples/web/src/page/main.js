/** The page: opens bundles, one at a time, in the fastest way that gives the right numbers. */

import { FlowError } from "../../../node/src/errors.js";
import { openBundle } from "../bundle.js";
import { Model } from "../model.js";
import { openModule } from "../module.js";
import { hasGpu, loadRuntime } from "../runtime.js";
import { byId, say } from "./elements.js";
import { exampleRows } from "./examples.js";
import { latest } from "./latest.js";
import { listen, servedName, servedSource, showChoice, zooNames, zooSource } from "./opener.js";
import { Panels } from "./panels.js";
import { View } from "./view.js";

/** @typedef {import("../bundle.js").Bundle} Bundle */
/** @typedef {import("../runtime.js").Runtime} Runtime */
/** @typedef {import("../sources.js").Source} Source */

/** Two threads are what a run of a network of this size can use. */
const SETTINGS = { threads: 2, worker: true };

/** @typedef {{bundle: Bundle, name: string | null, model: Model, view: View}} Opened `name`: in the zoo, or null */

/** @type {Opened | null} */
let opened = null;
/** @type {string[]} */
let zoo = [];
/** @type {Promise<Runtime> | null} ONNX Runtime, once a bundle needs it */
let loading = null;
/** Why it left the GPU. */
let reason = "";

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
    const given = await source();
    const bundle = await openBundle(given);
    signal.throwIfAborted();
    await show(signal, name, bundle, given.module);
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
 * @param {URL} [module] where it may be compiled
 */
async function show(signal, name, bundle, module) {
  const { model, words } = await openModel(bundle, module);
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
  say("runtime", words);
  byId("fault", HTMLElement).hidden = true;
  showChoice(zoo, name, bundle.label);
  const own = bundle.label === servedName() ? location.search : "";
  history.replaceState(null, "", location.pathname + (name === null ? own : `#${encodeURIComponent(name)}`));
  await before?.model.close();
  await view.show();
  const passed = await panels.show(model, () => view.state.context);
  if (!passed && model.runtime.provider === "webgpu" && !signal.aborted) {
    loading = onWebAssembly("; WebGPU gave numbers over their bounds");
    await show(signal, name, bundle);
  }
}

/**
 * A model, compiled where the server has a module of it, on WebAssembly where WebGPU does not take it; and on what its
 * numbers are computed, in words.
 *
 * @param {Bundle} bundle
 * @param {URL} [module]
 * @returns {Promise<{model: Model, words: string}>}
 */
async function openModel(bundle, module) {
  const bytes = module === undefined ? null : await moduleAt(module);
  if (bytes !== null) {
    const model = await openModule(bytes, bundle).catch(() => null);
    if (model !== null) {
      const size = Math.ceil(bytes.length / 1000);
      return { model, words: `Compiled: a WebAssembly module of ${size} KB, held to the golden cases` };
    }
  }
  const refused = bytes === null ? "" : "; the compiled module is not within the bounds of the golden cases";
  loading ??= fastestRuntime();
  let runtime = await loading;
  try {
    return { model: await Model.open(runtime, bundle), words: device(runtime) + refused };
  } catch (error) {
    if (runtime.provider === "wasm") {
      throw error;
    }
    loading = onWebAssembly("; WebGPU does not take this model");
    runtime = await loading;
    return { model: await Model.open(runtime, bundle), words: device(runtime) + refused };
  }
}

/**
 * A module that the server has, or null.
 *
 * @param {URL} address
 */
async function moduleAt(address) {
  const response = await fetch(address).catch(() => null);
  return response?.ok ? new Uint8Array(await response.arrayBuffer()) : null;
}

/** ONNX Runtime on the GPU, where there is one and the build for it was put beside the page; else on WebAssembly. */
async function fastestRuntime() {
  if (await hasGpu()) {
    const found = await loadRuntime({ ...SETTINGS, provider: "webgpu" }).catch(() => null);
    if (found !== null) {
      return found;
    }
  }
  return await loadRuntime(SETTINGS);
}

/** @param {string} why */
async function onWebAssembly(why) {
  reason = why;
  return await loadRuntime(SETTINGS);
}

/**
 * What ONNX Runtime computes on, in words.
 *
 * @param {Runtime} runtime
 */
function device(runtime) {
  if (runtime.provider === "webgpu") {
    return "ONNX Runtime: WebGPU, on which this page has not been tested";
  }
  if (runtime.threads > 1) {
    return `ONNX Runtime: WebAssembly, two threads${reason}`;
  }
  const alone = crossOriginIsolated ? "" : ": two need the headers COOP and COEP of the server";
  return `ONNX Runtime: WebAssembly, one thread${alone}${reason}`;
}

/** @param {unknown} error */
function showFault(error) {
  const text = error instanceof Error ? error.message : String(error);
  say("fault", error instanceof FlowError ? text : `This should not have happened: ${text}`);
  byId("fault", HTMLElement).hidden = false;
}

/** @param {string} name */
function openZoo(name) {
  opening.run(name, () => zooSource(name));
}

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
