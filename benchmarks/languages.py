"""The programs of all languages side by side: python benchmarks/languages.py [--model MODEL].

Prints a Markdown table: lines of code of the library that an application embeds, and what `log_prob` takes by the
language's own ``run.sh bench``. A line of code is one that is neither blank nor comment alone: documentation, which
is docstrings in Python, is not counted, nor are tests, examples and the driver that keeps the contract. Languages take
turns; of each figure the best round counts, since whoever else uses the machine can only make it worse.
"""

from __future__ import annotations

import argparse
import ast
import csv
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "runtime_examples"
ROUNDS = 3


@dataclass(frozen=True)
class Language:
    """A folder of runtime_examples.

    Arguments:
        name: as people call it.
        folder: in runtime_examples.
        library: the files of its library part.
        apart: those among them that are not.
    """

    name: str
    folder: str
    library: tuple[str, ...]
    apart: tuple[str, ...] = ()

    @property
    def lines(self) -> int:
        """Lines of code of the library part."""
        here = EXAMPLES / self.folder
        apart = {path for pattern in self.apart for path in here.glob(pattern)}
        files = {path for pattern in self.library for path in here.glob(pattern)} - apart
        return sum(code_lines(path) for path in files)

    def bench(self, bundle: Path) -> dict[int, float]:
        """Rows → µs of a call of log_prob."""
        done = subprocess.run(
            [EXAMPLES / self.folder / "run.sh", "bench", bundle],
            env=os.environ | {"PYTHON": sys.executable},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        rows = csv.DictReader(done.stdout.splitlines())
        return {int(row["rows"]): float(row["microseconds"]) for row in rows if row["graph"] == "log_prob"}


def code_lines(path: Path) -> int:
    """How many lines of a file are neither blank nor comment alone."""
    text = path.read_text(encoding="utf-8")
    return code_lines_of_python(text) if path.suffix == ".py" else code_lines_of_c(text)


def code_lines_of_python(text: str) -> int:
    """Comments are ``#`` and strings that stand by themselves: those that document."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines)


def code_lines_of_c(text: str) -> int:
    """Comments are ``//``, of any kind, and ``/* */``, as in all languages here but Python.

    Rust's tests lie at the end of a file and end the count.
    """
    count, inside = 0, False
    for line in text.partition("#[cfg(test)]\nmod tests")[0].splitlines():
        rest = line.strip()
        # What stands behind a comment is code; a comment behind code takes nothing from it.
        while rest and (inside or rest.startswith("/*")):
            _, ends, behind = rest.partition("*/")
            inside, rest = not ends, behind.strip()
        count += bool(rest) and not rest.startswith("//")
    return count


SHARED = tuple(f"../node/src/{name}.js" for name in ("category", "errors", "inputs", "manifest", "noise", "schema"))
"""What the browser's library takes from that of Node."""

LANGUAGES = [
    Language("Python", "python", ("flowbundle/*.py",)),
    Language("C11", "c", ("flow/*.[ch]",)),
    Language("C++17", "cpp", ("include/**/*.hpp", "src/*.[ch]pp")),
    Language("Rust", "rust", ("src/**/*.rs",), ("src/bin/**/*",)),
    Language("Go", "go", ("*.go",), ("*_test.go",)),
    Language("Java", "java", ("src/main/java/**/*.java",), ("src/main/java/**/program/*.java",)),
    Language("JavaScript, Node", "node", ("src/*.js",)),
    Language(
        "JavaScript, Chromium",
        "web",
        ("src/*.js", *SHARED),
        tuple(
            f"src/{name}.js"
            for name in ("cells", "contract", "csv", "float32", "golden", "npy", "program", "table", "timing")
        ),
    ),
]


def table(model: str) -> str:
    """The table, in the order of the list."""
    bundle = ROOT / "models" / model / "bundle"
    best: dict[str, dict[int, float]] = {}
    for _ in range(ROUNDS):
        for language in LANGUAGES:
            found = language.bench(bundle)
            known = best.setdefault(language.name, found)
            best[language.name] = {rows: min(found[rows], known[rows]) for rows in found}
    lines = ["| language | library, lines of code | one row, µs | 1,000 rows, ms |", "| --- | ---: | ---: | ---: |"]
    for language in LANGUAGES:
        one, thousand = best[language.name][1], best[language.name][1000]
        link = f"[{language.name}](runtime_examples/{language.folder})"
        lines.append(f"| {link} | {language.lines:,} | {one:.1f} | {thousand / 1000:.2f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Compare the programs of all languages.")
    parser.add_argument("--model", default="banana", help="of the zoo  [default: %(default)s]")
    print(table(parser.parse_args().model), end="")


if __name__ == "__main__":
    main()
