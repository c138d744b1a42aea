"""Rows and programs of all kinds under AddressSanitizer and UBSan: nothing is read or written beyond its bounds."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import flowexport
from flowexport.native.program import MOST_RUNS, program_of
from flowexport.native.read import read_form

from .golden import ROOT, VECTORS, zoo
from .kernel import CODES, LEVELS
from .test_kernel import HOSTILE

ROWS = 60_000
SANITIZE = "-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all"


def kinds(numbers: np.ndarray) -> np.ndarray:
    """Finite, −∞, ∞ or NaN."""
    return np.select([np.isnan(numbers), numbers == np.inf, numbers == -np.inf], [3, 2, 1], 0)


def hostile(width: int, draw: np.random.Generator) -> np.ndarray:
    """Rows of which some numbers, from none to all, are hostile."""
    plain = 3 * draw.normal(size=(ROWS, width))
    chosen = draw.random((ROWS, 1)) < draw.random((ROWS, width))
    return np.where(chosen, draw.choice(HOSTILE, (ROWS, width)), plain).astype(np.float32)


def contexts(model: flowexport.Model, draw: np.random.Generator) -> np.ndarray | None:
    """Hostile ones too, but for the codes of categories."""
    columns = [
        draw.integers(0, len(each.categories), ROWS) if each.categories else draw.choice(HOSTILE, ROWS)
        for each in model.context_features
    ]
    return np.stack(columns, 1).astype(np.float32) if columns else None


@pytest.mark.slow
@pytest.mark.parametrize("name", VECTORS)
def test_a_hostile_row_gets_the_kind_of_density_that_onnx_runtime_gives_it(name: str) -> None:
    draw = np.random.default_rng(1)
    ours, theirs = (flowexport.load(zoo(name).path, "cpu", engine=engine) for engine in ("native", "onnxruntime"))
    x, context = hostile(len(ours.features), draw), contexts(ours, draw)
    np.testing.assert_array_equal(kinds(ours.log_prob(x, context)), kinds(theirs.log_prob(x, context)))


def sanitized(folder: Path) -> None:
    """Builds the module with the sanitizers into a folder."""
    spec = importlib.util.spec_from_file_location("native_build", ROOT / "native" / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    shutil.copytree(ROOT / "native" / "src" / "flowexport_native", folder / "flowexport_native")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CC", "gcc")
        patch.setenv("CFLAGS", SANITIZE)
        hook.build(ROOT / "native" / "kernel", folder / "flowexport_native" / "_kernel.abi3.so")


def keep(name: str, file: Path) -> None:
    """Programs of a model, rows, and what kind of number ONNX Runtime's graphs give each."""
    draw = np.random.default_rng(2)
    model = flowexport.load(zoo(name).path, "cpu", engine="onnxruntime")
    context = contexts(model, draw)
    kept = {} if context is None else {"context": context}
    for graph, width in (("log_prob", len(model.features)), ("sample", model.latent_size)):
        program = program_of(read_form(zoo(name), graph, MOST_RUNS), CODES)
        rows = hostile(width, draw)
        inputs = [rows] if context is None else [rows, context]
        kept |= {f"{graph}_{part}": np.asarray(value) for part, value in vars(program).items()}
        kept[f"{graph}_shape"] = np.array(program.shape, np.int64)
        kept |= {f"{graph}_rows": rows, f"{graph}_kinds": kinds(model.graphs[graph].run(*inputs))}
    np.savez(file, **kept)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcc") is None or not sys.platform.startswith("linux"), reason="needs gcc on Linux")
def test_rows_and_programs_of_all_kinds_are_clean_under_the_sanitizers(tmp_path: Path) -> None:
    sanitized(tmp_path)
    for name in VECTORS:
        keep(name, tmp_path / f"{name}.npz")
    words = ["gcc", "-print-file-name=libasan.so"]
    library = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    environment = os.environ | {
        "LD_PRELOAD": library,
        "PYTHONPATH": str(tmp_path),
        # Python's own memory is not given back at its end.
        "ASAN_OPTIONS": "detect_leaks=0",
        "OMP_NUM_THREADS": "1",
    }
    script = str(Path(__file__).with_name("sanitized.py"))
    done = subprocess.run([sys.executable, script, str(tmp_path)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.splitlines() == [f"{level} clean" for level in LEVELS]
