"""The contract of runtime_examples/README.md, held to every language by one battery, through ``run.sh``."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from flowexport.bundle.text import unprintable
from flowexport.runtime import Model
from tests.hostile import HOSTILE, digest_of
from tests.planting import Planted, move_data_outside, nudge_largest_weight

from .conftest import ZOO, Plant, golden_context, manifest_of
from .csv_cases import CSV_CASES
from .languages import ALONE, BUILD_SECONDS, Done, Language

SOURCES = (".c", ".h", ".hpp", ".cpp", ".rs", ".go", ".java", ".js", ".mjs", ".ts", ".py")

NAMES = [*ZOO, "plain", "conditional", "selector", "categorical", "unnamed", "wide"]
SEED = 2**63 + 5

Case = TypeVar("Case")

SCALES = 1e-5
"""Samples of two languages differ by so many standard deviations at most."""

FLIPPED = 1e-4
"""Share of a spline's values that may differ by more: it is steep where rows are few."""


def enough(manifest: dict[str, Any]) -> int:
    """Rows of a sample: more than one block, and of splines so many that the share can be seen."""
    return 11_000 if has_splines(manifest) else 1100


def has_splines(manifest: dict[str, Any]) -> bool:
    return "Spline" in json.dumps(manifest["architecture"])


def table(text: str) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a CSV."""
    header, *rows = csv.reader(io.StringIO(text))
    return header, rows


def numbers(text: str) -> np.ndarray:
    """The rows of a CSV as float64."""
    header, rows = table(text)
    return np.array(rows, np.float64).reshape(len(rows), len(header))


def write_table(columns: Sequence[str], rows: np.ndarray, categories: Mapping[str, Sequence[str]] | None = None) -> str:
    """Rows as CSV; codes of categories by their labels, as tables have them."""
    labels = [(categories or {}).get(column) for column in columns]

    def line(row: Sequence[float]) -> str:
        return ",".join(repr(cell) if of is None else of[int(cell)] for cell, of in zip(row, labels, strict=True))

    return "\n".join([",".join(columns), *map(line, rows.tolist())]) + "\n"


def categories_of(path: Path) -> dict[str, list[str]]:
    """The categories of those context columns that have them."""
    context = manifest_of(path)["context_features"] or []
    return {each["name"]: each["categories"] for each in context if "categories" in each}


def columns_of(path: Path) -> list[str]:
    """The columns that a table of rows needs: features, then context."""
    manifest = manifest_of(path)
    features = manifest["features"] or [f"x{i}" for i in range(len(manifest["scale"]))]
    context = manifest["context_features"] or [{"name": f"c{i}"} for i in range(manifest["context_size"])]
    return [*features, *(each["name"] for each in context)]


def cases_with(path: Path, file: str, row: int | None = None) -> set[str]:
    """The golden cases that expect a file, or one row of it."""
    cases = [case for case in manifest_of(path)["golden"]["cases"] if file in case.get("expected", {}).values()]
    return {case["name"] for case in cases if row is None or row in range(*case["rows"])}


def rows_for(path: Path, model: Model, count: int = 1500) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows that the model calls likely, as float32, more than a block of them, and a context of each."""
    context = golden_context(path)
    if context is not None:
        context = np.resize(context, (count, context.shape[1]))
        return np.concatenate([model.sample(1, row, seed=i) for i, row in enumerate(context)]), context
    return model.sample(count, seed=3), None


def assert_samples_agree(path: Path, found: np.ndarray, expected: np.ndarray) -> None:
    manifest = manifest_of(path)
    expected = expected.reshape(len(expected), -1).astype(np.float64)
    assert found.shape == expected.shape
    bound, allowed = SCALES * np.array(manifest["scale"]), FLIPPED if has_splines(manifest) else 0
    over = ~(np.abs(found - expected) <= bound)
    assert over.mean() <= allowed, f"{over.sum()} of {over.size} differ, the first in row {np.argwhere(over)[0]}"


def assert_refused(done: Done, *words: str) -> None:
    """Exit status 2, and one line on standard error, which has the words."""
    assert (done.status, len(done.errors)) == (2, 1), done
    assert done.errors[0].startswith("flow: ")
    assert unprintable(done.errors[0]) is None, "no terminal obeys it"
    for word in words:
        assert word.lower() in done.errors[0].lower()


