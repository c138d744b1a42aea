"""Graphs by name: a further one joins by a row and an emitter, and a bundle may hold one direction alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from click.testing import CliRunner

import flowexport
from flowexport.bundle import GRAPHS, GraphKind, open_bundle
from flowexport.bundle.place import require_replaceable
from flowexport.cli.main import main
from flowexport.errors import ArgumentError, BundleError, CheckFailed, ExportError
from flowexport.export import references_from
from flowexport.flows import MultiScaleRealNVP, RealNVP
from flowexport.lowering import EMITTERS, Emitter, evaluate
from flowexport.lowering.graphs import units
from flowexport.lowering.graphs.builder import Builder
from flowexport.lowering.graphs.flow import Walk, inputs_of, parted_exit
from flowexport.lowering.maps import forward
from flowexport.lowering.program import Array, Coupling, Mix, Program, ScaleShift
from flowexport.serving.refusal import Refusal
from flowexport.serving.registry import Registry
from flowexport.serving.settings import Settings
from tests.planting import Planted

ROW = GraphKind("latent", "give latents", "x", "event", "latent", "latent", unit="latent", atol=1e-4, rtol=1e-5)


def says(program: Program, x: Array, context: Array | None, activate: Callable[[str, Array], Array]) -> Array:
    """x → the noise that it is made of."""
    v = (x if program.bounds is None else evaluate.unbounded(program.bounds, x)[0]) - program.mean
    c = evaluate.encoded(program, context)
    for layer in program.layers:
        if isinstance(layer, Coupling):
            moved, _ = forward(layer.map, v[:, layer.moves], *evaluate.parameters_of(layer, v, c, activate))
            v = evaluate.placed(v, layer.moves, moved)
        elif isinstance(layer, ScaleShift):
            v = v * layer.scale + layer.shift
        else:
            v = v @ layer.weight.T + layer.bias if isinstance(layer, Mix) else v[:, layer.order]
    return v[:, np.argsort(program.noise_order)]


def writes(program: Program, dtype: np.dtype[Any]) -> bytes:
    """The one emitter."""
    graph = Builder(dtype)
    x = "x" if program.bounds is None else units.unbounded(graph, program.bounds)[0]
    x = graph.node("Sub", x, graph.numbers("mean", program.mean))
    layers, exit_scale = parted_exit(program)
    walk = Walk(graph, program, units.encoded(graph, program.columns))
    v = graph.node("Mul", walk.join(walk.forward(x, layers)), graph.numbers("exit", exit_scale))
    v = graph.node("Gather", v, graph.whole("order", np.argsort(program.noise_order), np.int32), axis=-1)
    return graph.model("latent", inputs_of(program, "x", program.features), v, "latent", program.features)


def flow_of(context: int = 0) -> RealNVP:
    torch.manual_seed(0)
    flow = RealNVP(
        features=3, context=context, transforms=4, hidden_features=(8,), bounds=[(0, None), (None, None), (None, None)]
    )
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return flow


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph in the table and in that of the emitters: nothing else."""
    monkeypatch.setitem(GRAPHS, "latent", ROW)
    monkeypatch.setitem(EMITTERS, "latent", Emitter(says, writes))


@pytest.mark.usefixtures("joined")
@pytest.mark.parametrize("context", [0, 2])
def test_a_graph_that_joins_is_exported_proved_loaded_and_run_by_its_name(context: int, tmp_path: Path) -> None:
    path, flow = tmp_path / "three", flow_of(context)
    report = flowexport.export(flow, path, graphs=["log_prob", "sample", "latent"])
    proved = [check for check in report.checks if check.subject.startswith("latent, ")]
    assert {check.subject for check in proved} >= {f"latent, latent_{rows}" for rows in (1, 2, 7, 1000)}
    assert all(check.name == "parity" and check.detail == "latent units" for check in proved)
    model = flowexport.load(path, device="cpu")
    given = np.ones(context) if context else None
    z = np.random.default_rng(0).standard_normal((300, 3)).astype(np.float32)
    np.testing.assert_allclose(model.run("latent", model.sample_from(z, given), given), z, atol=1e-4)
    # The flow in torch, which the definition above knows nothing of.
    x = torch.from_numpy(model.sample(50, given, seed=0)).double()
    given_rows = None if given is None else torch.from_numpy(given).expand(50, -1)
    expected, _ = flow.double().forward_and_log_det(x, given_rows)
    found = model.run("latent", x.numpy().reshape(5, 10, 3), given)
    np.testing.assert_allclose(found.reshape(50, 3), expected.detach(), atol=1e-4)


