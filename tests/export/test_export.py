"""Export: every flow of the battery becomes a bundle that is proved, plain, and the same each time."""

import copy
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

import flowexport
from flowexport.bundle import open_bundle, zoo_names
from flowexport.errors import ArgumentError
from tests.conftest import Exported, exported, small_flow

CASES = {
    "one feature": {"features": 1},
    "one feature given two": {"features": 1, "context": 2},
    "odd features": {"features": 5},
    "odd features given one": {"features": 3, "context": 1},
    "even features given three": {"features": 4, "context": 3},
    "random masks": {"features": 6, "randmask": True},
    "no hidden layer": {"features": 4, "hidden_features": (), "transforms": 2},
    "one layer": {"features": 4, "transforms": 1},
    "three hidden layers of Tanh": {"features": 4, "hidden_features": (8, 9, 10), "activation": "Tanh"},
    "SiLU": {"features": 4, "activation": "SiLU"},
    "GELU": {"features": 4, "activation": "GELU"},
    "ELU": {"features": 4, "activation": "ELU"},
    "LeakyReLU": {"features": 4, "activation": "LeakyReLU"},
    "Softplus": {"features": 4, "activation": "Softplus"},
}


@pytest.mark.parametrize("case", CASES)
def test_every_flow_is_exported_and_proved(case: str, tmp_path: Path) -> None:
    result = exported(tmp_path / "bundle", **CASES[case])
    report = flowexport.verify(result.path, device="cpu")
    assert report.passed
    checked = {check.name for check in report.checks}
    assert checked == {"structure", "substance", "parity", "rounding", "direction", "round trip", "mass", "device"}
    batches = {check.subject.rsplit("_")[-1] for check in report.checks if check.name == "parity"}
    assert batches >= {"1", "2", "7", "256", "1000", "64"}


def test_the_round_trip_is_reported_where_the_flow_is_at_hand(tmp_path: Path) -> None:
    flow = small_flow(features=2)
    report = flowexport.export(flow, tmp_path / "bundle")
    (trip,) = [check for check in report.checks if check.name == "round trip"]
    assert trip.status == "reported"
    assert trip.figure < 1e-4


def test_the_mass_is_integrated_at_three_contexts(tmp_path: Path) -> None:
    result = exported(tmp_path / "bundle", features=2, context=1)
    masses = [check for check in flowexport.verify(result.path).checks if check.name == "mass"]
    assert len(masses) == 3
    assert all(check.status == "passed" and check.figure <= 1e-3 for check in masses)


@pytest.mark.parametrize("graph", ["log_prob", "sample"])
@pytest.mark.parametrize("which", ["plain", "conditional"])
def test_graphs_are_plain(which: str, graph: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(which).path / f"{graph}.onnx"
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == 10
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 18)]
    assert not model.functions
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"
        assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    for holder in (model, model.graph, *model.graph.node, *model.graph.initializer, *model.graph.input):
        assert not holder.metadata_props
        assert not holder.doc_string
    data = path.read_bytes()
    for trace in (b".py", b"/home", b"/root", b"/tmp", b"torch.nn"):
        assert trace not in data


def test_the_lean_form_has_few_nodes(plain: Exported) -> None:
    """A layer is two Linears with their activations, two heads, and five small nodes."""
    model = onnx.load(plain.path / "log_prob.onnx")
    kinds = [node.op_type for node in model.graph.node]
    layers = plain.flow.arguments["transforms"]
    # Two more sum the features: of the log-determinants, and of what stands squared at the end.
    assert kinds.count("Gemm") == 4 * layers + 2
    assert kinds.count("Softsign") == kinds.count("Exp") == layers
    assert kinds.count("Sum") == kinds.count("Squeeze") == 1
    assert not {"Split", "Slice", "ScatterElements", "Concat", "Where", "Abs", "Div", "Pow", "Gather"} & set(kinds)
    # Sub of the mean, the squares, and what is counted above.
    assert len(kinds) == 11 * layers + 6
    integers = [each for each in model.graph.initializer if each.data_type == onnx.TensorProto.INT64]
    assert all(list(each.dims) == [1] for each in integers)  # the axis of Squeeze, which the standard wants so


def test_masks_cost_no_node(conditional: Exported) -> None:
    kinds = {node.op_type for node in onnx.load(conditional.path / "log_prob.onnx").graph.node}
    assert kinds == {"Sub", "Concat", "Gemm", "Relu", "Softsign", "Mul", "Exp", "Add", "Sum", "Squeeze"}


def test_two_exports_are_the_same_bytes(plain: Exported, tmp_path: Path) -> None:
    for name in ("one", "two"):
        flowexport.export(plain.flow, tmp_path / name, plain.x, name="same")
    first, second = (contents(tmp_path / name) for name in ("one", "two"))
    assert first == second


