"""The programs of docs/edge.md call a bundle's C from other languages, and say what the bundle says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import flowexport
from tests.native.golden import ROOT
from tests.runtime_examples.needs import require

from .builds import convert

PAGE = (ROOT / "docs" / "edge.md").read_text(encoding="utf-8").partition("## From other languages")[2]

JDK = Path(shutil.which("javac") or "").resolve().parents[1] if shutil.which("javac") else Path()

COMMANDS = {
    "cpp": ["g++ -Wall -Werror -Ibanana_c/src main.cpp banana_c/libbanana.a -o main", "./main"],
    "go": ["go build -o main main.go", "./main"],
    "rust": ["rustc main.rs -L banana_c -o main", "./main"],
    "java": [
        f"gcc -Wall -Wextra -Werror -shared -fPIC -I{JDK}/include -I{JDK}/include/linux -Ibanana_c/src main.c "
        "banana_c/src/banana.c -o libbanana_jni.so",
        "java main.java",
    ],
    "js": ["node main.mjs"],
}
"""Language of a block → what builds it, and what runs it."""

NEEDS = {
    "cpp": ["make", "gcc", "c++"],
    "go": ["make", "gcc", "go"],
    "rust": ["make", "gcc", "cargo"],
    "java": ["make", "gcc", "java"],
    "js": ["clang", "wasm-ld", "node"],
}

SUFFIXES = {"cpp": "cpp", "go": "go", "rust": "rs", "java": "java", "c": "c", "js": "mjs"}


@pytest.mark.slow
@pytest.mark.parametrize("language", COMMANDS)
def test_the_program_of_the_page_prints_the_density(language: str, tmp_path: Path) -> None:
    require(language, NEEDS[language])
    to = "wasm" if language == "js" else "c"
    done = convert("banana", "--to", to, "-o", tmp_path / f"banana_{to}")
    assert done.exit_code == 0, done.output
    if to == "c":
        subprocess.run(["make", "-s", "-C", str(tmp_path / "banana_c")], check=True)
    for of, suffix in SUFFIXES.items():
        block = re.search(rf"^```{of}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
        assert block is not None, of
        (tmp_path / f"main.{suffix}").write_text(block[1], encoding="utf-8")
    settings = os.environ | {"GOFLAGS": "-mod=mod", "GO111MODULE": "off"}
    said = ""
    for command in COMMANDS[language]:
        run = subprocess.run(command.split(), cwd=tmp_path, env=settings, stdout=subprocess.PIPE, text=True, check=True)
        said = run.stdout
    model = flowexport.load("banana", device="cpu")
    assert float(said) == pytest.approx(model.log_prob(np.float32([[1, 2]]))[0], abs=1e-4)
