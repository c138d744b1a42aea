/** A flowexport bundle in Node.js: `Model.open(folder)`, then `logProb`, `percentile` and `sample`. */

/** @typedef {import("./errors.js").InputCode} InputCode */
/** @typedef {import("./manifest.js").Manifest} Manifest */
/** @typedef {import("./model.js").Draw} Draw */
/** @typedef {import("./inputs.js").NdArray} NdArray */

export { Bundle } from "./bundle.js";
export { ArgumentError, BundleError, FlowError, InputError, TableError } from "./errors.js";
export { BLOCK_ROWS, Model } from "./model.js";
export { normals, parseSeed, philox4x32 } from "./noise.js";