def test_the_flow_is_left_as_it_was(tmp_path: Path) -> None:
    flow = small_flow(features=2)
    before = {key: value.clone() for key, value in flow.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    flowexport.export(flow, tmp_path / "bundle")
    assert torch.equal(torch.randn(3), expected)
    assert all(torch.equal(before[key], value) for key, value in flow.state_dict().items())


def test_flow_json_says_what_the_model_is(conditional: Exported) -> None:
    manifest = json.loads((conditional.path / "flow.json").read_text())
    assert manifest["format"] == "flowexport/1"
    assert manifest["event_shape"] == [5]
    assert manifest["context_size"] == 2
    assert manifest["context_features"] == [{"name": "c0"}, {"name": "c1"}]
    assert manifest["architecture"]["arguments"]["randmask"] is True
    assert manifest["reference"]["rows"] == len(conditional.x)
    np.testing.assert_allclose(manifest["scale"], conditional.x.std(axis=0))
    golden = np.load(conditional.path / "golden/x.npy")
    assert golden.dtype == np.float32
    assert len(golden) == 1000
    assert np.load(conditional.path / "golden/log_prob.npy").dtype == np.float64
    assert {case["error"] for case in manifest["golden"]["cases"] if "error" in case} == {
        "wrong_shape",
        "missing_context",
    }


def test_flow_json_keeps_the_figures_of_its_proof(conditional: Exported) -> None:
    figures = json.loads((conditional.path / "flow.json").read_text())["verified"]
    report = flowexport.verify(conditional.path, device="cpu", engine="onnxruntime")
    found = {check.subject: check.figure for check in report.checks if check.name in ("parity", "direction")}
    kept = {each["subject"]: each["figure"] for each in figures if each["check"] in ("parity", "direction")}
    assert kept.keys() == found.keys()
    np.testing.assert_allclose(list(kept.values()), [found[subject] for subject in kept], rtol=0.01, atol=1e-12)
    assert all(each["figure"] <= each["bound"] for each in figures if "bound" in each)


def test_the_golden_rows_are_the_flows_word_in_float64(conditional: Exported) -> None:
    """Against autograd: log_prob_of_sample is base(z) − ln |det ∂x/∂z|, the determinant taken by brute force."""
    flow = copy.deepcopy(conditional.flow).double()
    z = torch.from_numpy(np.load(conditional.path / "golden/z.npy")[:5]).double()
    context = torch.from_numpy(np.load(conditional.path / "golden/context.npy")[:5]).double()
    found = np.load(conditional.path / "golden/log_prob_of_sample.npy")[:5]
    for row in range(5):
        sample = partial(flow.inverse_and_log_det, context=context[row])
        jacobian = torch.autograd.functional.jacobian(lambda each, sample=sample: sample(each)[0], z[row])
        base = torch.distributions.Normal(0.0, 1.0).log_prob(z[row]).sum()
        expected = base - torch.linalg.slogdet(jacobian).logabsdet
        np.testing.assert_allclose(found[row], expected.item(), rtol=1e-10)


def test_weights_come_along_on_request(plain: Exported, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    flowexport.export(plain.flow, tmp_path / "bundle", weights=True)
    state = load_file(tmp_path / "bundle" / "model.safetensors")
    assert all(torch.equal(state[key], value) for key, value in plain.flow.state_dict().items())
    assert "model.safetensors" in open_bundle(tmp_path / "bundle").manifest.files


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"data": np.zeros((5, 3))}, "data"),
        ({"data": np.full((5, 2), np.nan)}, "data"),
        ({"context": np.zeros((5, 2))}, "context"),
        ({"features": ["a"]}, "features"),
        ({"features": ["a", "a"]}, "features"),
        ({"dtype": "float16"}, "dtype"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_by_name(
    plain: Exported, tmp_path: Path, arguments: dict[str, Any], name: str
) -> None:
    with pytest.raises(ArgumentError, match=f"^{name}: "):
        flowexport.export(plain.flow, tmp_path / "bundle", **arguments)
    assert not list(tmp_path.iterdir())


def test_a_flow_that_float32_cannot_hold_is_not_exported(tmp_path: Path) -> None:
    """Ten layers with output weights three times as large: the proof fails, and nothing is written."""
    from flowexport.errors import CheckFailed

    flow = small_flow(features=4, transforms=10)
    with torch.no_grad():
        for coupling in flow.stack.couplings:
            coupling.conditioner.heads["log_scale"].weight *= 12
            coupling.conditioner.heads["shift"].weight *= 12
    with pytest.raises(CheckFailed, match="not exported"):
        flowexport.export(flow, tmp_path / "bundle")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", zoo_names())
@pytest.mark.thorough
def test_every_model_of_the_zoo_is_proved(name: str) -> None:
    report = flowexport.verify(name, device="cpu")
    assert report.passed
    folder = open_bundle(name).path
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 2 << 20


def test_banana_is_within_two_hundredths_of_a_nat_of_the_truth() -> None:
    """Mean of log p_true − log p_model over 100,000 held-out rows, x₂ ~ N(0, 4), x₁ | x₂ ~ N(x₂²/4, 1)."""
    generator = np.random.default_rng(20_240_101)
    second = 2 * generator.standard_normal(100_000)
    first = second**2 / 4 + generator.standard_normal(100_000)
    truth = -0.5 * (first - second**2 / 4) ** 2 - second**2 / 8 - np.log(2 * np.pi) - np.log(2)
    found = flowexport.load("banana", device="cpu").log_prob(np.stack([first, second], axis=1))
    excess = (truth - found).mean()
    assert -1e-3 < excess <= 0.02
    assert abs(-truth.mean() - (np.log(2 * np.pi * np.e) + np.log(2))) < 0.02


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
