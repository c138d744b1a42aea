"""Samples by many processes: the rows of one long draw, in files of equal length."""

from __future__ import annotations

__all__ = ["Sampler", "sample_files"]

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flowexport.errors import DataError
from flowexport.runtime.categories import columns_of
from flowexport.tables import open_writer

from .folder import job_folder
from .pieces import PIECE_ROWS
from .scoring import model_of
from .session import session

if TYPE_CHECKING:
    from flowexport.tables.columns import ColumnData

FILE_ROWS = 2 * PIECE_ROWS
"""Rows of a file, 1,048,576: whatever the number of workers, so that the same seed gives the same files."""

MOST_FILES = 1_000_000
"""Of one folder."""


@dataclass(frozen=True)
class Sampler:
    """One draw, for a process that has nothing of it yet.

    Arguments:
        bundle: its path, or its name in the zoo.
        digest: of it, so that all processes have the same.
        count: rows for each context.
        seed: of the noise.
        temperature: of it.
        contexts: ``[m][context]``, or None.
    """

    bundle: str
    digest: str
    count: int
    seed: int
    temperature: float
    contexts: tuple[tuple[float, ...], ...] | None

    @property
    def rows(self) -> int:
        """Of the whole draw."""
        return self.count * (1 if self.contexts is None else len(self.contexts))


@dataclass(frozen=True)
class SamplePiece:
    """Draws some rows.

    Arguments:
        sampler: how.
        rows: which of the draw.
        target: where they go, under a temporary name until they are whole.
    """

    sampler: Sampler
    rows: range
    target: Path

    def run(self) -> None:
        """Writes them."""
        sampler = self.sampler
        model = model_of(sampler.bundle, sampler.digest)
        contexts = None if sampler.contexts is None else np.array(sampler.contexts)
        drawn = model.iterate_samples(sampler.count, contexts, sampler.seed, sampler.temperature, self.rows)
        features = [] if contexts is None else model.context_features
        names = [*model.features, *(feature.name for feature in features)]
        with open_writer(self.target, names, model.dtype) as writer:
            for rows in drawn:
                first = self.rows.start + writer.rows
                beside: list[ColumnData] = []
                if contexts is not None:
                    of_rows = contexts[np.arange(first, first + len(rows)) // sampler.count]
                    beside = columns_of(features, of_rows, named=True)
                writer.write(*rows.reshape(len(rows), -1).T, *beside)


def sample_files(
    sampler: Sampler,
    output: Path,
    *,
    address: str | None = None,
    workers: int | None = None,
    resume: bool = False,
    advance: Callable[[int, int], object] = lambda done, of: None,
) -> None:
    """Writes a draw into a folder, in Parquet files whose names are in the order of its rows.

    Arguments:
        sampler: the draw.
        output: the folder.
        address, workers: of the cluster, as `session` takes them.
        resume: whether a job that was begun there is taken up.
        advance: is told how many files are done, and of how many.

    Raises:
        DataError: for a folder that cannot be written to, or holds another job.
    """
    starts = range(0, sampler.rows, FILE_ROWS) or range(1)
    if len(starts) > MOST_FILES:
        raise DataError(f"-n: {sampler.rows:,} rows are more than {MOST_FILES:,} files of {FILE_ROWS:,}")
    names = [f"samples-{index:06}-of-{len(starts):06}.parquet" for index in range(len(starts))]
    job = {"verb": "sample", **asdict(replace(sampler, bundle=""))}
    # What cannot be is found out here, and not by each worker.
    contexts = None if sampler.contexts is None else np.array(sampler.contexts)
    model_of(sampler.bundle, sampler.digest).sample(0, contexts, sampler.seed, sampler.temperature)
    with job_folder(output, job, names, resume) as folder, session(address, workers) as cluster:
        waiting = deque(
            SamplePiece(sampler, range(start, min(start + FILE_ROWS, sampler.rows)), folder.target(name))
            for start, name in zip(starts, names, strict=True)
            if not folder.target(name).exists()
        )
        of = len(waiting)
        for done, _ in enumerate(cluster.run(waiting), 1):
            advance(done, of)