@pytest.mark.usefixtures("joined")
def test_every_verb_goes_by_the_table(tmp_path: Path) -> None:
    path = tmp_path / "three"
    flowexport.export(flow_of(), path, graphs=["latent", "sample"])
    for verb, words in (
        (["verify", str(path)], "latent_1000"),
        (["inspect", str(path), "--all"], "latent.onnx, opset 18"),
        (["bench", str(path), "--rows", "1", "--threads", "1", "--seconds", "0.001"], "latent"),
        (["deploy", "triton", str(path), "-o", str(tmp_path / "triton")], "three_latent"),
    ):
        done = CliRunner().invoke(main, verb)
        assert done.exit_code == 0, done.output
        assert words in done.stdout


@pytest.mark.usefixtures("joined")
def test_a_graph_that_joins_and_says_something_else_is_not_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = Emitter(lambda *given: says(*given) + 1e-2, writes)
    monkeypatch.setitem(EMITTERS, "latent", off)
    with pytest.raises(CheckFailed, match="parity, latent, latent_"):
        flowexport.export(flow_of(), tmp_path / "three", graphs=["latent"])
    assert not (tmp_path / "three").exists()


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with a graph that readers of two do not know."""
    path = tmp_path_factory.mktemp("three") / "three"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(GRAPHS, "latent", ROW)
        patch.setitem(EMITTERS, "latent", Emitter(says, writes))
        flowexport.export(flow_of(), path, graphs=["log_prob", "sample", "latent"])
    return path


def test_a_graph_that_a_reader_does_not_know_is_passed_over(three: Path) -> None:
    report = flowexport.verify(three)
    assert report.passed
    assert ("graph latent", "not run") in [(check.subject, check.status) for check in report.checks]
    model = flowexport.load(three, device="cpu")
    assert list(model.graphs) == ["log_prob", "sample"]
    with pytest.raises(BundleError, match=r"flow\.json: graphs: the bundle holds log_prob and sample alone"):
        model.run("latent", np.zeros((1, 3)))


@pytest.fixture(scope="module", params=["log_prob", "sample"])
def half(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of one direction."""
    path = tmp_path_factory.mktemp("half") / request.param
    flowexport.export(flow_of(2), path, graphs=[request.param])
    return path


def test_a_bundle_of_one_direction_may_be_replaced(half: Path) -> None:
    require_replaceable(half)


def test_a_bundle_of_one_direction_holds_nothing_of_the_other(half: Path) -> None:
    held = open_bundle(half)
    assert {path.name for path in half.glob("*.onnx")} == {f"{half.name}.onnx"}
    assert {case.graph for case in held.manifest.golden.cases} == {half.name} == set(held.manifest.tolerance)
    assert held.manifest.golden.log_prob_of_sample is msgspec.UNSET
    other = "flowexport sample" if half.name == "log_prob" else "flowexport score"
    assert other not in (half / "README.md").read_text()


def test_its_proof_says_what_there_is_nothing_to_prove_of(half: Path) -> None:
    report = flowexport.verify(half)
    assert report.passed
    missing = {check.name: check.detail for check in report.checks if check.status == "not run"}
    assert missing["direction"] == missing["mass"] == "needs both graphs"
    fresh = flowexport.verify(half, references=references_from(flow_of(2), None, None))
    assert fresh.passed
    assert {check.name for check in fresh.checks} >= {"parity", "substance", "rounding"}