def in_pairs(run: Callable[[Case], Done], cases: Mapping[str, Case]) -> dict[str, Done]:
    """Runs many short commands, as many at a time as there are processors: most of each is a program's start."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(cases, pool.map(run, cases.values()), strict=True))


# golden ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_golden_passes(language: Language, bundles: dict[str, Path], name: str) -> None:
    golden = manifest_of(bundles[name])["golden"]
    done = language.run("golden", bundles[name])
    assert (done.status, done.errors) == (0, []), done
    *lines, last = done.lines
    cells = [line.split("\t") for line in lines]
    assert [cell[0] for cell in cells] == [
        *(case["name"] for case in golden["cases"]),
        "log_prob_of_sample",
        *(f"noise {noise['seed']}" for noise in golden["noise"]),
    ]
    assert last == f"passed {len(lines)}, failed 0"
    errors = {case["name"]: case["error"] for case in golden["cases"] if "error" in case}
    for case, found, bound, verdict in cells:
        assert verdict == "passed"
        if case in errors:
            assert (found, bound) == (errors[case], errors[case])
        else:
            assert 0 <= float(found) <= float(bound)


def test_golden_fails_where_a_weight_is_not_the_trained_one(language: Language, plant: Plant) -> None:
    planted = plant("plain")
    planted.edit_graph("sample", nudge_largest_weight)
    done = language.run("golden", planted.path)
    failed = {line.split("\t")[0] for line in done.lines if line.endswith("\tfailed")}
    assert done.status == 1
    assert "noise_1000" in failed
    assert failed <= {"log_prob_of_sample", *cases_with(planted.path, "golden/sample.npy")}
    assert done.lines[-1] == f"passed {len(done.lines) - 1 - len(failed)}, failed {len(failed)}"


def test_golden_names_each_failed_case_with_its_figures(reader: Language, plant: Plant) -> None:
    """A number off by twice its bound, one that is none, another error than expected, a wrong normal."""
    planted = plant("conditional")
    arrays = {name: np.load(planted.path / f"golden/{name}.npy") for name in ("log_prob", "sample", "noise_0")}
    size = abs(arrays["log_prob"][5])
    rounding = np.load(planted.path / "golden/log_prob_rounding.npy")[5]
    bound = 1e-4 + 1e-5 * size + min(4 * rounding, 1e-3 * (1 + size))
    arrays["log_prob"][5] += 2 * bound
    arrays["sample"][2, 1] = np.nan
    arrays["noise_0"].reshape(-1)[7] += np.float32(2e-6)
    for name, array in arrays.items():
        planted.write_array(name, array)

    def other_error(manifest: dict[str, Any]) -> None:
        next(case for case in manifest["golden"]["cases"] if case["name"] == "wrong_width")["error"] = "missing_context"

    planted.edit_manifest(other_error)
    done = reader.run("golden", planted.path)
    assert done.status == 1
    found = {cells[0]: cells[1:3] for cells in (line.split("\t") for line in done.lines) if cells[-1] == "failed"}
    wrong = cases_with(planted.path, "golden/log_prob.npy", 5) | cases_with(planted.path, "golden/sample.npy", 2)
    assert {"data_7", "data_1000", "noise_2", "noise_1000"} <= wrong
    assert set(found) == wrong | {"wrong_width", "noise 0"}
    assert done.lines[-1].endswith(f", failed {len(found)}")
    assert float(found["data_7"][0]) == pytest.approx(2 * bound, rel=0.1)
    assert float(found["data_7"][1]) == pytest.approx(bound, rel=0.01)
    assert float(found["noise 0"][0]) == pytest.approx(2e-6, rel=0.3)
    assert found["wrong_width"] == ["wrong_shape", "missing_context"]


# score ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_flowexports(
    language: Language, bundles: dict[str, Path], models: dict[str, Model], name: str
) -> None:
    """Columns shuffled, others among them."""
    path, model = bundles[name], models[name]
    x, context = rows_for(path, model)
    rows = np.concatenate([each.reshape(len(x), -1) for each in (x, context) if each is not None], axis=1)
    columns, order = [*columns_of(path), "other"], np.random.default_rng(1).permutation(rows.shape[1] + 1)
    rows = np.concatenate([rows, np.full((len(rows), 1), np.nan)], axis=1)[:, order]
    text = write_table([columns[i] for i in order], rows, categories_of(path))
    done = language.run("score", path, rows=text)
    assert done.status == 0, done.errors
    expected = model.log_prob(x, context)
    found = numbers(done.out)
    # WebAssembly rounds otherwise, so that a spline's scores are as near as the golden cases have to be.
    rtol, atol = (1e-5, 1e-4) if language.folder == "web" and has_splines(manifest_of(path)) else (1e-6, 1e-5)
    np.testing.assert_allclose(found[:, 0], expected, rtol=rtol, atol=atol)
    if name == "unnamed":
        assert done.lines[0] == "log_prob"
        assert len(done.errors) == 1
    else:
        assert (done.lines[0], done.errors) == ("log_prob,percentile", [])
        scores = found[:, 0] if name == "wide" else np.float32(found[:, 0])
        np.testing.assert_allclose(found[:, 1], model.percentile(scores), rtol=0, atol=1e-9)


def test_numbers_are_the_shortest_text_that_reads_back_the_same(reader: Language, bundles: dict[str, Path]) -> None:
    samples = reader.run("sample", bundles["breast_cancer"], 40, 1).out
    scores = reader.run("score", bundles["breast_cancer"], rows=samples).out
    texts = [cell for row in table(samples)[1] for cell in row]
    assert [text for text in texts if digits(text) != digits(str(np.float32(text)))] == []
    for log_prob, percentile in table(scores)[1]:
        assert digits(log_prob) == digits(str(np.float32(log_prob)))
        assert digits(percentile) == digits(repr(float(percentile)))


def test_a_bundle_of_float64_keeps_all_its_digits(
    language: Language, bundles: dict[str, Path], models: dict[str, Model]
) -> None:
    """What flowexport says in float64, printed in the shortest text that reads back the same."""
    path, model = bundles["wide"], models["wide"]
    samples = language.run("sample", path, 40, 1, 0.7, "--context", "1,0.3")
    assert (samples.status, samples.errors) == (0, [])
    np.testing.assert_allclose(numbers(samples.out), model.sample(40, [1, 0.3], 1, 0.7), rtol=0, atol=1e-6)
    cells = [cell for row in table(samples.out)[1] for cell in row]
    assert [cell for cell in cells if digits(cell) != digits(repr(float(cell)))] == []
    assert sum(len(digits(cell)) > 12 for cell in cells) > len(cells) / 2
    x, context = numbers(samples.out), np.array([[1, 0.3]] * 40)
    done = language.run("score", path, rows=write_table(columns_of(path), np.concatenate([x, context], axis=1)))
    assert (done.status, done.errors) == (0, [])
    np.testing.assert_allclose(numbers(done.out)[:, 0], model.log_prob(x, context), rtol=1e-11, atol=1e-11)
    # Beyond float32, and within float64.
    far = language.run("score", path, rows=f"{','.join(columns_of(path))}\n1e39,0,0,0,0,0,0\n")
    assert (far.status, far.errors) == (0, [])


def digits(text: str) -> str:
    """The significant digits of a number."""
    return re.sub(r"[eE].*|[-+.]", "", text).strip("0")


# Tables that readers of CSV read differently


@pytest.fixture(scope="module")
def tables(reader: Language, bundles: dict[str, Path]) -> dict[str, Done]:
    """What became of each table of csv_cases.toml."""
    return in_pairs(lambda case: reader.run("score", bundles[case.bundle], rows=case.table), CSV_CASES)


@pytest.mark.parametrize("name", CSV_CASES)
def test_a_table_is_read_in_one_way_or_refused(
    tables: dict[str, Done], bundles: dict[str, Path], models: dict[str, Model], name: str
) -> None:
    done, case = tables[name], CSV_CASES[name]
    if case.rows is None:
        assert_refused(done, *case.refused)
        return
    assert (done.status, done.errors) == (0, []), done.errors
    model, width = models[case.bundle], len(manifest_of(bundles[case.bundle])["scale"])
    rows = np.array(case.rows, np.float32).reshape(len(case.rows), width + model.context_size)
    expected = model.log_prob(rows[:, :width], rows[:, width:] if model.context_size else None)
    np.testing.assert_allclose(numbers(done.out)[:, 0], expected, rtol=1e-6, atol=1e-5)


# sample ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "seed"), [(1, 0), (1000, 1), (1000, SEED), (100_003, 0)])
def test_samples_are_flowexports(
    language: Language, bundles: dict[str, Path], models: dict[str, Model], count: int, seed: int
) -> None:
    done = language.run("sample", bundles["banana"], count, seed)
    assert (done.status, done.errors, done.out[:6]) == (0, [], "x1,x2\n")
    assert_samples_agree(bundles["banana"], numbers(done.out), models["banana"].sample(count, seed=seed))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "banana"])
def test_samples_of_every_bundle_are_flowexports(
    language: Language, bundles: dict[str, Path], models: dict[str, Model], name: str
) -> None:
    """At a temperature that float32 rounds and a selector does not take; a context that begins with a minus."""
    path = bundles[name]
    context = golden_context(path)
    count = enough(manifest_of(path))
    arguments: list[object] = [count, SEED, 0.7]
    if context is not None:
        context = context[(context[:, 0] < 0).argmax()]
        arguments += ["--context", ",".join(map(str, context.tolist()))]
    done = language.run("sample", path, *arguments)
    assert (done.status, done.errors) == (0, []), done.errors
    header = columns_of(path)[: len(manifest_of(path)["scale"])]
    assert table(done.out)[0] == header
    assert_samples_agree(path, numbers(done.out), models[name].sample(count, context, SEED, 0.7))


def test_a_context_may_be_named_by_its_category(language: Language, bundles: dict[str, Path]) -> None:
    first = language.run("sample", bundles["categorical"], 3, 0, 0.5, "--context", "good,-1.5")
    assert (first.status, len(first.lines)) == (0, 4), first.errors
    assert first.out == language.run("sample", bundles["categorical"], 3, 0, 0.5, "--context", "1,-1.5").out


def test_a_context_whose_labels_are_numbers_is_no_code(language: Language, bundles: dict[str, Path]) -> None:
    by_label = language.run("sample", bundles["numbered"], 3, 0, 0.5, "--context", "2.0,-1.5")
    assert (by_label.status, len(by_label.lines)) == (0, 4), by_label.errors
    assert by_label.out == language.run("sample", bundles["categorical"], 3, 0, 0.5, "--context", "1,-1.5").out
    assert_refused(language.run("sample", bundles["numbered"], 3, 0, "--context", "0,-1.5"), "grade", "0")


def test_no_rows_are_a_header(language: Language, bundles: dict[str, Path]) -> None:
    done = language.run("sample", bundles["banana"], 0, 2**64 - 1)
    assert (done.status, done.lines, done.errors) == (0, ["x1,x2"], [])


def test_temperature_nought_gives_one_row(language: Language, bundles: dict[str, Path]) -> None:
    done = language.run("sample", bundles["banana"], 3, 5, 0)
    assert done.status == 0
    assert len(set(done.lines[1:])) == 1


# mistakes of the caller -----------------------------------------------------------------------------------

CELLS = "x0,x1,x2,x3,x4,cut,angle\n0,0,0,0,0,good,0\n0,0,0,0,0,{},0\n"

MISTAKES: dict[str, tuple[list[str], str, list[str]]] = {
    "a row beyond the first block": (["score", "banana"], "x1,x2\n" + "1,2\n" * 2000 + "1,?\n", ["row 2001", "x2"]),
    "code below nought": (["score", "categorical"], CELLS.format("-1"), ["row 2", "cut", "-1"]),
    "rows below nought": (["sample", "banana", "-1", "0"], "", ["-1"]),
    "half a row": (["sample", "banana", "1.5", "0"], "", ["1.5"]),
    "seed below nought": (["sample", "banana", "1", "-1"], "", ["-1"]),
    "seed above 64 bits": (["sample", "banana", "1", str(2**64)], "", [str(2**64)]),
    "seed in hex": (["sample", "banana", "1", "0x1"], "", ["0x1"]),
    "temperature no number": (["sample", "banana", "1", "0", "warm"], "", ["warm"]),
    "temperature below nought": (["sample", "banana", "1", "0", "-0.5"], "", ["-0.5"]),
    "temperature not a number": (["sample", "banana", "1", "0", "nan"], "", ["nan"]),
    "no seed": (["sample", "banana", "1"], "", ["usage"]),
    "an argument too many": (["sample", "banana", "1", "0", "1", "2"], "", ["usage"]),
    "context no number": (["sample", "conditional", "1", "0", "--context", "1,two"], "", ["context", "two"]),
    "context infinite": (["sample", "conditional", "1", "0", "--context", "1,inf"], "", ["context", "inf"]),
    "no command": ([], "", ["usage"]),
    "no such command": (["forecast", "banana"], "", ["usage"]),
    "no bundle": (["golden"], "", ["usage"]),
    "bench of two": (["bench", "banana", "conditional"], "", ["usage"]),
    "no such folder": (["golden", "nowhere"], "", ["nowhere"]),
}
"""What is asked, with what on standard input, and words of the answer. The second word is a bundle's name."""

