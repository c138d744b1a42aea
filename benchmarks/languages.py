"""The programs of all languages side by side: python benchmarks/languages.py [--model MODEL].

Prints a Markdown table: lines of the library that an application embeds, and what `log_prob` takes by the
language's own ``run.sh bench``. Languages take turns; of each figure the best round counts, since whoever else
uses the machine can only make it worse.
"""

from __future__ import annotations

import argparse
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
        """Lines of the library part that are not empty, comments among them."""
        here = EXAMPLES / self.folder
        apart = {path for pattern in self.apart for path in here.glob(pattern)}
        files = {path for pattern in self.library for path in here.glob(pattern)} - apart
        return sum(bool(line.strip()) for path in files for line in path.read_text(encoding="utf-8").splitlines())

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


SHARED = tuple(f"../node/src/{name}.js" for name in ("errors", "float32", "manifest", "noise", "npy", "schema"))
"""What the browser's library takes from that of Node."""

LANGUAGES = [
    Language("Python", "python", ("flowbundle/*.py",)),
    Language("C11", "c", ("flow/*.[ch]",)),
    Language("C++17", "cpp", ("include/**/*.hpp", "src/*.[ch]pp")),
    Language("Rust", "rust", ("src/**/*.rs",), ("src/bin/**/*",)),
    Language("Go", "go", ("*.go",), ("*_test.go",)),
    Language("Java", "java", ("src/main/java/**/*.java",), ("src/main/java/**/program/*.java",)),
    Language("JavaScript, Node", "node", ("src/*.js",)),
    Language("JavaScript, Chromium", "web", ("src/*.js", *SHARED), ("src/program.js", "src/table.js", "src/golden.js")),
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
    lines = ["| language | library, lines | one row, µs | 1,000 rows, ms |", "| --- | ---: | ---: | ---: |"]
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
