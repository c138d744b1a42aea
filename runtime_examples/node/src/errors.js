/** @typedef {"wrong_shape" | "missing_context" | "wrong_dtype" | "unknown_category"} InputCode */

/** Parent of every error that this library raises. Its message is one line: where, what, and what was expected. */
export class FlowError extends Error {
  get name() {
    return this.constructor.name;
  }
}

/** A bundle breaks the contract on disk: format, key, type, path, hash, or a graph that cannot be run. */
export class BundleError extends FlowError {}

/** Numbers handed to a model do not fit it; `code` says how. */
export class InputError extends FlowError {
  /**
   * @param {InputCode} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** An argument that cannot be, whatever the model: a seed of 65 bits, a negative temperature. */
export class ArgumentError extends FlowError {}

/** A table of rows cannot be read, or holds something that is no number. */
export class TableError extends FlowError {}

/**
 * A value as JSON, cut to what fits a message; of a list or an object, whose depth is anyone's, only the kind.
 *
 * @param {unknown} value
 */
export function quote(value) {
  if (typeof value === "object" && value !== null) {
    return Array.isArray(value) ? "a list" : "an object";
  }
  const json = JSON.stringify(value);
  return json.length > 60 ? `${json.slice(0, 60)}…` : json;
}
