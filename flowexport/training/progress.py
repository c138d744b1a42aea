"""How far training is, on standard error: a bar in a terminal, a line in a notebook, a line now and then elsewhere."""

from __future__ import annotations

__all__ = ["line_of", "shown"]

import math
import sys
from collections.abc import Iterable, Iterator
from typing import Literal

from flowexport.errors import ArgumentError

from .history import Epoch


def shown(training: Iterable[Epoch], epochs: int, progress: Literal["auto"] | bool) -> Iterator[Epoch]:
    """The epochs of a training, shown as they come.

    Arguments:
        training: gives them.
        epochs: the greatest number of them.
        progress: whether to show them; ``"auto"`` in a terminal and in a notebook alone.

    Raises:
        ArgumentError: for another ``progress``.
    """
    if progress not in ("auto", True, False):
        raise ArgumentError(f'progress: expected "auto", True or False, got {progress!r}')
    if progress is not False and in_notebook():
        yield from in_cell(training, epochs)
    elif progress is not False and sys.stderr is not None and sys.stderr.isatty():
        yield from with_bar(training, epochs)
    elif progress is True:
        yield from in_lines(training, epochs)
    else:
        yield from training


def line_of(epoch: Epoch, epochs: int, best: float) -> str:
    """An epoch as a line."""
    return f"epoch {epoch.epoch} of {epochs}: held-out NLL {epoch.validation_nll:.4f} nats, best {best:.4f}"


def in_notebook() -> bool:
    """Whether this runs in the cell of a notebook, whose kernel has a display."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def in_cell(training: Iterable[Epoch], epochs: int) -> Iterator[Epoch]:
    """One line of the cell's output, which is written anew."""
    display = sys.modules["IPython"].display
    handle, best = None, math.inf
    for epoch in training:
        best = min(best, epoch.validation_nll)
        text = {"text/plain": line_of(epoch, epochs, best)}
        if handle is None:
            handle = display.display(text, raw=True, display_id=True)
        else:
            handle.update(text, raw=True)
        yield epoch


def in_lines(training: Iterable[Epoch], epochs: int) -> Iterator[Epoch]:
    """A line an epoch, in a file for instance."""
    best = math.inf
    for epoch in training:
        best = min(best, epoch.validation_nll)
        print(line_of(epoch, epochs, best), file=sys.stderr, flush=True)
        yield epoch


def with_bar(training: Iterable[Epoch], epochs: int) -> Iterator[Epoch]:
    """A bar that is gone at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    best = math.inf
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=epochs)
        for epoch in training:
            best = min(best, epoch.validation_nll)
            bar.update(task, completed=epoch.epoch, description=f"NLL {epoch.validation_nll:.4f}, best {best:.4f}")
            yield epoch
