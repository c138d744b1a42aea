"""What a graph of a bundle may hold: operators, and fields of the file.

A bundle comes from anywhere, and every reader enforces these two tables, whatever it runs the graphs with: a node that
draws at random, one of another domain, or a field that one program reads and another passes over would make two models
of one file. ``python docs/generate.py`` writes them to ``runtime_examples/operators.json`` for all languages.
"""

from __future__ import annotations

__all__ = ["ELEMENT_TYPES", "MESSAGES", "OPERATORS", "OPSET", "operators_json"]

import json

OPSET = 18
"""The version of the standard domain that a bundle uses."""

FAMILIES = {
    "arithmetic": "Abs Add Ceil Clip Div Floor Max Mean Min Mod Mul Neg Pow Reciprocal Round Sign Sqrt Sub Sum",
    "functions": "Acos Acosh Asin Asinh Atan Atanh Cos Cosh Erf Exp Log Sin Sinh Tan",
    "activations": (
        "Celu Elu HardSigmoid HardSwish LeakyRelu LogSoftmax Mish PRelu Relu Selu Sigmoid Softmax Softplus Softsign "
        "Tanh ThresholdedRelu"
    ),
    "comparison": "And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Where Xor",
    "reduction": (
        "ArgMax ArgMin CumSum ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd "
        "ReduceSum ReduceSumSquare TopK"
    ),
    "products": "Conv Det Einsum Gemm MatMul",
    "normalisation": "BatchNormalization InstanceNormalization LayerNormalization",
    "layout": (
        "Cast Concat Constant ConstantOfShape DepthToSpace Expand Flatten Gather GatherElements GatherND Identity "
        "OneHot Pad Range Reshape ScatterElements ScatterND Shape Size Slice SpaceToDepth Split Squeeze Tile Transpose "
        "Unsqueeze"
    ),
    "whole numbers": "ConvInteger DequantizeLinear DynamicQuantizeLinear MatMulInteger QLinearConv QLinearMatMul "
    "QuantizeLinear",
}
"""Operators of the standard domain on tensors of numbers that give the same every time: those that flows are made of,
a user's own maps and quantised graphs among them. None holds a graph, draws at random, or works on texts, sequences,
pictures or time series."""

OPERATORS = frozenset(" ".join(FAMILIES.values()).split())
"""All of them."""

MESSAGES: dict[str, dict[int, str]] = {
    "Model": {1: "int", 2: "text", 3: "text", 5: "int", 7: "Graph", 8: "Opset*"},
    "Opset": {1: "text", 2: "int"},
    "Graph": {1: "Node*", 2: "text", 5: "Tensor*", 11: "Value*", 12: "Value*"},
    "Node": {1: "text*", 2: "text*", 3: "text", 4: "text", 5: "Attribute*", 7: "text"},
    "Attribute": {1: "text", 2: "float", 3: "int", 4: "data", 5: "Tensor", 7: "floats*", 8: "ints*", 20: "int"},
    "Tensor": {1: "ints*", 2: "int", 4: "floats*", 5: "ints*", 7: "ints*", 8: "text", 9: "data", 10: "doubles*"},
    "Value": {1: "text", 2: "Type"},
    "Type": {1: "TensorType"},
    "TensorType": {1: "int", 2: "Shape"},
    "Shape": {1: "Dimension*"},
    "Dimension": {1: "int", 2: "text"},
}
"""Message → number of a field → what it is, as ``onnx.proto`` numbers them
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). A star is a field that may come more than once. A message has
the name of its row; ``int`` is a varint, ``float`` four bytes, ``text`` and ``data`` are length-delimited, and
``ints``, ``floats`` and ``doubles`` come one by one or packed."""

ELEMENT_TYPES = {1: "float32", 3: "int8", 2: "uint8", 6: "int32", 7: "int64", 9: "bool", 11: "float64"}
"""TensorProto.DataType: those of numbers that the operators take."""


def operators_json() -> str:
    """The tables as one JSON document, for readers in other languages."""
    messages = {name: {str(number): kind for number, kind in fields.items()} for name, fields in MESSAGES.items()}
    document = {"opset": OPSET, "operators": sorted(OPERATORS), "messages": messages}
    return json.dumps(document, indent=2) + "\n"
