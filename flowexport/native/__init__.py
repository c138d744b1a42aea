"""A bundle's graphs without ONNX Runtime: read, reduced to what is left to compute for one row, and written as C."""
