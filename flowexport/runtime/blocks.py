"""Rows in blocks: bounded memory, data that stays in cache, and threads over blocks."""

from __future__ import annotations

__all__ = ["BLOCK_ROWS", "Workers", "fit_apart", "rows_a_block", "widest"]

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral

from msgspec import UNSET

from flowexport.bundle.schema import GraphSpec
from flowexport.errors import ArgumentError

from .processors import available_threads
from .threads import together

BLOCK_ROWS = 1024
"""Rows a run. From 512 to 1,024 a row costs least, be layers 64, 128 or 512 wide: an eighth less than at 128, and at
4,096, where the activations of wide layers have left the cache, a sixth less (``python -m benchmarks.block_size``)."""

BLOCK_NUMBERS = 1 << 19
"""Numbers of a hidden layer a run: 2 MiB, what a core's second cache and its share of the third hold."""

BLOCK_PIXELS = 1 << 16
"""Numbers of images a run: hidden images have tens of channels. At 28 × 28 and 32 of them this takes an eighth less
time than 1024 images, and 42 MB in place of 289."""

APART_NUMBERS = 1 << 22
"""Numbers between the operators of a run up to which each operator's result has memory of its own, 16 MiB a thread:
to hand memory on from one to the next is a tenth of a run of one row, and at a thousand rows neither gain nor loss."""

GPU_BLOCKS = 64
"""Blocks of the CPU that make one of a GPU, whose thousands of cores share it."""


def rows_a_block(event_shape: Sequence[int], kind: str = "cpu", width: int = 0) -> int:
    """How many rows of an event make a run.

    Arguments:
        event_shape: of a row.
        kind: of the device.
        width: numbers of a row between two operators at most, where it is known.
    """
    if len(event_shape) == 1:
        few = max(1, min(BLOCK_ROWS, BLOCK_NUMBERS // max(width, 1)))
    else:
        few = max(1, min(BLOCK_ROWS, BLOCK_PIXELS // math.prod(event_shape)))
    return few if kind == "cpu" else GPU_BLOCKS * few


def widest(specs: Iterable[GraphSpec]) -> int:
    """The most numbers of a row between two operators of some graphs, as far as ``flow.json`` tells; else 0."""
    return max((spec.widest or 0 for spec in specs), default=0)


def fit_apart(spec: GraphSpec, rows: int) -> bool:
    """Whether a run of so many rows may keep all that is between its operators; where it is not told, it may not."""
    return spec.between is not UNSET and spec.between * rows <= APART_NUMBERS


class Workers:
    """Threads over blocks of rows.

    Arguments:
        threads: how many run at a time; None takes `available_threads`.
        block_rows: rows of a block.

    Raises:
        ArgumentError: where the number is not at least 1.
    """

    def __init__(self, threads: int | None = None, block_rows: int = BLOCK_ROWS) -> None:
        if threads is not None and (isinstance(threads, bool) or not isinstance(threads, Integral) or threads < 1):
            raise ArgumentError(f"expected a whole number of at least 1, got {threads!r}", key="threads")
        self.asked = None if threads is None else int(threads)
        self.threads = self.asked or available_threads()
        self.block_rows = block_rows

    def over_blocks(self, rows: int, work: Callable[[int, int], None]) -> None:
        """Calls ``work(start, stop)`` for every block of rows, in this thread and others.

        Where one fails, or Ctrl-C comes, no block is begun any more, and none is running when the exception is raised.
        """
        spans = [(start, min(start + self.block_rows, rows)) for start in range(0, rows, self.block_rows)]
        count = min(self.threads, len(spans))
        if count < 2:
            for start, stop in spans:
                work(start, stop)
            return

        # A share of the blocks a thread, not a task a block: ten million rows are ten thousand blocks.
        def share(first: int, stopped: threading.Event) -> None:
            for start, stop in spans[first::count]:
                if stopped.is_set():
                    return
                work(start, stop)

        together(count, share)
