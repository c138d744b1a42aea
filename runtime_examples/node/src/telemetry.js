/**
 * Imported before ONNX Runtime is: it would write a device's id into the user's cache folder. A user's own word stands.
 */

process.env.ORT_DISABLE_TELEMETRY ??= "1";
