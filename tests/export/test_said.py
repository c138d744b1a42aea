"""`verify --checkpoint`: what a bundle says beside numbers is the run folder's, and so are its graphs, node by node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from flowexport.bundle import open_bundle
from flowexport.export import export_checkpoint, said
from flowexport.flows import architecture_of
from flowexport.proof.checks import Check
from flowexport.training import Checkpoint
from flowexport.training.checkpoint import FORMAT, Config
from tests.conftest import small_flow
from tests.planting import Planted, append_node

KINDS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def trained() -> Checkpoint:
    """A flow of two features, given a category and a number."""
    flow = small_flow(features=2, context=2, categories=[3, 0], transforms=2, hidden_features=(4,))
    config = Config(FORMAT, "said", architecture_of(flow), ["u", "v"], ["kind", "angle"], categories={"kind": KINDS})
    return Checkpoint(flow, config, None, None, "")


@pytest.fixture(scope="module")
def bundle(trained: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("said") / "bundle"
    export_checkpoint(trained, path)
    return path


def test_a_bundle_of_the_run_folder_is_the_same_byte_for_byte(trained: Checkpoint, bundle: Path) -> None:
    checks = said.said_checks(open_bundle(bundle), trained)
    assert [check.subject for check in checks] == [
        "names", "weights", "log_prob, exported afresh", "sample, exported afresh",
    ]  # fmt: skip
    assert [check.status for check in checks] == ["passed"] * 4
    assert {check.detail for check in checks[2:]} == {"byte for byte the same"}


def constant_changed(factor: float) -> Callable[[onnx.ModelProto], None]:
    """One number of the largest weight is multiplied."""

    def edit(model: onnx.ModelProto) -> None:
        weights = [each for each in model.graph.initializer if len(each.dims) == 2]
        array = numpy_helper.to_array(weights[0]).copy()
        array.flat[np.abs(array).argmin()] += np.float32(factor * np.abs(array).max())
        weights[0].CopyFrom(numpy_helper.from_array(array, weights[0].name))

    return edit


def one_node_more(model: onnx.ModelProto) -> None:
    """A node that changes no number."""
    append_node(model, "Add", numpy_helper.from_array(np.zeros((), np.float32), "nothing"))


def versions_of_another(manifest: dict) -> None:  # type: ignore[type-arg]
    manifest["provenance"]["torch"] = "2.10.0"


PLANTED: dict[str, tuple[Callable[[Planted], object], str, str]] = {
    "a feature of another name": (
        lambda planted: planted.edit_manifest(lambda manifest: manifest.update(features=["v", "u"])),
        "names",
        "failed",
    ),
    "categories in another order": (
        lambda planted: planted.edit_manifest(lambda manifest: manifest["context_features"][0]["categories"].reverse()),
        "names",
        "failed",
    ),
    "a context of another name": (
        lambda planted: planted.edit_manifest(lambda manifest: manifest["context_features"][1].update(name="angel")),
        "names",
        "failed",
    ),
    "steps that training knew nothing of": (
        lambda planted: planted.edit_manifest(lambda manifest: manifest.update(discrete={"u": 1.0})),
        "names",
        "failed",
    ),
    "other weights": (
        lambda planted: planted.edit_manifest(lambda manifest: manifest["provenance"].update(weights_sha256="0" * 64)),
        "weights",
        "failed",
    ),
    "a flow of another name": (
        lambda planted: planted.edit_manifest(lambda manifest: manifest["architecture"].update(flow="NICE")),
        "names",
        "failed",
    ),
    "another argument of the flow": (
        lambda planted: planted.edit_manifest(
            lambda manifest: manifest["architecture"]["arguments"].update(activation="Tanh")
        ),
        "names",
        "failed",
    ),
    "weights of no name": (
        lambda planted: planted.edit_manifest(lambda manifest: manifest["provenance"].pop("weights_sha256")),
        "weights",
        "failed",
    ),
    "a node more, which changes no number": (
        lambda planted: planted.edit_graph("sample", one_node_more),
        "sample, exported afresh",
        "failed",
    ),
    "a constant, less than parity sees": (
        lambda planted: planted.edit_graph("log_prob", constant_changed(1e-5)),
        "log_prob, exported afresh",
        "failed",
    ),
    "the last bits of a constant, as another processor has them": (
        lambda planted: planted.edit_graph("log_prob", constant_changed(1e-7)),
        "log_prob, exported afresh",
        "passed",
    ),
    "another version's graphs": (
        lambda planted: planted.edit_manifest(versions_of_another),
        "graphs, exported afresh",
        "not run",
    ),
}


@pytest.mark.parametrize("case", PLANTED)
def test_what_is_not_the_run_folders_is_seen(trained: Checkpoint, bundle: Path, tmp_path: Path, case: str) -> None:
    plant, subject, status = PLANTED[case]
    planted = Planted(bundle, tmp_path / "bundle")
    plant(planted)
    checks = said.said_checks(open_bundle(planted.path), trained)
    others: list[Check] = [check for check in checks if check.subject != subject]
    (found,) = [check for check in checks if check.subject == subject]
    assert found.status == status, found
    assert found.detail != "byte for byte the same"
    assert {check.status for check in others} == {"passed"}
