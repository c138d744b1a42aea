"""docs/embed.md and every language's README: each program in them runs, and gives the numbers that it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import flowexport

from .conftest import ZOO
from .languages import BUILD_SECONDS, EXAMPLES, LANGUAGES, Language

ROOT = EXAMPLES.parent
PAGE = (ROOT / "docs" / "embed.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?:<!-- file: (\S+) -->\n)?^```([\w,]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

ENDINGS = {
    "python": "py",
    "c": "c",
    "cpp": "cpp",
    "rust": "rs",
    "go": "go",
    "java": "java",
    "node": "mjs",
    "web": "html",
}
"""Folder → the ending of a program's file."""

FENCES = ENDINGS | {"python": "python", "rust": "rust", "node": "js"}
"""Folder → the word that begins a program in its README."""


def sections() -> dict[str, str]:
    """Heading → text, of the page."""
    parts = re.split(r"^## (.*)\n", PAGE, flags=re.MULTILINE)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def about(language: Language) -> list[tuple[str, str, str]]:
    """The blocks of the section about a language: file, kind, text."""
    (text,) = [text for text in sections().values() if f"runtime_examples/{language.folder}/snippet.sh" in text]
    return BLOCK.findall(text)


def run_commands(commands: str, folder: Path) -> str:
    """Runs commands of the page as one does who stands in the repository, with the page's files in ``folder``."""
    for name in ("runtime_examples", "models"):
        commands = re.sub(rf"(?<!\S){name}/", f"{ROOT / name}/", commands)
    done = subprocess.run(
        ["bash", "-euc", commands],
        cwd=folder,
        env=os.environ | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def numbers(text: str) -> np.ndarray:
    """A number a line."""
    return np.array([float(line) for line in text.splitlines()])


def test_the_promised_numbers_are_flowexports() -> None:
    ((_, kind, promised),) = BLOCK.findall(sections()[""])
    model = flowexport.load(ZOO["banana"], device="cpu")
    assert kind == "text"
    np.testing.assert_allclose(numbers(promised), model.log_prob(model.sample(3, seed=0)), atol=1e-5)


def test_every_program_of_the_page_is_run() -> None:
    """No block is of a kind that no test runs; every language has a section."""
    ran = [block for language in LANGUAGES for block in about(language)]
    shown = [block for heading, text in sections().items() if heading for block in BLOCK.findall(text)]
    assert len(shown) == len(ran) + 1  # and the command of the next test
    for file, kind, text in ran:
        assert kind == "sh" or file, text
    commands = "".join(text for _, kind, text in ran if kind == "sh")
    assert [file for file, _, _ in ran if file and f" {file} " not in commands] == []


def test_the_page_begins_with_a_check_that_passes(tmp_path: Path) -> None:
    ((_, kind, commands),) = BLOCK.findall(sections()["Before you start"])
    assert kind == "sh"
    assert run_commands(commands, tmp_path).endswith(", failed 0\n")


def test_the_page_gives_the_promised_numbers(language: Language, tmp_path: Path) -> None:
    promised = numbers(BLOCK.findall(sections()[""])[0][2])
    found = []
    for file, kind, text in about(language):
        if file:
            (tmp_path / file).write_text(text, encoding="utf-8")
        if kind == "sh":
            found.append(numbers(run_commands(text, tmp_path)))
    assert len(found) == 1
    np.testing.assert_allclose(found[0], promised, rtol=0, atol=1e-5)


def test_the_program_of_the_readme_runs(language: Language, tmp_path: Path) -> None:
    readme = (language.path / "README.md").read_text(encoding="utf-8")
    program = next(text for _, kind, text in BLOCK.findall(readme) if kind.split(",")[0] == FENCES[language.folder])
    file = tmp_path / f"program.{ENDINGS[language.folder]}"
    file.write_text(program, encoding="utf-8")
    done = language.run(file, ZOO["banana"], script="snippet.sh", seconds=BUILD_SECONDS)
    assert done.status == 0, done.errors
    assert re.search(r"-?\d+\.\d+", done.out)


@pytest.mark.parametrize("folder", [language.folder for language in LANGUAGES])
def test_every_language_is_listed_and_linked(folder: str) -> None:
    assert f"](../runtime_examples/{folder}/README.md)" in PAGE
    assert f"]({folder})" in (EXAMPLES / "README.md").read_text(encoding="utf-8")
