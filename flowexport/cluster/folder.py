"""The folder that a job writes to: what the job was, what of it is done, and what is left of half of it."""

from __future__ import annotations

__all__ = ["JobFolder", "job_folder"]

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flowexport.errors import DataError
from flowexport.files import sweep, write_file

try:
    import fcntl
except ImportError:  # Windows: two drivers in one folder are then not told apart
    fcntl = None  # type: ignore[assignment]

RECORD = ".flowexport-job.json"
"""What the job was. Whoever reads a folder of tables passes over names that begin with a dot."""


@dataclass(frozen=True)
class JobFolder:
    """Where a job's files go.

    Arguments:
        path: the folder.
    """

    path: Path

    def target(self, name: str) -> Path:
        """Where a file goes; it is there when it is whole."""
        return self.path / name

    def part(self, name: str, index: int) -> Path:
        """Where a part of a file waits for the others."""
        return self.parts(name) / f"{index:05}.parquet"

    def parts(self, name: str) -> Path:
        """The folder of a file's parts, beside it."""
        target = self.target(name)
        return target.with_name(f".{target.name}.parts")

    def sweep(self, names: Iterable[str]) -> None:
        """Removes what killed processes left of files, and parts of those that are whole."""
        for name in names:
            sweep(self.target(name))
            if self.target(name).exists():
                shutil.rmtree(self.parts(name), ignore_errors=True)
            elif self.parts(name).is_dir():
                for left in self.parts(name).glob(".*.tmp"):
                    sweep(left.with_name(left.name[1:].rpartition(".tmp")[0].rpartition(".")[0]))


@contextmanager
def job_folder(path: Path, job: Mapping[str, object], names: Iterable[str], resume: bool) -> Iterator[JobFolder]:
    """Opens a folder for a job, for this process alone.

    Arguments:
        path: the folder, made where there is none.
        job: what the job is: all that its numbers depend on, as JSON.
        names: of the files that it will write.
        resume: whether one that was begun is taken up; its files are then left as they are.

    Raises:
        DataError: where a file is there already and the job is not taken up, where another job was begun there, or
            where another process works there.
    """
    if path.exists() and not path.is_dir():
        raise DataError("is no folder; --engine ray writes a file for each that it reads", file=path)
    folder = JobFolder(path)
    record = path / RECORD
    begun = record.is_file()
    if not resume:
        for name in names:
            if os.path.lexists(folder.target(name)) or begun:
                there = record if begun else folder.target(name)
                raise DataError(f"{there}: is there already; --resume takes up a job, or name a new folder")
    path.mkdir(parents=True, exist_ok=True)
    told = json.dumps(job, indent=2, sort_keys=True, ensure_ascii=False).encode()
    if begun:
        require_same(record, told)
    else:
        write_file(record, told)
    handle = os.open(record, os.O_RDONLY)
    try:
        if fcntl:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise DataError("another process works there; let it end first", file=path) from error
        folder.sweep(names)
        yield folder
    finally:
        os.close(handle)


def require_same(record: Path, told: bytes) -> None:
    """Refuses to take up another job than was begun.

    Raises:
        DataError: naming what differs.
    """
    wanted = json.loads(told)
    try:
        begun = json.loads(record.read_bytes())
        differing = [key for key in {**begun, **wanted} if begun.get(key) != wanted.get(key)]
    except (ValueError, TypeError, AttributeError):
        differing = ["all of it"]
    if differing:
        raise DataError(f"{record}: another job was begun here ({', '.join(differing)} differ); name a new folder")
