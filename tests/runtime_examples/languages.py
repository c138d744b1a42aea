"""The programs of runtime_examples, and how to run one."""

from __future__ import annotations

__all__ = ["ALONE", "EXAMPLES", "LANGUAGES", "READERS", "Done", "Language"]

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .needs import require

EXAMPLES = Path(__file__).resolve().parents[2] / "runtime_examples"

SECONDS = 120
"""More than any command takes once the program is built."""

BUILD_SECONDS = 1200
"""More than fetching and building all that a program needs takes, on two busy cores."""

ALONE = {"PYTHON": "no-python"}
"""Settings of a machine without Python, where the example of a language answers by itself."""

ORIGIN = "onnxruntime: "
"""How onnxruntime.sh begins the lines that say which ONNX Runtime it took."""


@dataclass(frozen=True)
class Done:
    """What a command left behind.

    Arguments:
        status: its exit status.
        out: its standard output.
        errors: the lines of its standard error, but those that say which ONNX Runtime was taken.
    """

    status: int
    out: str
    errors: list[str]

    @property
    def lines(self) -> list[str]:
        """The lines of standard output."""
        return self.out.splitlines()


@dataclass(frozen=True)
class Language:
    """One folder of runtime_examples.

    Arguments:
        name: as people call it.
        folder: in runtime_examples.
        needs: executables and headers without which it cannot be built, checked or run.
        driven: whether runtime_examples/driver keeps the contract with it; else its own program does.
    """

    name: str
    folder: str
    needs: tuple[str, ...]
    driven: bool = True

    @property
    def path(self) -> Path:
        """The folder."""
        return EXAMPLES / self.folder

    def require(self) -> None:
        """Skips the test where this machine has not all that it needs; see ``needs.require``."""
        require(self.name, self.needs)

    def run(
        self,
        *arguments: object,
        rows: str | bytes = "",
        script: str = "run.sh",
        seconds: float = SECONDS,
        folder: Path | None = None,
        out: int = subprocess.PIPE,
        settings: Mapping[str, str] | None = None,
    ) -> Done:
        """Runs a script of the folder, by default ``run.sh``, from another folder.

        Arguments:
            out: where standard output goes, if it is not to be kept.
            settings: of the environment, beside those that there are.
        """
        done = subprocess.run(
            [self.path / script, *map(str, arguments)],
            input=rows.encode() if isinstance(rows, str) else rows,
            stdout=out,
            stderr=subprocess.PIPE,
            timeout=seconds,
            cwd=folder or Path(__file__).parent,
            # The Python example runs on the interpreter of the tests.
            env=os.environ | {"PYTHON": sys.executable} | dict(settings or {}),
        )
        errors = [line for line in done.stderr.decode().splitlines() if not line.startswith(ORIGIN)]
        return Done(done.returncode, (done.stdout or b"").decode(), errors)

    def __str__(self) -> str:
        return self.folder


CHECKS = ("clang-format", "cppcheck", "openssl/evp.h")
"""What C and C++ have in common, beside compilers."""

LANGUAGES = [
    Language("Python", "python", ()),
    Language("C11", "c", ("cc", "make", "cjson/cJSON.h", "cmocka.h", *CHECKS)),
    Language("C++17", "cpp", ("c++", "cmake", "ninja", "nlohmann/json.hpp", "gtest/gtest.h", *CHECKS)),
    Language("Rust", "rust", ("cargo",)),
    Language("Go", "go", ("go", "cc")),
    Language("Java", "java", ("java", "mvn")),
    Language("JavaScript", "node", ("node", "npm")),
    Language("browser", "web", ("node", "npm", "chromium"), driven=False),
]

READERS = [
    *(language for language in LANGUAGES if not language.driven),
    *[language for language in LANGUAGES if language.driven][:1],
]
"""Where the contract is kept in another way each: the driver under one language, and what keeps it by itself."""
