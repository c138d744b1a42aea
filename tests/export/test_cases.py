"""About forty flows of every kind, exported; the gate of export is the proof, and the graphs keep to the contract."""

import copy

import numpy as np
import onnx
import pytest
import torch

import flowexport
from flowexport.flows import Flow
from tests.flows.cases import CHOSEN, PAIRS, Choice, context
from tests.reference_page import reference_flow

EXPORTED = dict(zip(list(PAIRS)[:36], CHOSEN, strict=False))
"""Of the paired flows those that come first: greedy choice lets the most pairs meet early."""


def covering(flows: dict[str, Choice]) -> list[str]:
    """A few of the flows that meet every value of every option that any of them has, by greedy choice."""
    unmet = {(option, repr(value)) for chosen in flows.values() for option, value in chosen.items()}
    taken: list[str] = []
    while unmet:
        met = {name: unmet & {(option, repr(value)) for option, value in flows[name].items()} for name in flows}
        taken.append(max(met, key=lambda name: len(met[name])))
        unmet -= met[taken[-1]]
    return taken


FEW = covering(EXPORTED)
"""Exported in every loop; the others take minutes."""

FORBIDDEN = {"If", "Loop", "Scan", "Shape", "NonZero", "Range"}


def gentle(name: str) -> Flow:
    """A paired flow in units of its own, near enough to the identity that float32 keeps its digits."""
    torch.manual_seed(0)
    flow = PAIRS[name]().double()
    with torch.no_grad():
        for coupling in flow.stack.couplings:
            network = getattr(coupling.conditioner, "network", coupling.conditioner)
            for head in network.heads.values():
                for parameter in head.parameters() if hasattr(head, "parameters") else [head]:
                    parameter *= 0.15
    return flow.float().eval()


@pytest.mark.parametrize("name", [*FEW, *(pytest.param(n, marks=pytest.mark.slow) for n in EXPORTED if n not in FEW)])
def test_it_is_exported_and_its_bundle_is_the_flow(name, tmp_path):
    flow = gentle(name)
    with torch.no_grad():
        c = context(flow, 300)
        x = flow(c).sample() if c is not None else flow().sample((300,))
    report = flowexport.export(flow, tmp_path / "bundle", x, c)
    assert report.passed
    model = flowexport.load(tmp_path / "bundle", device="cpu", threads=1)
    exact = copy.deepcopy(flow).double()
    with torch.no_grad():
        expected = exact.log_prob(x.double(), None if c is None else c.double()).numpy()
    found = model.log_prob(x.numpy(), None if c is None else c.numpy())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
    for graph in ("log_prob", "sample"):
        nodes = onnx.load(tmp_path / "bundle" / f"{graph}.onnx").graph.node
        assert not {node.op_type for node in nodes} & FORBIDDEN


def test_the_exported_flows_meet_every_value_of_every_option():
    for option in CHOSEN[0]:
        everywhere = {repr(chosen[option]) for chosen in CHOSEN}
        assert {repr(EXPORTED[name][option]) for name in FEW} == everywhere, option


def test_outside_the_support_the_graph_says_minus_infinity(tmp_path):
    torch.manual_seed(0)
    flow = reference_flow(3, hidden_features=(8,), bounds=[(0, None), (-1, 1), (None, None)]).eval()
    flowexport.export(flow, tmp_path / "bundle")
    model = flowexport.load(tmp_path / "bundle", device="cpu")
    inside = [1.0, 0.5, 0.0]
    outside = [[0.0, 0.5, 0], [-1.0, 0.5, 0], [1.0, -1.0, 0], [1.0, 1.0, 0], [1.0, 7.0, 0], [-1e30, 1e30, 0]]
    found = model.log_prob(np.array([inside, *outside], np.float32))
    assert np.isfinite(found[0])
    assert (found[1:] == -np.inf).all()
    assert np.isnan(model.log_prob(np.array([[np.nan, 0.5, 0.0]], np.float32))).all()
    x = model.sample(5000, seed=0, temperature=2.0)
    assert (x[:, 0] >= 0).all()
    assert (np.abs(x[:, 1]) <= 1).all()
