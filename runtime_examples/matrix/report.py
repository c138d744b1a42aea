"""The page that the matrix is published as."""

from __future__ import annotations

__all__ = ["Row", "page"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from replay import Result

HEAD = """\
# Runtimes

<!-- Made by `make matrix`. -->

The golden cases of every bundle of the zoo, its files unchanged, in every runtime that this machine can have. A
number is the greatest difference from the trained model in float64 over all cases and both graphs, in units of the
bound that `flowexport verify` holds it to: up to 1 it passes. Below the table is the reason of each that does not.
"""

FOOT = """\
**Batch**: some runtimes know one size of batch only, which is fixed when the graph is loaded or compiled; the cases
were cut into blocks of that size and the last block was filled up. The programs are those of
[runtime_examples](../runtime_examples/README.md), by their own `golden`. The others are installed from PyPI, each into
an environment of its own, and run without a network: [how](../runtime_examples/matrix/README.md).
"""


@dataclass(frozen=True)
class Row:
    """One runtime.

    Arguments:
        name, version: of the runtime.
        batch: ``any``, or the one size that it knows.
        results: model → what became of it.
    """

    name: str
    version: str
    batch: str
    results: Mapping[str, Result]


def page(rows: Sequence[Row], models: Sequence[str]) -> str:
    """The Markdown document."""
    faults: list[str] = []
    lines = [
        f"| runtime | version | batch | {' | '.join(models)} |",
        f"| --- | --- | --- |{' ---: |' * len(models)}",
    ]
    for row in rows:
        cells = [cell(row, model, faults) for model in models]
        lines.append(f"| {row.name} | {row.version or '–'} | {row.batch} | {' | '.join(cells)} |")
    passed = [str(sum(not row.results[model].fault for row in rows)) for model in models]
    lines.append(f"| **passed, of {len(rows)}** | | | {' | '.join(passed)} |")
    parts = [HEAD, "\n".join(lines) + "\n", FOOT]
    if faults:
        parts += ["## Why some do not pass\n", "\n".join(f"{i}. {fault}" for i, fault in enumerate(faults, 1)) + "\n"]
    return "\n".join(parts)


def cell(row: Row, model: str, faults: list[str]) -> str:
    """A number, or where the reason is; reasons that are the same have one number."""
    result = row.results[model]
    if not result.fault:
        return f"{result.ratio:.2g}"
    said = f"{row.name}: {result.fault.replace('|', chr(92) + '|')}"
    if said not in faults:
        faults.append(said)
    figure = "" if result.ratio is None else f"{result.ratio:.2g}, "
    return f"{figure}[{faults.index(said) + 1}](#why-some-do-not-pass)"