MISFITS: dict[str, tuple[list[str], str, list[str]]] = {
    "code of a category": (["score", "categorical"], CELLS.format("1"), ["row 2", "cut", "1"]),
    "name of no category": (["score", "categorical"], CELLS.format("best"), ["row 2", "cut", "best"]),
    "code above the categories in a table": (["score", "categorical"], CELLS.format("3"), ["row 2", "cut", "3"]),
    "code between categories": (["score", "categorical"], CELLS.format("0.5"), ["row 2", "cut", "0.5"]),
    "context unasked for": (["sample", "banana", "1", "0", "--context", "1"], "", ["context"]),
    "context missing": (["sample", "conditional", "1", "0"], "", ["context"]),
    "context missing, no rows": (["sample", "conditional", "0", "0"], "", ["context"]),
    "context too short": (["sample", "conditional", "1", "0", "--context", "1"], "", ["context"]),
    "context's code of no category": (["sample", "categorical", "1", "0", "--context", "3,1"], "", ["cut", "3"]),
    "context's name of no category": (["sample", "categorical", "1", "0", "--context", "best,1"], "", ["cut", "best"]),
}
"""The same, of what a library refuses."""


def make_mistake(language: Language, bundles: dict[str, Path], mistake: tuple[list[str], str, list[str]]) -> Done:
    arguments, rows, _ = mistake
    return language.run(*(bundles.get(each, each) for each in arguments), rows=rows)


