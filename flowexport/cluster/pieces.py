"""What is worked on at a time: a file, or some of the rows of a large one, and the name that its scores get."""

from __future__ import annotations

__all__ = ["PIECE_ROWS", "cut", "named_inputs", "rows_of", "stamp"]

from collections.abc import Iterable, Sequence
from pathlib import Path

from flowexport.errors import DataError
from flowexport.tables import BLOCK_ROWS, expanded, open_table
from flowexport.tables.source import FORMATS, ending_of

PIECE_ROWS = 8 * BLOCK_ROWS
"""Rows of a piece: about a second's work, so that processors end together and a lost one costs little. A whole number
of blocks, so that each row is computed in the block that it is in where all are read by one process."""

FROM_ANY_ROW = ("parquet", "npy")
"""Formats that are read from any row on."""


def named_inputs(given: Iterable[Path]) -> dict[str, Path]:
    """Files to read by the name that what becomes of each gets: its own, below the folder that was given.

    Raises:
        DataError: for a pipe, a file that is not there or of no format that is read, and two of one name.
    """
    found: dict[str, Path] = {}
    for path in given:
        for file in expanded([path]):
            name = str(file.relative_to(path)) if file != path else file.name
            if not file.is_file():
                raise DataError("no such file; --engine ray reads files, each by its own process", file=file)
            ending_required(file)
            if name in found:
                raise DataError(
                    f"is named {name}, as {found[name]} is, and both would be written to one file", file=file
                )
            found[name] = file.absolute()
    return found


def ending_required(path: Path) -> str:
    """The end of a name that says what a table is."""
    ending = ending_of(path)
    if ending is None:
        raise DataError(f"cannot tell the format from its ending; use {', '.join(FORMATS)}", file=path)
    return ending


def rows_of(path: Path) -> int | None:
    """The rows of a file that can be read from any row on, and None of another."""
    return open_table(path).rows if FORMATS[ending_required(path)] in FROM_ANY_ROW else None


def cut(rows: int | None) -> Sequence[range | None]:
    """The pieces of so many rows; None is a whole file."""
    if rows is None or rows <= PIECE_ROWS:
        return [None]
    return [range(start, min(start + PIECE_ROWS, rows)) for start in range(0, rows, PIECE_ROWS)]


def stamp(path: Path) -> list[int]:
    """What tells a file from what it was before: bytes, and nanoseconds of its last change."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
