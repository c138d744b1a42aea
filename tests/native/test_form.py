"""The form of a graph says what the graph says, operator by operator and on the zoo; it refuses what it cannot say."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from flowexport.bundle import read_graph
from flowexport.bundle.onnx_graph import OnnxGraph
from flowexport.errors import BundleError
from flowexport.native.form import Elementwise, Linear, Load, loads
from flowexport.native.interpret import interpret
from flowexport.native.place import lifetimes, place
from flowexport.native.read import form_of, read_form

from .golden import VECTORS, cases, share_of_bound, zoo

GRAPHS = [(name, graph) for name in VECTORS for graph in ("log_prob", "sample")]

ROWS = np.random.default_rng(3).normal(size=(5, 2, 4, 6)).astype(np.float32)
"""Rows of three axes."""


def whole(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def number(value: float) -> np.ndarray:
    return np.array(value, np.float32)


CASES: dict[str, tuple[list, dict]] = {
    **{name: ([], {}) for name in ("Abs", "Exp", "Neg", "Sigmoid", "Softsign", "Relu", "Tanh", "Softplus", "Identity")},
    **{name: ([ROWS[:1, :, :1] + 1], {}) for name in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum")},
    "LeakyRelu": ([], {"alpha": 0.2}),
    "Elu": ([], {"alpha": 0.7}),
    "Clip": ([number(-0.3), number(0.9)], {}),
    "Flatten": ([], {"axis": 1}),
    "Gather": ([whole(3, 0, 0, 2)], {"axis": 2}),
    "MatMul": ([np.diag([1.0, 2, 3, 4, 5, 6])[:, [0, 2, 5]].astype(np.float32) + 0.25], {}),
    "Pad": ([whole(0, 1, 0, 2, 0, 0, 3, 0), number(7)], {"mode": "constant"}),
    "Reshape": ([whole(-1, 0, 3, 8)], {}),
    "Slice": ([whole(5, 0), whole(-9, 2**62), whole(-1, 2), whole(-2, 3)], {}),
    "Softmax": ([], {"axis": -1}),
    "SpaceToDepth": ([], {"blocksize": 2}),
    "Split": ([whole(1, 3)], {"axis": 2}),
    "Transpose": ([], {"perm": [0, 3, 1, 2]}),
    "Unsqueeze": ([whole(2, -1)], {}),
}
"""Operator → what it reads behind x, and its attributes."""


def graph_of(nodes: list[onnx.NodeProto], known: dict[str, np.ndarray], shape: tuple[int, ...]) -> bytes:
    """A file of one input x and one output y."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in known.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return bytes(model.SerializeToString())


def both(data: bytes, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What ONNX Runtime and the form say."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0], interpret(form_of(read_graph(data, "a.onnx"), "a.onnx"), {"x": x})


@pytest.mark.parametrize("operator", CASES)
def test_every_operator_says_what_onnx_runtime_says(operator: str) -> None:
    more, attributes = CASES[operator]
    known = {f"known_{place}": array for place, array in enumerate(more)}
    outputs = ["other", "y"] if operator == "Split" else ["y"]
    node = helper.make_node(operator, ["x", *known], outputs, **attributes)
    expected, found = both(graph_of([node], known, ROWS.shape[1:]), ROWS)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-7)