def test_a_fault_in_the_graph_that_is_there_is_found(half: Path, tmp_path: Path) -> None:
    planted = Planted(half, tmp_path / "planted")
    name = "sample" if half.name == "sample" else "log_prob"
    planted.write_array(name, open_bundle(half).array(f"golden/{name}.npy") + 1e-2)
    assert "parity" in {check.name for check in flowexport.verify(planted.path).failures}


def test_what_it_cannot_do_is_said_in_a_line(half: Path, tmp_path: Path) -> None:
    model = flowexport.load(half, device="cpu")
    ask: dict[str, Callable[[], object]] = {
        "sample": lambda: model.log_prob(np.ones((2, 3)), np.ones(2)),
        "log_prob": lambda: model.sample(2, np.ones(2)),
    }
    other = "sample" if half.name == "log_prob" else "log_prob"
    line = f"graphs: the bundle holds {half.name} alone, and no {other}, so it cannot {GRAPHS[other].purpose}"
    line += "; flowexport export --graphs log_prob,sample makes one that can"
    with pytest.raises(BundleError, match=line):
        ask[half.name]()
    with pytest.raises(BundleError, match=line):
        model.sample_and_log_prob(2, np.ones(2))
    table = tmp_path / "rows.csv"
    table.write_text("x0,x1,x2,c0,c1\n1,2,3,4,5\n")
    verb = (
        ["sample", str(half), "-n", "2", "--context", "1,2"] if other == "sample" else ["score", str(half), str(table)]
    )
    done = CliRunner().invoke(main, verb)
    assert (done.exit_code, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert line in done.stderr
    shown = CliRunner().invoke(main, ["inspect", str(half)])
    assert f"it cannot {GRAPHS[other].purpose}" in shown.stdout


def test_a_server_has_the_endpoint_of_what_there_is(half: Path) -> None:
    settings = Settings((str(half),), device="cpu")
    registry = Registry(settings, {"model": str(half)})
    assert list(registry.endpoints) == [f"model_{half.name}"]
    other = "sample" if half.name == "log_prob" else "log_prob"
    with pytest.raises(Refusal, match=f"there is no model 'model_{other}'; there is model_{half.name}"):
        registry.endpoint(f"model_{other}")


def test_the_graphs_that_are_asked_for_are_known_and_some(tmp_path: Path) -> None:
    for wrong in ([], ["log_prob", "score"], "log_prob"):
        with pytest.raises(ArgumentError, match=r"graphs: expected some of log_prob, sample, got"):
            flowexport.export(flow_of(), tmp_path / "none", graphs=wrong)


@pytest.mark.usefixtures("joined")
def test_flows_of_images_have_no_other_graphs(tmp_path: Path) -> None:
    flow = MultiScaleRealNVP((1, 4, 4), hidden_channels=2, residual_blocks=0)
    with pytest.raises(ExportError, match="images have log_prob and sample alone"):
        flowexport.export(flow, tmp_path / "images", graphs=["latent"])


def test_a_case_of_a_graph_that_is_not_there_is_refused(half: Path, tmp_path: Path) -> None:
    planted = Planted(half, tmp_path / "planted")
    other = "sample" if half.name == "log_prob" else "log_prob"
    planted.edit_manifest(lambda manifest: manifest["golden"]["cases"][0].update(graph=other))
    with pytest.raises(BundleError, match=rf"golden\.cases\[0\]\.graph: the bundle holds {half.name} alone"):
        open_bundle(planted.path)


def test_a_bundle_without_any_known_graph_or_cases_of_one_is_refused(half: Path, tmp_path: Path) -> None:
    planted = Planted(half, tmp_path / "planted")
    planted.edit_manifest(lambda manifest: manifest["graphs"].update(other=manifest["graphs"].pop(half.name)))
    with pytest.raises(BundleError, match="graphs: expected log_prob or sample, got other"):
        open_bundle(planted.path)
    planted = Planted(half, tmp_path / "bare")
    planted.edit_manifest(lambda manifest: manifest["golden"].update(cases=[]))
    with pytest.raises(BundleError, match=f"golden.cases: needs cases of {half.name}"):
        flowexport.verify(planted.path)
