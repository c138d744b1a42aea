/** Made by docs/generate.py: what a graph of a bundle may hold. */
export declare const OPSET = 18;
export declare const OPERATORS: string;
/** Messages of onnx.proto: each field's number, and what it is; a star: more than once. See docs/bundle.md. */
export declare const FIELDS: string;
export declare const TYPES = "1 2 3 6 7 9 11";
