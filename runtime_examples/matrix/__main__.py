"""``python runtime_examples/matrix``: replays the zoo's golden cases in every runtime and writes docs/runtimes.md."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = Path(__file__).resolve().parent / "work"
# The driver of all languages reads the bundles and judges what the runtimes give.
sys.path.insert(1, str(ROOT / "runtime_examples"))

from driver.bundle import Bundle, open_bundle  # noqa: E402
from environments import EnvironmentFault, make_environment, version_of  # noqa: E402
from replay import Result, replay_apart, replay_program  # noqa: E402
from report import Row, page  # noqa: E402
from runtimes import PROGRAMS, RUNTIMES, Program, Runtime  # noqa: E402


def row_of_program(program: Program, bundles: dict[str, Bundle]) -> Row:
    """A program's results."""
    results = {model: replay_program(program, bundle) for model, bundle in bundles.items()}
    return Row(program.name, program.version(), "any", results)


def row_of_runtime(runtime: Runtime, bundles: dict[str, Bundle]) -> Row:
    """A runtime's results, in an environment that is gone afterwards."""
    folder, batch = WORK / runtime.adapter, str(runtime.block or "any")
    try:
        python = make_environment(runtime, folder)
        version = version_of(python, runtime)
        results = {model: replay_apart(runtime, python, bundle) for model, bundle in bundles.items()}
    except (EnvironmentFault, subprocess.SubprocessError) as error:
        return Row(runtime.name, "", batch, dict.fromkeys(bundles, Result(None, f"cannot be installed: {error}")))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Row(runtime.name, version, batch, results)


def rows_of(chosen: Sequence[Program | Runtime], bundles: dict[str, Bundle]) -> Iterator[Row]:
    """Every row, told on standard error as it comes."""
    for each in chosen:
        row = row_of_program(each, bundles) if isinstance(each, Program) else row_of_runtime(each, bundles)
        told = [f"{model} {result.fault or format(result.ratio, '.2g')}" for model, result in row.results.items()]
        print(f"{row.name} {row.version}:", "; ".join(told), file=sys.stderr, flush=True)
        yield row


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Run the golden cases of the zoo in every runtime.")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="runtimes whose name has one of these words")
    parser.add_argument("--models", nargs="+", metavar="MODEL", help="models of the zoo  [default: all]")
    parser.add_argument("--output", type=Path, help="[default: docs/runtimes.md, or standard output with --only]")
    given = parser.parse_args()
    folders = {path.parent.name: path for path in sorted(ROOT.glob("models/*/bundle"))}
    words = [word.lower() for word in given.only or [""]]
    chosen = [each for each in (*PROGRAMS, *RUNTIMES) if any(word in each.name.lower() for word in words)]
    with tempfile.TemporaryDirectory() as name:
        # A copy: all runtimes are to see the same files, though a model be exported anew meanwhile.
        copies = {model: shutil.copytree(folders[model], Path(name) / model) for model in given.models or folders}
        bundles = {model: open_bundle(str(path), None) for model, path in copies.items()}
        document = page(list(rows_of(chosen, bundles)), list(bundles))
    output = given.output or (None if given.only or given.models else ROOT / "docs" / "runtimes.md")
    if output is None:
        print(document)
    else:
        output.write_text(document, encoding="utf-8")


if __name__ == "__main__":
    main()
