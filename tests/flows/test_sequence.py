"""A CouplingFlow takes layers in any order, is exact in both directions, and is built again from its arguments."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from flowexport.errors import ArgumentError, CheckpointError
from flowexport.flows import CouplingFlow, HalvesStack, WholeStack, architecture_of, build
from flowexport.training import load_checkpoint
from flowexport.training.checkpoint import Config, save_checkpoint


def coupling(mask: list[int], **arguments: Any) -> dict[str, Any]:
    return {"layer": "Coupling", "mask": [bool(each) for each in mask], "hidden_features": [8]} | arguments


SPLINE = {"name": "RationalQuadraticSpline", "bins": 4}
MIXED: list[dict[str, Any]] = [
    {"layer": "Permutation"},
    coupling([1, 0, 0], univariate=SPLINE, activation="Tanh"),
    {"layer": "BatchNorm", "momentum": 0.2},
    {"layer": "LULinear"},
    coupling([1, 1, 0], hidden_features=[6, 6], residual=True, univariate="ExponentialAffine", activation="SiLU"),
    coupling([0, 1, 0], layer_norm="unbiased", univariate={"name": "Inverse", "univariate": "SigmoidAffine"}),
    {"layer": "Scaling"},
    {"layer": "DiagonalNormal"},
]
HALVES = [coupling([1, 0, 1]), {"layer": "ActNorm"}, coupling([0, 1, 0], hidden_features=[5])]


def flow(layers: list[dict[str, Any]], context: int = 0) -> CouplingFlow:
    torch.manual_seed(0)
    made = CouplingFlow(3, context, layers).double().eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return made


@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("layers", [MIXED, HALVES], ids=["mixed", "halves"])
def test_both_directions_are_exact_by_autograd(layers: list[dict[str, Any]], context: int) -> None:
    made = flow(layers, context)
    x = torch.randn(3, dtype=torch.float64)
    c = torch.randn(context, dtype=torch.float64) if context else None
    u, log_det = made.forward_and_log_det(x, c)
    jacobian = torch.autograd.functional.jacobian(lambda at: made.forward_and_log_det(at, c)[0], x)
    torch.testing.assert_close(log_det, torch.linalg.slogdet(jacobian).logabsdet, rtol=1e-10, atol=1e-10)
    back, minus = made.inverse_and_log_det(u, c)
    torch.testing.assert_close(back, x, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(minus, -log_det, rtol=1e-10, atol=1e-10)


def test_halves_stay_two_tensors_where_they_can() -> None:
    assert isinstance(flow(HALVES).stack, HalvesStack)
    assert isinstance(flow(MIXED).stack, WholeStack)
    assert isinstance(flow([coupling([1, 0, 1]), coupling([1, 0, 1])]).stack, WholeStack)


@pytest.mark.parametrize("layers", [MIXED, HALVES], ids=["mixed", "halves"])
def test_built_again_from_plain_values(layers: list[dict[str, Any]]) -> None:
    made = flow(layers, 2)
    again = build(json.loads(json.dumps(architecture_of(made))))
    assert again.arguments == made.arguments
    again.double().eval().load_state_dict(made.state_dict())
    x, c = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 2, dtype=torch.float64)
    assert torch.equal(again.log_prob(x, c), made.log_prob(x, c))


def test_a_run_folder_keeps_one(tmp_path: Path) -> None:
    made = flow(MIXED).float()
    config = Config("flowexport-run/1", "mixed", architecture_of(made), ["a", "b", "c"], [])
    save_checkpoint(tmp_path, made.state_dict(), config)
    x = torch.randn(5, 3)
    assert torch.equal(load_checkpoint(tmp_path).flow.log_prob(x), made.log_prob(x))


@pytest.mark.parametrize("layers", [MIXED, HALVES], ids=["mixed", "halves"])
def test_its_numbers_are_bounded_before_it_is_built(layers: list[dict[str, Any]], tmp_path: Path) -> None:
    made = flow(layers, 2)
    huge = [*layers, coupling([1, 0, 0], hidden_features=[10**6, 10**6])]
    architecture = {"flow": "CouplingFlow", "arguments": {"features": 3, "context": 0, "layers": huge}}
    save_checkpoint(tmp_path, made.state_dict(), Config("flowexport-run/1", "", architecture, ["a", "b", "c"], []))
    with pytest.raises(CheckpointError, match="larger than the"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "layers: expected a sequence"),
        ("Coupling", "layers: expected a sequence"),
        ([{"layer": "Glow"}], "layers: position 0: expected a mapping with 'layer'"),
        ([coupling([1, 0, 0]), ["ActNorm"]], "layers: position 1: expected a mapping"),
        ([{"layer": ["Coupling"]}], "layers: position 0"),
        ([{"layer": "Coupling"}], "layers: position 0: Coupling: .*mask"),
        ([coupling([1, 0, 0], width=3)], "layers: position 0: Coupling: .*'width'"),
        ([coupling([1, 0])], "masks: layer 0: expected 3 booleans"),
        ([coupling([1, 1, 1])], "masks: layer 0: must keep a feature and move a feature"),
        ([coupling([1, 0, 0], activation="Sine")], "layers: position 0: activation: 'Sine'"),
        ([coupling([1, 0, 0], activation=torch.nn.ReLU)], "layers: position 0: activation: expected one of"),
        ([coupling([1, 0, 0], univariate="Cubic")], "layers: position 0: univariate: 'Cubic'"),
        ([coupling([1, 0, 0], layer_norm="biased")], "layers: position 0: layer_norm"),
        ([coupling([1, 0, 0], layer_norm="unbiased", hidden_features=[1])], "one number has no unbiased variance"),
        ([{"layer": "ActNorm"}, {"layer": "BatchNorm", "decay": 0.1}], "layers: position 1: .*'decay'"),
    ],
)
def test_a_layer_that_cannot_be_is_named_by_its_position(layers: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        CouplingFlow(3, 0, layers)
