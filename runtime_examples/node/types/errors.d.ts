/** @typedef {"wrong_shape" | "missing_context" | "wrong_dtype" | "unknown_category"} InputCode */
export type InputCode = "wrong_shape" | "missing_context" | "wrong_dtype" | "unknown_category";
/** Parent of every error that this library raises. Its message is one line: where, what, and what was expected. */
export declare class FlowError extends Error {
    get name(): string;
}
/** A bundle breaks the contract on disk: format, key, type, path, hash, or a graph that cannot be run. */
export declare class BundleError extends FlowError {
}
/** Numbers handed to a model do not fit it; `code` says how. */
export declare class InputError extends FlowError {
    code: InputCode;
    /**
     * @param {InputCode} code
     * @param {string} message
     */
    constructor(code: InputCode, message: string);
}
/** An argument that cannot be, whatever the model: a seed of 65 bits, a negative temperature. */
export declare class ArgumentError extends FlowError {
}
/** A table of rows cannot be read, or holds something that is no number. */
export declare class TableError extends FlowError {
}
/**
 * A value as JSON, cut to what fits a message; of a list or an object, whose depth is anyone's, only the kind.
 *
 * @param {unknown} value
 */
export declare function quote(value: unknown): string;
