/** ONNX Runtime in the browser: which build of it, where its files lie, on how many threads. */

/**
 * @typedef {object} Runtime
 * @property {typeof import("onnxruntime-web")} ort
 * @property {"wasm" | "webgpu"} provider what sessions run on
 * @property {number} threads of WebAssembly
 */

const FILES = new URL("../node_modules/onnxruntime-web/dist/", import.meta.url);
/** The second build also holds the kernels for WebGPU, and is twice as large. */
const BUILDS = { wasm: "ort.wasm.min.mjs", webgpu: "ort.webgpu.min.mjs" };

/**
 * Loads ONNX Runtime. A page has one: a second call with other settings has no effect on the first one's sessions.
 *
 * @param {object} [settings]
 * @param {"wasm" | "webgpu"} [settings.provider]
 * @param {number} [settings.threads] more than one need a page that is cross-origin isolated; others have one
 * @param {boolean} [settings.worker] whether WebAssembly runs in a worker, so that a long run does not hold up the
 *   page; a run then costs a message there and back
 * @returns {Promise<Runtime>}
 */
export async function loadRuntime({ provider = "wasm", threads = 1, worker = false } = {}) {
  const address = new URL(BUILDS[provider], FILES).href;
  /** @type {typeof import("onnxruntime-web")} */
  const ort = await import(address);
  const granted = globalThis.crossOriginIsolated ? threads : 1;
  // Errors come as exceptions; the console need not say them again.
  ort.env.logLevel = "fatal";
  Object.assign(ort.env.wasm, {
    wasmPaths: FILES.href,
    numThreads: granted,
    proxy: worker && provider === "wasm",
  });
  return { ort, provider, threads: granted };
}

/** Whether the browser has a GPU to give. */
export async function hasGpu() {
  const gpu = /** @type {any} */ (navigator).gpu;
  return Boolean(await gpu?.requestAdapter().catch(() => null));
}
