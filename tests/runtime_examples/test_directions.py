"""A bundle of one direction, in every language: what it has works, and what it has not is said in flowexport's line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import flowexport
from flowexport.bundle import GRAPHS
from flowexport.errors import BundleError
from flowexport.runtime import Model

from .conftest import golden_context, manifest_of
from .languages import ALONE, Language
from .test_contract import assert_samples_agree, columns_of, numbers, rows_for, table, write_table


@pytest.fixture(scope="module", params=GRAPHS)
def half(request: pytest.FixtureRequest, bundles: dict[str, Path]) -> Path:
    """A bundle of the graph whose name its folder has."""
    return bundles[f"half_{request.param}"]


def scored(path: Path, model: Model) -> tuple[str, np.ndarray]:
    """A table for a bundle, and what its rows' log_prob is by a model of both directions."""
    x, context = rows_for(path, model, 40)
    assert context is not None
    return write_table(columns_of(path), np.concatenate([x, context], axis=1)), model.log_prob(x, context)


def refusal_of(path: Path) -> str:
    """What flowexport says of the graph that the bundle does not hold."""
    model = flowexport.load(path, device="cpu", engine="onnxruntime")
    (absent,) = GRAPHS.keys() - model.graphs.keys()
    with pytest.raises(BundleError) as caught:
        model.require(absent)
    return str(caught.value)


def test_golden_replays_what_is_there(language: Language, half: Path) -> None:
    golden = manifest_of(half)["golden"]
    done = language.run("golden", half)
    assert (done.status, done.errors) == (0, []), done
    assert [line.split("\t")[0] for line in done.lines[:-1]] == [
        *(case["name"] for case in golden["cases"]),
        *(f"noise {noise['seed']}" for noise in golden["noise"]),
    ]
    assert done.lines[-1] == f"passed {len(golden['cases']) + len(golden['noise'])}, failed 0"


def test_what_it_holds_is_that_of_the_whole(
    language: Language, bundles: dict[str, Path], models: dict[str, Model], half: Path
) -> None:
    whole, model = bundles["conditional"], models["conditional"]
    if half.name == "log_prob":
        rows, expected = scored(whole, model)
        done = language.run("score", half, rows=rows)
        assert (done.status, done.errors, done.lines[0]) == (0, [], "log_prob,percentile")
        found = numbers(done.out)
        np.testing.assert_allclose(found[:, 0], expected, rtol=1e-6, atol=1e-5)
        np.testing.assert_allclose(found[:, 1], model.percentile(np.float32(found[:, 0])), rtol=0, atol=1e-9)
    else:
        contexts = golden_context(whole)
        assert contexts is not None
        given = ",".join(map(str, contexts[0].tolist()))
        done = language.run("sample", half, 1100, 5, 0.7, "--context", given)
        assert (done.status, done.errors) == (0, [])
        assert_samples_agree(whole, numbers(done.out), model.sample(1100, contexts[0], 5, 0.7))


def test_what_it_cannot_do_is_said_in_the_words_of_flowexport(
    language: Language, bundles: dict[str, Path], models: dict[str, Model], half: Path
) -> None:
    """With rows and without, and by the example of the language alone."""
    line = f"flow: {refusal_of(half)}"
    assert "so it cannot" in line
    assert line.endswith("makes one that can")
    rows, _ = scored(bundles["conditional"], models["conditional"])
    header = rows.splitlines()[0] + "\n"
    if half.name == "log_prob":
        asked = [language.run("sample", half, count, 0, "--context", "0,0") for count in (0, 2)]
    else:
        asked = [language.run("score", half, rows=given) for given in (header, rows)]
    assert [(done.status, done.lines, done.errors) for done in asked] == [(2, [], [line])] * 2
    if language.driven:
        words = ["sample", half, 2, 0] if half.name == "log_prob" else ["score", half]
        alone = language.run(*words, rows=rows, settings=ALONE)
        assert (alone.status, alone.errors) == (2, [line])


def test_bench_measures_what_is_there(reader: Language, half: Path) -> None:
    done = reader.run("bench", half)
    assert (done.status, done.errors) == (0, [])
    _, rows = table(done.out)
    assert [(graph, int(count)) for graph, count, _ in rows] == [(half.name, 1), (half.name, 1000)]
    assert all(0 < float(microseconds) < 1e6 for _, _, microseconds in rows)


def test_a_graph_of_another_name_is_passed_over(language: Language, bundles: dict[str, Path]) -> None:
    """As are its cases, and all else is as without it."""
    done, plain = (language.run("golden", bundles[name]) for name in ("further", "plain"))
    assert (done.status, done.errors) == (0, [])
    assert done.lines == plain.lines