@pytest.mark.parametrize("operator", ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"])
def test_comparisons_choose_and_are_numbers(operator: str) -> None:
    x = np.round(ROWS)
    nodes = [
        helper.make_node(operator, ["x", "one"], ["there"]),
        helper.make_node("Less", ["x", "half"], ["small"]),
        helper.make_node("Or", ["there", "small"], ["either"]),
        helper.make_node("And", ["either", "there"], ["both"]),
        helper.make_node("Not", ["both"], ["not"]),
        helper.make_node("Where", ["not", "x", "half"], ["chosen"]),
        helper.make_node("Cast", ["either"], ["count"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["chosen", "count"], ["y"]),
    ]
    expected, found = both(graph_of(nodes, {"one": number(1), "half": number(0.5)}, x.shape[1:]), x)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_space_and_depth_are_each_others_way_back(mode: str) -> None:
    nodes = [
        helper.make_node("SpaceToDepth", ["x"], ["deep"], blocksize=2),
        helper.make_node("DepthToSpace", ["deep"], ["y"], blocksize=2, mode=mode),
    ]
    expected, found = both(graph_of(nodes, {}, ROWS.shape[1:]), ROWS)
    np.testing.assert_array_equal(found, expected)


def test_heads_are_one_product_and_a_relu_is_part_of_its_own() -> None:
    x = ROWS[:, 0, 0]
    rng = np.random.default_rng(0)
    known = {
        f"w{place}": rng.normal(size=(width, wide)).astype(np.float32)
        for place, (width, wide) in enumerate([(6, 9), (9, 4), (9, 5)])
    } | {"b": number(0.5).reshape(1)}
    nodes = [
        helper.make_node("Gemm", ["x", "w0", "b"], ["hidden"], alpha=0.5),
        helper.make_node("Relu", ["hidden"], ["relu"]),
        helper.make_node("Gemm", ["relu", "w1", "b"], ["first"]),
        helper.make_node("Gemm", ["relu", "w2"], ["second"]),
        helper.make_node("Concat", ["second", "first"], ["y"], axis=1),
    ]
    data = graph_of(nodes, known, (6,))
    form = form_of(read_graph(data, "a.onnx"), "a.onnx")
    first, heads = form.operations
    assert isinstance(first, Linear)
    assert first.relu
    assert isinstance(heads, Linear)
    assert heads.weights.shape == (9, 9)
    expected, found = both(data, x)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_what_is_known_is_folded_and_what_is_neutral_is_gone() -> None:
    weights = np.zeros((6, 3), np.float32)
    weights[2:4, 1] = 2
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["linear"]),
        helper.make_node("Exp", ["linear"], ["scale"]),
        helper.make_node("Slice", ["x", "from", "to", "axis"], ["moved"]),
        helper.make_node("Mul", ["moved", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "zeros"], ["y"]),
    ]
    known = {"w": weights, "b": np.zeros(3, np.float32), "zeros": np.zeros((1, 3), np.float32)}
    data = graph_of(nodes, known | {"from": whole(0), "to": whole(3), "axis": whole(1)}, (6,))
    form = form_of(read_graph(data, "a.onnx"), "a.onnx")
    x = form.inputs[0].buffer
    assert [each for each in form.outputs if isinstance(each, Load) and each.buffer == x] == [
        Load(x, 0, 0),
        Load(x, 2, 0),
    ]
    assert sum(run.length for each in form.operations if isinstance(each, Elementwise) for run in each.runs) == 1
    expected, found = both(data, ROWS[:, 0, 0])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(("name", "graph"), GRAPHS)
def test_the_zoos_golden_cases_hold(name: str, graph: str) -> None:
    form = read_form(zoo(name), graph)
    for case in cases(name, graph):
        rows = {each: array.astype(np.float32) for each, array in case.inputs.items()}
        assert share_of_bound(name, case, interpret(form, rows)) <= 1, case.name


@pytest.mark.parametrize("alignment", [1, 16])
@pytest.mark.parametrize(("name", "graph"), GRAPHS)
def test_buffers_share_a_place_only_where_they_are_not_needed_at_once(name: str, graph: str, alignment: int) -> None:
    form = read_form(zoo(name), graph)
    placement = place(form, alignment)
    lives = lifetimes(form)
    assert {load.buffer for each in form.operations for load, _ in loads(each)} <= placement.offsets.keys()
    for one, other in itertools.combinations(placement.offsets, 2):
        apart = lives[one][1] < lives[other][0] or lives[other][1] < lives[one][0]
        begin, end = placement.offsets[one], placement.offsets[one] + form.sizes[one]
        start, stop = placement.offsets[other], placement.offsets[other] + form.sizes[other]
        assert apart or end <= start or stop <= begin
        assert stop <= placement.scratch


@pytest.mark.parametrize(("name", "graph"), GRAPHS)
def test_no_load_leaves_its_buffer(name: str, graph: str) -> None:
    form = read_form(zoo(name), graph)
    for operation in form.operations:
        for load, count in loads(operation):
            assert 0 <= load.base + load.stride * (count - 1) < form.sizes[load.buffer]


