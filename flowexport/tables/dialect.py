"""How a text table is written: what stands between its cells, its decimal sign and its encoding, given or sniffed."""

from __future__ import annotations

__all__ = ["Dialect", "sniffed"]

import codecs
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from flowexport.errors import DataError

DELIMITERS = (",", ";", "\t", "|")
"""Those that are looked for; a comma wins where it makes a table, since programs in all languages read it so."""

SAMPLE = 200
"""Records that are looked at."""

NAMES = {"tab": "\t", r"\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
"""Words for characters that a shell makes hard to type."""

COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?", re.ASCII)
POINT = re.compile(r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+", re.ASCII)
"""A number whose commas may as well part thousands."""


@dataclass(frozen=True)
class Dialect:
    """How a text table is written; what is None is found in its first lines.

    Arguments:
        delimiter: one character between cells, or a word for it, such as ``tab``.
        decimal: ``.`` or ``,``.
        encoding: any that Python knows; None for UTF-8.

    Raises:
        DataError: for what no table is written with.
    """

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        if self.delimiter is not None:
            character = NAMES.get(self.delimiter, self.delimiter)
            if len(character) != 1 or not character.isascii() or character.isalnum() or character in '"\r\n\0.+-':
                raise DataError(
                    f"expected one character between cells, such as ; or tab, got {self.delimiter!r}", key="delimiter"
                )
            object.__setattr__(self, "delimiter", character)
        if self.decimal not in (None, ".", ","):
            raise DataError(f"expected . or , got {self.decimal!r}", key="decimal")
        if self.encoding is not None:
            try:
                "".encode(self.encoding)  # refuses what Python calls a codec and is no encoding of text
            except LookupError as error:
                raise DataError(
                    f"{self.encoding!r} is unknown; such as utf-8, latin-1 or cp1252", key="encoding"
                ) from error

    @property
    def is_utf8(self) -> bool:
        return self.encoding is None or codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig")


def sniffed(given: Dialect, name: str, lines: Sequence[str]) -> Dialect:
    """A dialect with delimiter and decimal sign found, where they are not given.

    A comma parts cells where all records then have as many of them; otherwise that of the others which makes most
    cells. A comma is the decimal sign where it parts nothing, cells of digits and one comma are there, and none with a
    point.

    Arguments:
        given: what is known.
        name: of the table.
        lines: its first, the header among them.

    Raises:
        DataError: where commas in cells may be decimal signs or part thousands.
    """
    delimiter = given.delimiter or delimiter_of(lines)
    if given.decimal is not None or delimiter == ",":
        return replace(given, delimiter=delimiter, decimal=given.decimal or ".")
    cells = [cell.strip(" ") for record in records(lines, delimiter)[1:] for cell in record]
    commas = [cell for cell in cells if COMMA.fullmatch(cell)]
    decimal = "," if commas and not any(map(POINT.fullmatch, cells)) else "."
    # With commas for thousands, as in 1,234,567, no cell is a number of one comma alone.
    if decimal == "," and all(map(GROUPED.fullmatch, commas)):
        raise DataError(
            f"{commas[0]!r} may be a fraction or thousands: say decimal , or decimal . "
            "(--decimal, or the key in a recipe)",
            key=name,
        )
    return replace(given, delimiter=delimiter, decimal=decimal)


def delimiter_of(lines: Sequence[str]) -> str:
    """The character that parts the cells of the same number in all records; a comma where none does."""
    cells = {delimiter: {len(record) for record in records(lines, delimiter)} for delimiter in DELIMITERS}
    widths = {delimiter: found.pop() for delimiter, found in cells.items() if len(found) == 1}
    if widths.get(",", 1) > 1 or not widths:
        return ","
    most = max(widths, key=widths.__getitem__)
    return most if widths[most] > 1 else ","


def records(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """The first records, without empty lines; none where they are no table of that delimiter."""
    try:
        return list(islice(filter(None, csv.reader(lines, delimiter=delimiter, strict=True)), SAMPLE))
    except csv.Error:
        return []
