"""Scores of many files, each by a process of its own, and large ones by several."""

from __future__ import annotations

__all__ = ["Scorer", "score_files"]

import shutil
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from flowexport.runtime import Model, load
from flowexport.runtime.ranks import ranks_of
from flowexport.runtime.scoring import Counts, Missing, Scoring, require_kept
from flowexport.tables import Dialect, Table, import_arrow, open_table, open_writer, sources_of

from .folder import JobFolder, job_folder
from .pieces import cut, named_inputs, rows_of, stamp
from .session import session

AS_FOUND = Dialect()
"""Of text tables: what their first lines say."""


@dataclass(frozen=True)
class Scorer:
    """How rows are scored, for a process that has nothing of it yet.

    Arguments:
        bundle: its path, or its name in the zoo.
        digest: of it, so that all processes have the same.
        context: one for all rows, in place of columns.
        flag, calibrate: as `ranks_of` takes them.
        dialect: of text tables.
        missing: what becomes of rows without a value, as `Scoring` takes it.
        keep: whether all columns of a table are written beside its scores.
        ids: these, where not all are.
    """

    bundle: str
    digest: str
    context: tuple[float, ...] | None = None
    flag: float | None = None
    calibrate: tuple[int, int] | None = None
    dialect: Dialect = AS_FOUND
    missing: Missing = "refuse"
    keep: bool = False
    ids: tuple[str, ...] = ()

    def scoring(self, table: Table) -> Scoring:
        """What scores a table, on one thread.

        Raises:
            DataError: for a column to keep that is not there, or is called as one that is added.
        """
        model = model_of(self.bundle, self.digest)
        ranks = ranks_of(model, self.flag, self.calibrate)
        context = None if self.context is None else np.array(self.context)
        kept = list(self.ids or (table.columns if self.keep else ()))
        require_kept(table, kept, ["log_prob", *ranks.columns])
        return Scoring(model, ranks, context, self.missing, kept)


@lru_cache(maxsize=1)
def model_of(bundle: str, digest: str) -> Model:
    """The model of a process, which is kept from task to task."""
    return load(bundle, "cpu", 1, digest=digest)


@dataclass(frozen=True)
class ScorePiece:
    """Scores a file, or some of its rows.

    Arguments:
        scorer: how.
        path: the file.
        rows: which; None for all.
        target: where the scores go, under a temporary name until they are whole.
        name: of the file that they are of.
    """

    scorer: Scorer
    path: Path
    rows: range | None
    target: Path
    name: str

    def run(self) -> Counts:
        """Writes them, and counts, for `Scoring.add`."""
        (source,) = sources_of([self.path])
        table = open_table(replace(source, rows=self.rows), self.scorer.dialect)
        scoring = self.scorer.scoring(table)
        self.target.parent.mkdir(parents=True, exist_ok=True)
        dtype = scoring.model.dtype if len(scoring.names) == 1 else np.float64
        with open_writer(self.target, scoring.names, dtype) as writer:
            scoring.typed = not writer.text
            for found in scoring.blocks(table):
                writer.write(*found)
        return scoring.counts()


@dataclass(frozen=True)
class Join:
    """Puts the parts of a file together, in their order.

    Arguments:
        parts: the files.
        target: the whole.
    """

    parts: Sequence[Path]
    target: Path

    def run(self) -> None:
        """Writes the whole, and removes the parts."""
        _, parquet = import_arrow("parquet")
        if self.target.exists():
            return  # a worker died behind its work
        schema = parquet.read_schema(self.parts[0])
        dtype = schema.field(0).type.to_pandas_dtype() if len(schema) == 1 else np.float64
        with open_writer(self.target, schema.names, dtype) as writer:
            for part in self.parts:
                for batch in parquet.ParquetFile(part).iter_batches():
                    writer.write(*batch.columns)
        shutil.rmtree(self.parts[0].parent, ignore_errors=True)


def score_files(
    scorer: Scorer,
    rows: Sequence[Path],
    output: Path,
    *,
    address: str | None = None,
    workers: int | None = None,
    resume: bool = False,
    advance: Callable[[int, int], object] = lambda done, of: None,
) -> Scoring:
    """Writes the scores of each file into a folder, under the file's own name, rows in order.

    Arguments:
        scorer: how.
        rows: files, and folders of them.
        output: the folder.
        address, workers: of the cluster, as `session` takes them.
        resume: whether a job that was begun there is taken up.
        advance: is told how many pieces are done, and of how many.

    Returns:
        What is to be said of the rows that were scored now.

    Raises:
        DataError: for the first row or file that cannot be scored; what is done by then stays.
    """
    inputs = named_inputs(rows)
    # A wrong column is said before a cluster is started.
    table = open_table(next(iter(inputs.values())), scorer.dialect)
    scoring = scorer.scoring(table)
    contexts = scoring.model.context_features if scorer.context is None else []
    table.match([*scoring.model.features, *(feature.name for feature in contexts)])
    told = {name: [str(path), *stamp(path)] for name, path in inputs.items()}
    job = {"verb": "score", **asdict(replace(scorer, bundle="")), "inputs": told}
    with job_folder(output, job, list(inputs), resume) as folder, session(address, workers) as cluster:
        parts: dict[str, list[Path]] = {}
        unscored: list[ScorePiece] = []
        for name, path in inputs.items():
            if folder.target(name).exists():
                continue
            pieces = pieces_of(scorer, folder, name, path)
            parts[name] = [piece.target for piece in pieces]
            unscored += [piece for piece in pieces if not piece.target.exists()]
        missing = Counter(piece.name for piece in unscored)
        joins = [Join(parts[name], folder.target(name)) for name in parts if not missing[name]]
        waiting: deque[ScorePiece | Join] = deque([*unscored, *joins])
        of = len(waiting)
        for done, (task, counts) in enumerate(cluster.run(waiting), 1):
            if isinstance(task, ScorePiece) and isinstance(counts, Counts):
                scoring.add(counts)
                missing[task.name] -= 1
                if not missing[task.name] and len(parts[task.name]) > 1:
                    waiting.append(Join(parts[task.name], folder.target(task.name)))
                    of += 1
            advance(done, of)
    return scoring


def pieces_of(scorer: Scorer, folder: JobFolder, name: str, path: Path) -> list[ScorePiece]:
    """What a file is scored in."""
    cuts = cut(rows_of(path))
    if len(cuts) == 1:
        return [ScorePiece(scorer, path, None, folder.target(name), name)]
    return [ScorePiece(scorer, path, rows, folder.part(name, index), name) for index, rows in enumerate(cuts)]