@pytest.mark.parametrize("name", ["banana", "diamonds", "digits", "mixture"])
def test_a_graph_is_read_as_the_onnx_package_reads_it(name: str) -> None:
    for graph in ("log_prob", "sample"):
        data = zoo(name).read(f"{graph}.onnx")
        same_graph(read_graph(data, graph), onnx.load_from_string(data).graph)


def same_graph(found: OnnxGraph, expected: onnx.GraphProto) -> None:
    assert found.constants.keys() == {each.name for each in expected.initializer}
    for each in expected.initializer:
        array = numpy_helper.to_array(each)
        assert found.constants[each.name].dtype == array.dtype
        np.testing.assert_array_equal(found.constants[each.name], array)
    for node, other in zip(found.nodes, expected.node, strict=True):
        assert (node.operator, node.name) == (other.op_type, other.name)
        assert (node.inputs, node.outputs) == (tuple(other.input), tuple(other.output))
        values = {each.name: helper.get_attribute_value(each) for each in other.attribute}
        assert node.attributes == {
            key: value.decode() if isinstance(value, bytes) else value for key, value in values.items()
        }


@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "int32", "int8", "uint8", "bool"])
def test_numbers_in_fields_are_read_as_those_in_raw_bytes(kind: str) -> None:
    array = np.array([[1, 0, 1], [0, -3 if kind[0] != "u" else 3, 100]]).astype(kind)
    fields = helper.make_tensor("t", helper.np_dtype_to_tensor_dtype(array.dtype), array.shape, array.ravel().tolist())
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 1])
    node = helper.make_node("Constant", [], ["c"], value=fields)
    model = helper.make_model(helper.make_graph([node], "g", [x], [x], [fields]))
    found = read_graph(bytes(model.SerializeToString()), "a.onnx")
    for read in (found.constants["t"], found.nodes[0].attributes["value"]):
        assert isinstance(read, np.ndarray)
        assert read.dtype == array.dtype
        np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([helper.make_node("Erf", ["x"], ["y"], name="curve")], r"node 'curve' \(Erf\) is an operator that is not"),
        ([helper.make_node("Reshape", ["x", "shape"], ["y"])], "moves numbers across the batch"),
        ([helper.make_node("Gather", ["x", "shape"], ["y"], axis=0)], "works along the batch"),
        ([helper.make_node("MatMul", ["x", "x"], ["y"])], "computes 'x', which must be a constant"),
        ([helper.make_node("Add", ["shape", "shape"], ["y"])], "reads constants alone"),
        ([helper.make_node("Slice", ["x", "shape", "shape", "far"], ["y"])], "works along the batch"),
        ([helper.make_node("Split", ["x", "shape"], ["y", "z"], axis=1)], "does not fit what it reads"),
        ([helper.make_node("Pad", ["x", "wide"], ["y"])], "a row of 10.* numbers"),
        ([helper.make_node("Slice", ["x", "axis", "axis"], ["y"])], "does not fit what it reads"),
        ([helper.make_node("Neg", ["x"], [], name="deaf")], r"node 'deaf' \(Neg\) has no output"),
        ([helper.make_node("Neg", ["x"], ["z"])], "its output 'y' is not computed"),
    ],
)
def test_what_is_not_known_is_refused_by_name(nodes: list[onnx.NodeProto], words: str) -> None:
    data = graph_of(
        nodes, {"shape": whole(3, -1), "far": whole(5, 6), "wide": whole(0, 10**12, 0, 0), "axis": np.array(5)}, (4,)
    )
    with pytest.raises(BundleError, match=words) as refused:
        form_of(read_graph(data, "a.onnx"), "a.onnx")
    assert str(refused.value).startswith("a.onnx: ")
    assert "\n" not in str(refused.value)


def test_images_are_refused_with_a_word() -> None:
    with pytest.raises(BundleError, match=r"\(Conv\).*images.*ONNX Runtime"):
        read_form(zoo("digits"), "log_prob")


def test_float64_is_refused_with_a_word() -> None:
    x = helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["batch", 1])
    y = helper.make_tensor_value_info("y", TensorProto.DOUBLE, ["batch", 1])
    model = helper.make_model(helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", [x], [y]))
    with pytest.raises(BundleError, match="'x' is float64: only float32 is computed natively"):
        form_of(read_graph(bytes(model.SerializeToString()), "a.onnx"), "a.onnx")
