/** A flowexport bundle in the browser: `openBundle` a source, `Model.open`, then `logProb`, `percentile`, `sample`. */

export { ArgumentError, BundleError, FlowError, InputError, TableError } from "../../node/src/errors.js";
export { normals, parseSeed, philox4x32 } from "../../node/src/noise.js";
export { openBundle } from "./bundle.js";
export { bundleArray, replay } from "./golden.js";
export { BLOCK_ROWS, Model } from "./model.js";
export { openModule } from "./module.js";
export { hasGpu, loadRuntime } from "./runtime.js";
export { fromAddress } from "./sources.js";
export { sampleTable, scoreTable } from "./table.js";