@pytest.fixture(scope="module")
def mistakes(reader: Language, bundles: dict[str, Path]) -> dict[str, Done]:
    """What became of each."""
    return in_pairs(lambda mistake: make_mistake(reader, bundles, mistake), MISTAKES)


@pytest.fixture(scope="module")
def misfits(language: Language, bundles: dict[str, Path]) -> dict[str, Done]:
    """What became of each."""
    return in_pairs(lambda mistake: make_mistake(language, bundles, mistake), MISFITS)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_in_one_line(mistakes: dict[str, Done], mistake: str) -> None:
    (arguments, _, words) = MISTAKES[mistake]
    assert_refused(mistakes[mistake], *words)
    # A long table is answered as it comes; what was answered before the bad row stays.
    assert len(mistakes[mistake].lines) <= (2001 if arguments[:1] == ["score"] else 0)


@pytest.mark.parametrize("misfit", MISFITS)
def test_what_does_not_fit_the_model_is_named_in_one_line(misfits: dict[str, Done], misfit: str) -> None:
    assert_refused(misfits[misfit], *MISFITS[misfit][2])
    assert misfits[misfit].lines == []


# faults of a bundle ---------------------------------------------------------------------------------------


def flip_byte(planted: Planted, name: str) -> None:
    data = bytearray((planted.path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (planted.path / name).write_bytes(data)


def set_key(planted: Planted, path: str, value: object) -> None:
    *parents, last = path.split(".")

    def edit(node: Any) -> None:
        for part in parents:
            node = node[int(part) if isinstance(node, list) else part]
        if value is KeyError:
            del node[last]
        else:
            node[int(last) if isinstance(node, list) else last] = value

    planted.edit_manifest(edit)


def list_file(planted: Planted, name: str) -> None:
    """Lists a file by a name that must not be followed; what it leads to is there, and has the right hash."""
    (planted.path / name).write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    planted.edit_manifest(lambda manifest: manifest["files"].update({name: empty}))


def link_out(planted: Planted) -> None:
    file = planted.path / "golden/z.npy"
    file.symlink_to(file.rename(planted.path.parent / "outside.npy"))


def write_text(planted: Planted, text: str) -> None:
    (planted.path / "flow.json").write_text(text, encoding="utf-8")


def fortran(planted: Planted) -> None:
    np.save(planted.path / "golden/z.npy", np.asfortranarray(np.load(planted.path / "golden/z.npy")))
    planted.rehash()


def truncate(planted: Planted, name: str) -> None:
    planted.write(name, (planted.path / name).read_bytes()[:-4])


FAULTS: dict[str, tuple[Callable[[Planted], object], list[str]]] = {
    "graph missing": (lambda p: (p.path / "sample.onnx").unlink(), ["sample.onnx"]),
    "array missing": (lambda p: (p.path / "golden/z.npy").unlink(), ["golden/z.npy"]),
    "flow.json missing": (lambda p: (p.path / "flow.json").unlink(), ["flow.json"]),
    "byte flipped in a graph": (lambda p: flip_byte(p, "log_prob.onnx"), ["log_prob.onnx", "hash"]),
    "byte flipped in an array": (lambda p: flip_byte(p, "golden/x.npy"), ["golden/x.npy", "hash"]),
    "byte flipped in an unused file": (
        lambda p: (list_file(p, "notes.txt"), (p.path / "notes.txt").write_text("?")),
        ["notes.txt", "hash"],
    ),
    "another major format": (lambda p: set_key(p, "format", "flowexport/2"), ["format", "flowexport/2"]),
    "format missing": (lambda p: set_key(p, "format", KeyError), ["format"]),
    "another type than the graphs'": (lambda p: set_key(p, "dtype", "float64"), []),
    "a type that no bundle has": (lambda p: set_key(p, "dtype", "float16"), ["dtype", "float16"]),
    "file above the folder": (lambda p: list_file(p, "../x"), ["../x"]),
    "file above a folder below": (lambda p: list_file(p, "golden/../../x"), ["golden/../../x"]),
    "file from the root": (lambda p: list_file(p, f"{p.path.parent}/x"), ["flow.json", "files"]),
    "file with backslashes": (lambda p: list_file(p, "..\\x"), ["x"]),
    "file on a drive": (lambda p: list_file(p, "C:x"), ["C:x"]),
    "graph above the folder": (lambda p: set_key(p, "graphs.sample.file", "../plain/sample.onnx"), ["sample"]),
    "link out of the folder": (link_out, ["golden/z.npy"]),
    "key missing": (lambda p: set_key(p, "graphs.sample", KeyError), ["flow.json", "graph", "sample"]),
    "no graph that a reader knows": (
        lambda p: p.edit_manifest(lambda m: m.update(graphs={"latent": m["graphs"]["sample"]})),
        ["flow.json", "graphs", "log_prob or sample"],
    ),
    "case of a graph that is not there": (
        lambda p: set_key(p, "golden.cases.0.graph", "score"),
        ["flow.json", "golden.cases[0].graph", "score"],
    ),
    "text for a number": (lambda p: set_key(p, "latent_size", "2"), ["flow.json", "latent_size"]),
    "fraction for a whole number": (lambda p: set_key(p, "context_size", 0.5), ["flow.json", "context_size"]),
    "list for an object": (lambda p: set_key(p, "files", []), ["flow.json", "files"]),
    "object for a list": (lambda p: set_key(p, "golden.cases", {}), ["flow.json", "golden.cases"]),
    "null for an object": (lambda p: set_key(p, "tolerance", None), ["flow.json", "tolerance"]),
    "number for text": (lambda p: set_key(p, "golden.cases.0.name", 5), ["flow.json", "golden.cases", "name"]),
    "text for truth": (lambda p: set_key(p, "selector", "no"), ["flow.json", "selector"]),
    "too few quantiles": (lambda p: set_key(p, "reference.log_prob_quantiles", [0.0]), ["log_prob_quantiles"]),
    "scale of another width": (lambda p: set_key(p, "scale", [1.0]), ["flow.json", "scale"]),
    "a width beyond memory": (lambda p: set_key(p, "event_shape", [2**31 - 1] * 3), ["flow.json"]),
    "a latent beyond memory": (lambda p: set_key(p, "latent_size", 2**31 - 1), []),
    "rows beyond the array": (lambda p: set_key(p, "golden.cases.0.rows", [0, 10**6]), ["rows"]),
    "seed above 64 bits": (lambda p: set_key(p, "golden.noise.0.seed", str(2**64)), ["seed"]),
    "no JSON": (lambda p: write_text(p, '{"format": '), ["flow.json"]),
    "no object": (lambda p: write_text(p, "[]"), ["flow.json"]),
    "nested deeply": (lambda p: write_text(p, "[" * 200_000), ["flow.json"]),
    "five MiB of flow.json": (lambda p: os.truncate(p.path / "flow.json", 5 << 20), ["flow.json"]),
    "array truncated": (lambda p: truncate(p, "golden/z.npy"), ["golden/z.npy"]),
    "array empty": (lambda p: p.write("golden/z.npy", b""), ["golden/z.npy"]),
    "array of whole numbers": (lambda p: p.write_array("z", np.zeros((1000, 2), np.int32)), ["golden/z.npy"]),
    "array column by column": (fortran, ["golden/z.npy"]),
    "graph truncated": (lambda p: truncate(p, "sample.onnx"), ["sample.onnx"]),
    "graph with its data in another file": (lambda p: p.edit_graph("sample", move_data_outside), ["sample.onnx"]),
    "graph of the other direction": (
        lambda p: p.write("log_prob.onnx", (p.path / "sample.onnx").read_bytes()),
        ["log_prob"],
    ),
} | HOSTILE


@pytest.fixture(scope="session")
def broken(bundles: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A bundle with each fault."""
    folder = tmp_path_factory.mktemp("broken")
    made = {}
    for number, (fault, (break_it, _)) in enumerate(FAULTS.items()):
        planted = Planted(bundles["plain"], folder / str(number) / "plain")
        break_it(planted)
        made[fault] = planted.path
    return made


@pytest.fixture(scope="module")
def refusals(language: Language, broken: dict[str, Path]) -> dict[str, Done]:
    """What became of each."""
    return in_pairs(lambda path: language.run("golden", path), broken)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_bundle_is_refused_by_what_is_wrong_with_it(refusals: dict[str, Done], fault: str) -> None:
    assert_refused(refusals[fault], *FAULTS[fault][1])
    # A fault of an array may be found when its case comes; that all is well is never said.
    assert not any(line.startswith("passed") for line in refusals[fault].lines)


def test_a_key_of_a_later_version_is_passed_over(language: Language, plant: Plant) -> None:
    planted = plant("plain")
    planted.edit_manifest(lambda manifest: manifest.update(colour={"of": ["the", "graph"]}))
    assert language.run("golden", planted.path).status == 0


def test_a_bundle_is_found_from_the_callers_folder(reader: Language, bundles: dict[str, Path]) -> None:
    path = bundles["banana"]
    done = reader.run("sample", f"./{path.name}", 1, 0, folder=path.parent)
    assert (done.status, len(done.lines)) == (0, 2), done.errors


@pytest.mark.parametrize("command", ["golden", "score", "sample", "bench"])
def test_a_bundle_can_be_pinned(reader: Language, bundles: dict[str, Path], command: str) -> None:
    """Its digest is the SHA-256 of flow.json; another one, and one that is none, are refused."""
    path, numbers = bundles["banana"], ["2", "0"] if command == "sample" else []
    digest = digest_of(path)
    other = digest_of(bundles["plain"])
    done = reader.run(command, path, *numbers, "--digest", digest, rows="x1,x2\n1,2\n")
    assert (done.status, done.errors) == (0, [])
    assert_refused(reader.run(command, path, *numbers, "--digest", other, rows="x1,x2\n1,2\n"), "digest", digest[:12])
    assert_refused(reader.run(command, path, *numbers, "--digest", digest.upper()), "digest")
    assert_refused(reader.run(command, path, *numbers, "--digest", digest[:12]), "digest")
    assert_refused(reader.run(command, path, *numbers, "--digest"), "usage")


# the rest -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["banana", "conditional"])
def test_bench_gives_four_medians(reader: Language, bundles: dict[str, Path], name: str) -> None:
    done = reader.run("bench", bundles[name])
    assert (done.status, done.errors) == (0, [])
    header, rows = table(done.out)
    assert header == ["graph", "rows", "microseconds"]
    found = {(graph, int(count)): float(microseconds) for graph, count, microseconds in rows}
    assert set(found) == {("log_prob", 1), ("log_prob", 1000), ("sample", 1), ("sample", 1000)}
    assert len(rows) == 4
    for graph in ("log_prob", "sample"):
        assert 0 < found[graph, 1] < found[graph, 1000] < 1e6


@pytest.mark.parametrize("command", ["golden", "score", "sample", "bench"])
def test_a_full_disk_is_told(reader: Language, bundles: dict[str, Path], command: str) -> None:
    """Output that is cut is no success, whatever the rows of it."""
    numbers = ["200000", "0"] if command == "sample" else []
    with open("/dev/full", "wb") as full:
        done = reader.run(command, bundles["banana"], *numbers, rows="x1,x2\n1,2\n", out=full.fileno())
    assert_refused(done)


def test_a_reader_that_has_had_enough_is_no_failure(reader: Language, bundles: dict[str, Path]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = reader.run("sample", bundles["banana"], 200_000, 0, out=writing)
    finally:
        os.close(writing)
    assert done.errors == []
    assert done.status in (0, -signal.SIGPIPE, 128 + signal.SIGPIPE)


def test_another_digest_is_refused_by_the_library(language: Language, bundles: dict[str, Path]) -> None:
    other = digest_of(bundles["plain"])
    done = language.run("sample", bundles["banana"], 1, 0, "--digest", other)
    assert_refused(done, "digest: expected", other[:12], digest_of(bundles["banana"])[:12])


def test_numbers_too_large_have_no_density(language: Language, bundles: dict[str, Path]) -> None:
    """±3.4e38 is a common "no data"; an alarm below a percentile must see it."""
    rows = "x1,x2\n3.4e38,-3.4e38\n1,2\n-3.4e38,1\n"
    done = language.run("score", bundles["banana"], rows=rows)
    assert (done.status, done.errors) == (0, [])
    assert [[float(cell) for cell in row] for row in table(done.out)[1][::2]] == [[-np.inf, 0], [-np.inf, 0]]
    assert np.isfinite(numbers(done.out)[1]).all()


def test_nothing_is_written_into_the_users_folders(
    language: Language, bundles: dict[str, Path], tmp_path: Path
) -> None:
    """ONNX Runtime would put a device's id under the cache folder; what a program's own tools need is where it was."""
    home, others = tmp_path / "home", tmp_path / "others"
    home.mkdir()
    tools = {"CARGO_HOME": ".cargo", "RUSTUP_HOME": ".rustup", "GOPATH": "go", "GOCACHE": ".cache/go-build"}
    kept = {name: os.environ.get(name, str(Path.home() / folder)) for name, folder in tools.items()}
    settings = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "XDG_CONFIG_HOME": str(others)}
    done = language.run("sample", bundles["banana"], 1, 0, settings=kept | settings)
    assert (done.status, len(done.lines)) == (0, 2), done.errors
    assert [path for path in home.rglob("*") if "onnxruntime" in path.name.lower() or "Microsoft" in path.name] == []


def test_a_path_of_any_letters_is_opened_in_any_locale(
    language: Language, bundles: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "größe 日本 🙂"
    path.symlink_to(bundles["banana"])
    done = language.run("sample", path, 1, 0, settings={"LC_ALL": "C", "LANG": "C"})
    assert (done.status, len(done.lines)) == (0, 2), done.errors


# what an example does by itself ----------------------------------------------------------------------------


def alone(language: Language, *arguments: object, rows: str = "", out: int = subprocess.PIPE) -> Done:
    """Runs an example as on a machine without Python."""
    if not language.driven:
        pytest.skip("its own program keeps the whole contract")
    return language.run(*arguments, rows=rows, out=out, settings=ALONE)


def test_an_example_samples_and_scores_by_itself(
    language: Language, bundles: dict[str, Path], models: dict[str, Model]
) -> None:
    samples = alone(language, "sample", bundles["banana"], 1100, SEED)
    assert (samples.status, samples.errors, samples.lines[0]) == (0, [], "x1,x2")
    assert_samples_agree(bundles["banana"], numbers(samples.out), models["banana"].sample(1100, seed=SEED))
    scores = alone(language, "score", bundles["banana"], rows=samples.out)
    assert (scores.status, scores.errors, scores.lines[0]) == (0, [], "log_prob,percentile")
    found, expected = numbers(scores.out), models["banana"].log_prob(np.float32(numbers(samples.out)))
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(found[:, 1], models["banana"].percentile(np.float32(found[:, 0])), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["numbered", "wide", "unnamed"])
def test_an_example_knows_categories_and_types(
    language: Language, bundles: dict[str, Path], models: dict[str, Model], name: str
) -> None:
    """Columns shuffled, labels in place of codes, rows of float64, no names and no percentiles."""
    path, model = bundles[name], models[name]
    x, context = rows_for(path, model, 30)
    assert context is not None
    columns, rows = columns_of(path), np.float32(np.concatenate([x, context], axis=1))
    order = np.random.default_rng(1).permutation(len(columns))
    text = write_table([columns[i] for i in order], rows[:, order], categories_of(path))
    done = alone(language, "score", path, rows=text)
    assert (done.status, done.errors) == (0, [])
    expected = model.log_prob(rows[:, : x.shape[1]], context)
    np.testing.assert_allclose(numbers(done.out)[:, 0], expected, rtol=1e-6, atol=1e-5)


def test_what_an_example_does_not_do_it_refuses(language: Language, bundles: dict[str, Path]) -> None:
    for rows in ("", "x1\n1\n", "x1,x2\n1\n", "x1,x2\n1,two\n", '"x1",x2\n1,2\n'):
        assert_refused(alone(language, "score", bundles["banana"], rows=rows))
    assert_refused(alone(language, "sample", bundles["conditional"], 1, 0), "context")
    assert_refused(alone(language, "sample", "nowhere", 1, 0), "nowhere")
    assert_refused(alone(language, "golden", bundles["banana"]), "usage", "Python")


def test_an_example_tells_of_a_full_disk(language: Language, bundles: dict[str, Path]) -> None:
    with open("/dev/full", "wb") as full:
        assert_refused(alone(language, "sample", bundles["banana"], 20_000, 0, out=full.fileno()))
        assert_refused(alone(language, "score", bundles["banana"], rows="x1,x2\n1,2\n", out=full.fileno()))


def test_formatter_linter_and_unit_tests_pass(language: Language) -> None:
    done = language.run(script="check.sh", seconds=BUILD_SECONDS)
    assert done.status == 0, "\n".join([*done.lines, *done.errors][-40:])
