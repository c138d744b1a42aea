"""Changes of tables: arrays, CSV, gzip and Parquet."""

from __future__ import annotations

__all__ = [
    "changed_csv",
    "changed_gz",
    "changed_npy",
    "changed_parquet",
]

import gzip
import io
from collections.abc import Callable
from random import Random
from typing import Any

from .mutations import NUMBERS, WRITABLE, Change, changed_bytes, changed_lines

HEADERS = (
    "{'descr': '<f4', 'fortran_order': False, 'shape': (%s,), }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (%s, 2), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (2, 2), }",
    "{'descr': [('a', '<f4', (%s,))], 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1, 2), }",
    "{'descr': '<c8', 'fortran_order': False, 'shape': (1, 2), }",
    "{'descr': '<U%s', 'fortran_order': False, 'shape': (1, 2), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (0, %s), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (%s, 0), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2, %s), }",
    "{'descr': '<f4', 'fortran_order': False}",
    "(" * 3000,
    "__import__('os').system('true')",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-%s, 2), }",
    "{'descr': '<f4' 'shape': \x00",
)


def changed_npy(draw: Random, data: bytes) -> Change:
    """An .npy file with another header, or another body."""
    kind = draw.random()
    if kind < 0.4 or data[:6] != b"\x93NUMPY":
        return changed_bytes(draw, data)
    end = 10 + int.from_bytes(data[8:10], "little")
    if kind < 0.6:
        values = draw.choice(
            (b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", b"\xff\xff\x7f\x7f", b"\0\0\0\0", b"\x01\0\0\0")
        )
        return data[:end] + (values * len(data))[: len(data) - end], "body of one value"
    header = draw.choice(HEADERS)
    text = header % abs(int(draw.choice(NUMBERS[:18]))) if "%s" in header else header
    version = draw.choice(((1, 0), (1, 0), (1, 0), (2, 0), (3, 0), (9, 9)))
    width = 2 if version[0] == 1 else 4
    encoded = (text + " " * draw.choice((0, 7, 64)) + "\n").encode("latin-1")
    length = len(encoded) if draw.random() < 0.8 else draw.choice((0, 1, 2 ** (8 * width) - 1))
    head = b"\x93NUMPY" + bytes(version) + length.to_bytes(width, "little")
    return head + encoded + data[end:], f"header {text[:60]}"


CELLS = (
    "", " ", "nan", "NaN", "inf", "-Infinity", "1e999", "-1e-999", "1e39", "0x10", "1,5", "1_000", "١", "1.2.3", "--1",
    '"', '""', 'a"b', '"a\nb"', "\0", "\r", "null", "NA", "true", "9" * 400, "1" + "0" * 5000, "é", "\x1b[2J", "=1+1",
)  # fmt: skip


def changed_csv(draw: Random, data: bytes) -> Change:
    """A CSV with other cells, lines, or another encoding."""
    kind = draw.choice(("bytes", "bytes", "lines", "cell", "cell", "cell", "header", "columns", "encoding", "empty"))
    text = data.decode()
    if kind == "bytes":
        return changed_bytes(draw, data)
    if kind == "lines":
        changed, told = changed_lines(draw, text)
        return changed.encode(), told
    rows = [line.split(",") for line in text.splitlines()]
    if kind == "cell":
        for _ in range(draw.choice((1, 3))):
            row = draw.choice(rows[1:])
            row[draw.randrange(len(row))] = draw.choice(CELLS)
    elif kind == "header":
        rows[0][draw.randrange(len(rows[0]))] = draw.choice((*CELLS, *WRITABLE, rows[0][0]))
    elif kind == "columns":
        many = draw.choice((1, 2, 5000))
        rows = [[*row, *(f"{row[0]}{n}" if draw.random() < 0.999 else row[0] for n in range(many))] for row in rows]
    elif kind == "empty":
        rows = rows[: draw.choice((0, 1))]
    ending = draw.choice(("\n", "\n", "\r\n", "\r"))
    encoded = ending.join(",".join(row) for row in rows) + draw.choice((ending, ""))
    encoding = draw.choice(("utf-16", "latin-1", "utf-8-sig", "utf-32", "cp1252")) if kind == "encoding" else "utf-8"
    return encoded.encode(encoding, "replace"), f"{kind} {encoding}"


def changed_gz(draw: Random, data: bytes) -> Change:
    """A CSV that is changed before it is compressed, or after."""
    if draw.random() < 0.5:
        return changed_bytes(draw, data)
    changed, told = changed_csv(draw, gzip.decompress(data))
    return gzip.compress(changed, mtime=0), told


def changed_parquet(draw: Random, data: bytes) -> Change:
    """A Parquet file with bytes changed, mostly in its footer, or with a column of another type."""
    if draw.random() < 0.6:
        # The footer is what is believed.
        size = int.from_bytes(data[-8:-4], "little") + 8
        if draw.random() < 0.7 and size < len(data):
            footer, told = changed_bytes(draw, data[-size:])
            return data[:-size] + footer, f"footer: {told}"
        return changed_bytes(draw, data)
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(data))
    at, rows = draw.randrange(table.num_columns), table.num_rows
    name = table.column_names[at]
    makers: dict[str, Callable[[], Any]] = {
        "strings": lambda: pa.array(["a"] * rows),
        "binary": lambda: pa.array([b"\xff"] * rows),
        "nulls": lambda: pa.nulls(rows),
        "lists": lambda: pa.array([[1.0]] * rows),
        "structs": lambda: pa.array([{"a": 1}] * rows),
        "dictionary": lambda: pa.array(["a", "b"] * rows)[:rows].dictionary_encode(),
        "dates": lambda: pa.array([0] * rows, pa.date32()),
        "decimals": lambda: pa.array([1] * rows).cast(pa.decimal128(38, 2)),
        "halves": lambda: pa.array([1.0] * rows).cast(pa.float16()),
        "unsigned": lambda: pa.array([2**64 - 1] * rows, pa.uint64()),
        "not numbers": lambda: pa.array([float("nan")] * rows),
        "maps": lambda: pa.array([[("a", 1)]] * rows, pa.map_(pa.string(), pa.int64())),
        "durations": lambda: pa.array([1] * rows, pa.duration("ns")),
    }
    kind = draw.choice([*makers, "empty", "gone", "twice", "renamed"])
    if kind == "empty":
        table = table.slice(0, 0)
    elif kind == "gone":
        table = table.remove_column(at)
    elif kind == "twice":
        table = table.append_column(name, table.column(at))
    elif kind == "renamed":
        renamed = draw.choice(("", "a\nb", "\x1b[2J", "a" * 70_000, "é"))
        table = table.rename_columns([renamed if each == name else each for each in table.column_names])
    else:
        table = table.set_column(at, name, makers[kind]())
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue(), f"{kind} {name}"
