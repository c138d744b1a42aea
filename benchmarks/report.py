"""What a comparison comes to: tables, goals met or not, and the command that prints them."""

from __future__ import annotations

__all__ = [
    "NO_GPU",
    "PACKAGES",
    "Comparison",
    "Goal",
    "Report",
    "Table",
    "command",
    "goals_table",
    "microseconds",
    "not_run",
]

import argparse
import json
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flowexport.bench import machine

PACKAGES = (
    "flowexport-native",
    "numpy",
    "onnxruntime",
    "onnxruntime-gpu",
    "torch",
    "zuko",
    "nflows",
    "normflows",
    "openvino",
    "emx-onnx-cgen",
)

NO_GPU = "no GPU on this machine"


@dataclass(frozen=True)
class Goal:
    """A figure against what it should be at least, or at most.

    Arguments:
        item: its number in the list of the project's goals for speed.
        name: what is measured.
        bound: what the figure is held to; None where it is only reported.
        sense: ``≥`` or ``≤``.
        unit: of both, empty for a ratio.
        figure: what was found; None where it was not run.
        reason: why it was not run.
    """

    item: int
    name: str
    bound: float | None
    sense: str = "≥"
    unit: str = ""
    figure: float | None = None
    reason: str = ""

    @property
    def verdict(self) -> str:
        """``met``, ``not met``, ``reported``, or ``not run`` with the reason."""
        if self.figure is None:
            return f"not run: {self.reason}"
        if self.bound is None:
            return "reported"
        return "met" if (self.figure >= self.bound if self.sense == "≥" else self.figure <= self.bound) else "not met"

    def line(self) -> str:
        """A row of the table of goals."""
        unit = f" {self.unit}" if self.unit else " ×"
        figure = "–" if self.figure is None else f"{self.figure:.3g}{unit}" if math.isfinite(self.figure) else "never"
        bound = "–" if self.bound is None else f"{self.sense} {self.bound:.3g}{unit}"
        return f"| {self.item} | {self.name} | {bound} | {figure} | {self.verdict} |"


@dataclass(frozen=True)
class Table:
    """A table of text.

    Arguments:
        title: above it.
        columns: their names; all but the first are aligned to the right.
        rows: their cells.
        notes: below it, for instance why a cell is empty.
    """

    title: str
    columns: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """The table."""
        lines = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)], *self.rows]
        drawn = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        notes = "".join(f"\n- {note}" for note in self.notes)
        return f"### {self.title}\n\n{drawn}\n" + (f"{notes}\n" if notes else "")


@dataclass(frozen=True)
class Report:
    """What one command found.

    Arguments:
        title: of its section.
        how: how it was measured, a few sentences.
        tables, goals: what was found.
        figures: the same for programs.
        seconds: that it took.
    """

    title: str
    how: str
    tables: list[Table]
    goals: list[Goal] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    def markdown(self) -> str:
        """The section."""
        parts = [f"## {self.title}\n", f"{self.how}\n", *(table.markdown() for table in self.tables)]
        if self.goals:
            parts.append(goals_table(self.goals))
        return "\n".join(parts)

    def to_json(self) -> str:
        """The document that `from_json` reads."""
        document = {"machine": machine(PACKAGES), **asdict(self)}
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str) -> Report:
        """Reads what `to_json` wrote."""
        document = json.loads(text)
        del document["machine"]
        document["tables"] = [Table(**each) for each in document["tables"]]
        document["goals"] = [Goal(**each) for each in document["goals"]]
        return Report(**document)


Comparison = Callable[[bool], Report]
"""A comparison: whether to be quick, and what was found."""


def goals_table(goals: list[Goal]) -> str:
    """Goals, each with what was found."""
    head = "| item | goal | bound | found | |\n| ---: | --- | ---: | ---: | --- |\n"
    return head + "\n".join(goal.line() for goal in goals) + "\n"


def not_run(goals: list[Goal], reason: str) -> list[Goal]:
    """The same goals, none of them run."""
    return [Goal(each.item, each.name, each.bound, each.sense, each.unit, None, reason) for each in goals]


def microseconds(value: float) -> str:
    """Three digits or more, and no exponent."""
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def command(compare: Comparison, description: str) -> None:
    """Runs a comparison from the command line, and prints its section as Markdown."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small part in a short time: to see that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    found = compare(given.quick)
    report = Report(
        found.title, found.how, found.tables, found.goals, found.figures, round(time.perf_counter() - started, 1)
    )
    if given.json:
        given.json.write_text(report.to_json(), encoding="utf-8")
    print(", ".join(f"{key} {value}" for key, value in machine(PACKAGES).items()), end="\n\n")
    print(report.markdown())
