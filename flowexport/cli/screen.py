"""What a person sees: tables on standard output, progress on standard error where that is a terminal."""

from __future__ import annotations

__all__ = ["progress", "report_table", "show_table", "waiting"]

import errno
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from flowexport.proof import Report

P = ParamSpec("P")

NARROW = 60
"""Columns of a terminal below which the cells of a row are written one under the other."""

PIPED_WIDTH = 160
"""Columns of a table that goes to a file or another program, where nothing can be asked."""


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> None:
    """Prints a table; a column whose name begins with ``>`` is aligned to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for name in columns:
        table.add_column(name.removeprefix(">"), justify="right" if name.startswith(">") else "left", overflow="fold")
    styles = {"passed": "green", "failed": "bold red", "not run": "yellow", "reported": "cyan"}
    rows = list(rows)
    for row in rows:
        table.add_row(*(Text(cell, style=styles.get(cell, "")) for cell in row))
    console = results()
    if title is not None:
        console.print(title, style="bold", soft_wrap=True)
    if console.width >= NARROW:
        console.print(table)
        return
    for row in rows:
        for name, cell in zip(columns, row, strict=True):
            if cell:
                console.print(Text(f"{name.removeprefix('>')}: {cell}", style=styles.get(cell, "")))
        console.print()


def results() -> Console:
    """Standard output; a reader that left is an error that `main` knows, where rich would end the process with 1."""
    from rich.console import Console

    class Results(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    return Results(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def report_table(report: Report) -> None:
    """Prints a verification: each figure against its bound."""

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.3g}"

    rows = [(c.name, c.subject, number(c.figure), number(c.bound), c.status, c.detail) for c in report.checks]
    title = f"{report.path} on {report.device} by {report.engine}, digest {report.digest}"
    show_table(("check", "subject", ">figure", ">bound", "result", "unit or reason"), rows, title)
    lines = [(f"{c.name}, {c.subject}", line) for c in report.failures for line in (c.worst(), c.cure or "") if line]
    if lines:
        show_table(("failed", "worst row, and the likely cure"), lines)


def progress(*columns: str) -> Progress:
    """A progress bar on standard error, silent where that is no terminal; each step stops where a signal has come.

    Arguments:
        columns: the names of figures to show, given as fields of the task.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from .streams import stop_if_asked

    def heeding(method: Callable[P, None]) -> Callable[P, None]:
        def call(*given: P.args, **named: P.kwargs) -> None:
            stop_if_asked()
            method(*given, **named)

        return call

    class Bar(Progress):
        update = heeding(Progress.update)
        advance = heeding(Progress.advance)

    fields = [TextColumn(f"{name} {{task.fields[{name}]}}") for name in columns]
    console = Console(stderr=True)
    # rich before 14.3 ends a bar that is disabled with an empty line all the same.
    console.quiet = not console.is_terminal
    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        *fields,
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def waiting(message: str) -> AbstractContextManager[object]:
    """A spinner on standard error, silent where that is no terminal."""
    from contextlib import nullcontext

    from rich.console import Console

    console = Console(stderr=True)
    return console.status(message) if console.is_terminal else nullcontext()
