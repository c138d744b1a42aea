"""Bundles for the programs of all languages, and the programs that this machine can run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flowexport
from flowexport.bundle import GRAPHS
from flowexport.runtime import Model
from tests.conftest import Exported, rows_of, small_flow
from tests.planting import Planted

from .languages import BUILD_SECONDS, LANGUAGES, READERS, Language

ZOO = {path.parent.name: path for path in sorted(Path(__file__).resolve().parents[2].glob("models/*/bundle"))}

CATEGORIES = [{"name": "cut", "categories": ["fair", "good", "ideal"]}, {"name": "angle"}]
GRADES = [{"name": "grade", "categories": ["1", "2", "10"]}, {"name": "angle"}]

Plant = Callable[[str], Planted]


@pytest.fixture(scope="session", params=LANGUAGES, ids=str)
def language(request: pytest.FixtureRequest) -> Language:
    """Each language in turn, built; skipped where the machine has not what it needs, unless all is required."""
    return built(request.param)


@pytest.fixture(scope="session", params=READERS, ids=str)
def reader(request: pytest.FixtureRequest) -> Language:
    """Each reader of tables and command lines in turn, with a language under it that is built."""
    return built(request.param)


def built(language: Language) -> Language:
    language.require()
    done = language.run("golden", ZOO["banana"], seconds=BUILD_SECONDS)
    assert done.status == 0, done.errors
    return language


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory, plain: Exported, conditional: Exported) -> dict[str, Path]:
    """Name → folder: those of the zoo, and some that show what the zoo may not have.

    ``selector`` is ``plain`` whose last column of noise is said to choose a component; ``categorical`` is ``coded``
    whose first context, a code, is said to be one, ``numbered`` the same with numbers as labels; ``unnamed`` is
    ``conditional`` without names and reference rows; ``wide`` is ``coded`` in float64; ``half_log_prob`` and
    ``half_sample`` are ``conditional``, of one direction each; ``further`` is ``plain`` with a graph, and a case of it,
    by a name that no reader knows.
    """
    folder = tmp_path_factory.mktemp("contract")
    flow = small_flow(seed=2, features=5, context=2)
    x, context = rows_of(flow)
    assert context is not None
    context[:, 0] = np.arange(len(context)) % 3
    flowexport.export(flow, folder / "coded", x, context, name="coded")
    flowexport.export(flow, folder / "wide", x, context, name="wide", dtype="float64")
    made = {"plain": plain.path, "conditional": conditional.path, "coded": folder / "coded", "wide": folder / "wide"}
    for name, source, changes in (
        ("selector", "plain", {"selector": True}),
        ("categorical", "coded", {"context_features": CATEGORIES}),
        ("numbered", "coded", {"context_features": GRADES}),
        ("unnamed", "conditional", {"features": None, "context_features": None, "reference": None}),
    ):
        planted = Planted(made[source], folder / name)
        planted.edit_manifest(lambda manifest, changes=changes: manifest.update(changes))
        made[name] = planted.path
    for graph in GRAPHS:
        made[f"half_{graph}"] = folder / graph
        flowexport.export(conditional.flow, folder / graph, conditional.x, conditional.context, graphs=[graph])
    further = Planted(made["plain"], folder / "further")
    further.edit_manifest(join_graph)
    return ZOO | made | {"further": further.path}


def join_graph(manifest: dict[str, Any]) -> None:
    """A graph of another name, with a bound and a case."""
    graphs, tolerance, cases = manifest["graphs"], manifest["tolerance"], manifest["golden"]["cases"]
    graphs["latent"], tolerance["latent"] = graphs["log_prob"], tolerance["log_prob"]
    cases.append(cases[0] | {"name": "latent_1", "graph": "latent"})


@pytest.fixture
def plant(bundles: dict[str, Path], tmp_path: Path) -> Plant:
    """Copies a bundle, to be tampered with."""
    return lambda name: Planted(bundles[name], tmp_path / name)


@pytest.fixture(scope="session")
def models(bundles: dict[str, Path]) -> dict[str, Model]:
    """What flowexport says of the bundles, in the runtime that the programs have; of codes, as of numbers."""
    paths = bundles | {"categorical": bundles["coded"], "numbered": bundles["coded"]}
    return {name: flowexport.load(path, device="cpu", threads=1, engine="onnxruntime") for name, path in paths.items()}


def manifest_of(path: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((path / "flow.json").read_text(encoding="utf-8"))
    return manifest


def golden_context(path: Path) -> np.ndarray | None:
    """The contexts of the first golden case, ``[rows, context]``, or None."""
    case = next(case for case in manifest_of(path)["golden"]["cases"] if "expected" in case)
    return np.load(path / case["inputs"]["context"]) if "context" in case["inputs"] else None
