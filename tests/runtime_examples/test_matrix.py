"""The matrix in small: engines that are not ONNX Runtime read the graphs unchanged. The whole is `make matrix`."""

import subprocess
import sys
from pathlib import Path

import pytest

MATRIX = Path(__file__).resolve().parents[2] / "runtime_examples" / "matrix"
ENGINES = ("ONNX reference evaluator", "OpenVINO", "OpenCV DNN", "MNN", "emx-onnx-cgen, plain C")
MODELS = ("banana", "mixture", "noisy_ring")
"""Affine couplings, a mixture as base, and splines with a context."""


@pytest.mark.slow
def test_other_engines_pass_the_golden_cases_of_the_zoo(tmp_path: Path) -> None:
    page = tmp_path / "runtimes.md"
    words = [sys.executable, MATRIX, "--only", *ENGINES, "--models", *MODELS, "--output", page]
    done = subprocess.run(words, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    found = {cells[0].removeprefix("| "): [cell.strip(" |") for cell in cells[3:]] for cells in rows}
    for engine in ENGINES:
        assert len(found[engine]) == len(MODELS), text
        assert all(float(ratio) <= 1 for ratio in found[engine]), text
