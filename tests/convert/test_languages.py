"""The programs of docs/edge.md call a bundle's C from other languages, and say what the bundle says."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

import flowexport
from tests.native.golden import ROOT
from tests.runtime_examples.needs import require

from .builds import convert

PAGE = (ROOT / "docs" / "edge.md").read_text(encoding="utf-8")

COMMANDS = {
    "cpp": (
        "main.cpp",
        ["g++", "-Wall", "-Werror", "-Ibanana_c/src", "main.cpp", "banana_c/libbanana.a", "-o", "main"],
    ),
    "go": ("main.go", ["go", "build", "-o", "main", "main.go"]),
    "rust": ("main.rs", ["rustc", "main.rs", "-L", "banana_c", "-o", "main"]),
}
"""Language of a block → its file, and what builds it."""

NEEDS = {"cpp": "c++", "go": "go", "rust": "cargo"}


@pytest.mark.slow
@pytest.mark.parametrize("language", COMMANDS)
def test_the_program_of_the_page_prints_the_density(language: str, tmp_path: Path) -> None:
    require(language, ["make", "gcc", NEEDS[language]])
    done = convert("banana", "--to", "c", "-o", tmp_path / "banana_c")
    assert done.exit_code == 0, done.output
    subprocess.run(["make", "-s", "-C", str(tmp_path / "banana_c")], check=True)
    (block,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    file, command = COMMANDS[language]
    (tmp_path / file).write_text(block, encoding="utf-8")
    quiet = os.environ | {"GOFLAGS": "-mod=mod", "GO111MODULE": "off"}
    subprocess.run(command, cwd=tmp_path, env=quiet, check=True)
    said = subprocess.run(["./main"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    model = flowexport.load("banana", device="cpu")
    assert float(said) == pytest.approx(model.log_prob(np.float32([[1, 2]]))[0], abs=1e-4)
