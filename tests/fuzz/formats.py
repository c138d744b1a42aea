"""Changes that know a format: headers of .npy and safetensors, fields of ONNX, members of a zip, pickles, TOML, CSV."""

from __future__ import annotations

__all__ = [
    "changed_csv",
    "changed_gz",
    "changed_json",
    "changed_npy",
    "changed_onnx",
    "changed_parquet",
    "changed_pt",
    "changed_safetensors",
    "changed_toml",
    "changed_zip",
]

import gzip
import io
import json
import pickletools
import tomllib
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

from .mutations import NUMBERS, TEXTS, changed_bytes, changed_document, changed_lines, spoiled_text

Change = tuple[bytes, str]

WRITABLE = [text for text in TEXTS if "\ud800" not in text]
"""Texts that UTF-8 has."""


def changed_json(draw: Random, data: bytes) -> Change:
    """JSON: mostly still JSON."""
    kind = draw.random()
    if kind < 0.15:
        return changed_bytes(draw, data)
    if kind < 0.3:
        return spoiled_text(draw, json.loads(data))
    document, told = changed_document(draw, json.loads(data))
    return json.dumps(document).encode("utf-8", "surrogatepass"), told


def changed_toml(draw: Random, data: bytes) -> Change:
    """TOML: a document with another value, or lines that no writer writes."""
    kind = draw.random()
    if kind < 0.15:
        return changed_bytes(draw, data)
    if kind < 0.3:
        text, told = changed_lines(draw, data.decode())
        return text.encode(), told
    if kind < 0.4:
        more = draw.choice(
            (
                "a = " + "[" * 50_000,
                "a = " + "{a=" * 20_000,
                ".".join(["a"] * 100_000) + " = 1",
                "\n".join(f"{'a.' * 200}k{n} = 1" for n in range(2000)),
                "\n".join(f"[{'a.' * 200}k{n}]" for n in range(2000)),
                "a = " + "9" * 100_000,
                "a = 0x" + "f" * 100_000,
                'a = """' + "\\\n" * 20_000,
                "a = 9999-99-99T99:99:99Z",
                "[data]\n[data]",
                "[[data]]",
                "a = '\0'",
                "\ufeffa = 1",
                "a = nan\nb = -inf",
            )
        )
        before = draw.random() < 0.5
        text = f"{more}\n{data.decode()}" if before else f"{data.decode()}\n{more}\n"
        return text.encode(), f"line {more[:20]!r}"
    document, told = changed_document(draw, tomllib.loads(data.decode()))
    return toml_text(document).encode("utf-8", "surrogatepass"), told


def toml_text(document: Any) -> str:
    """A document in TOML, with every table inside a table in one line."""
    if not isinstance(document, dict):
        return f"document = {toml_value(document)}\n"
    plain = [
        f"{json.dumps(key)} = {toml_value(each)}\n" for key, each in document.items() if not isinstance(each, dict)
    ]
    for key, table in document.items():
        if isinstance(table, dict):
            plain.append(f"[{json.dumps(key)}]\n")
            plain += [f"{json.dumps(name)} = {toml_value(each)}\n" for name, each in table.items()]
    return "".join(plain)


def toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if value is None:
        return '""'
    return (
        json.dumps(value).replace("NaN", "nan").replace("Infinity", "inf")
        if isinstance(value, float)
        else (json.dumps(value))
    )


WORDS = (b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", b"\xff\xff\x7f\x7f", b"\0\0\0\0", b"\x01\0\0\0")
"""Float32: NaN, infinity, the largest, zero, the smallest."""

OPCODES = (b"N", b"\x88", b"K\x00", b"]", b"}", b")", b"J\xff\xff\xff\xff", b"\x8a\x09" + b"\xff" * 9, b"cos\nsystem\n")
"""Of pickle: None, True, 0, empty containers, −1, a number of 72 bits, and the name of a function."""

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


def changed_safetensors(draw: Random, data: bytes) -> Change:
    """A safetensors file with another header, or another body."""
    kind = draw.random()
    if kind < 0.3:
        return changed_bytes(draw, data)
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    if kind < 0.45:
        values = draw.choice(
            (b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", b"\xff\xff\x7f\x7f", b"\0\0\0\0", b"\x01\0\0\0")
        )
        at = draw.randrange(len(body) // 4 or 1) * 4
        count = draw.choice((1, 16, len(body)))
        return data[: 8 + length] + (body[:at] + values * count + body[at:])[: len(body)], "other numbers"
    if kind < 0.55:
        encoded, told = spoiled_text(draw, header)
    else:
        names = [name for name in header if name != "__metadata__"]
        one, other = draw.choice(names), draw.choice(names)
        told = draw.choice(("document", "type", "shape", "swapped", "gone", "renamed", "all of one type"))
        if told == "document":
            header, told = changed_document(draw, header)
        elif told == "type":
            header[one]["dtype"] = draw.choice(("F64", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "C64", "X", "F4"))
        elif told == "shape":
            header[one]["shape"] = draw.choice(([], [0], [2**40], [1, -1], header[one]["shape"][::-1], [2**32, 2**32]))
        elif told == "swapped":
            header[one], header[other] = header[other], header[one]
        elif told == "gone":
            del header[one]
        elif told == "renamed":
            header[draw.choice(TEXTS)] = header.pop(one)
        else:
            for name in names:
                header[name]["dtype"] = draw.choice(("I32", "U32"))
        encoded = json.dumps(header).encode("utf-8", "surrogatepass")
    size = len(encoded) if draw.random() < 0.9 else draw.choice((0, 1, 2**63, 2**64 - 1, len(encoded) + 1))
    return size.to_bytes(8, "little") + encoded + body, f"header: {told}"


def changed_onnx(draw: Random, data: bytes) -> Change:
    """An ONNX file in which one to three fields of some message say something else."""
    if draw.random() < 0.3:
        return changed_bytes(draw, data)
    import onnx

    model = onnx.ModelProto.FromString(data)
    told = [changed_message(draw, model) for _ in range(draw.choice((1, 1, 1, 2, 3)))]
    return model.SerializeToString(), ", ".join(told)


def changed_message(draw: Random, message: Any) -> str:
    """Changes a field of a protobuf message, or of one in it."""
    while True:
        set_fields = message.ListFields()
        inner = [
            each
            for field, value in set_fields
            if field.message_type
            for each in (value if field.is_repeated else [value])
        ]
        if inner and draw.random() < 0.85:
            message = draw.choice(inner)
            continue
        fields = [field for field, _ in set_fields] if set_fields and draw.random() < 0.8 else message.DESCRIPTOR.fields
        field = draw.choice(list(fields))
        change_field(draw, message, field)
        return f"{message.DESCRIPTOR.name}.{field.name}"


def change_field(draw: Random, message: Any, field: Any) -> None:
    if field.message_type:
        value = getattr(message, field.name)
        if not field.is_repeated:
            message.ClearField(field.name) if draw.random() < 0.7 else value.SetInParent()
        elif value and draw.random() < 0.5:
            del value[draw.randrange(len(value))]
        elif value:
            value.add().CopyFrom(draw.choice(list(value)))
        else:
            value.add()
        return
    made: Callable[[], Any]
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        made = lambda: draw.choice((0.0, -1.0, 1e30, 1e-40, float("nan"), float("inf")))  # noqa: E731
    elif field.cpp_type == field.CPPTYPE_STRING:
        text = draw.choice((*WRITABLE, "Identity", "Exp", "Loop", "Reshape", "Cast"))
        made = lambda: text.encode() if field.type == field.TYPE_BYTES else text  # noqa: E731
    elif field.cpp_type == field.CPPTYPE_ENUM:
        made = lambda: draw.choice(list(field.enum_type.values_by_number))  # noqa: E731
    else:
        most = 2**31 - 1 if field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_UINT32) else 2**63 - 1
        made = lambda: draw.choice((0, 1, 2, 3, 7, 100, most, *(() if "UINT" in str(field) else (-1,))))  # noqa: E731
    if not field.is_repeated:
        try:
            setattr(message, field.name, made())
        except (ValueError, TypeError):
            message.ClearField(field.name)
        return
    value = getattr(message, field.name)
    if value and draw.random() < 0.6:
        value[draw.randrange(len(value))] = made()
    elif value and draw.random() < 0.5:
        del value[draw.randrange(len(value))]
    else:
        value.append(made())


def changed_zip(draw: Random, data: bytes, inner: Callable[[Random, str, bytes], Change] | None = None) -> Change:
    """A zip with another member, or whose own lists lie."""
    if draw.random() < 0.35:
        return changed_bytes(draw, data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    kind = draw.choice(("inner", "inner", "inner", "gone", "twice", "renamed", "compressed", "link", "long"))
    at = draw.randrange(len(members))
    name, content = members[at]
    told = f"{kind} {name}"
    compression = zipfile.ZIP_STORED
    if kind == "inner":
        content, more = (inner or (lambda draw, _, data: changed_bytes(draw, data)))(draw, name, content)
        members[at], told = (name, content), f"{told}: {more}"
    elif kind == "gone":
        del members[at]
    elif kind == "twice":
        members.append((name, changed_bytes(draw, content)[0]))
    elif kind == "renamed":
        other = draw.choice(("../" + name, "/" + name, name.upper(), "a/" * 300 + "b", "x\ny", name + "/"))
        members[at] = (other, content)
    elif kind == "compressed":
        compression = draw.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    elif kind == "link":
        members[at] = (name, b"/etc/passwd")
    else:
        members[at], compression = (name, bytes(8 << 20)), zipfile.ZIP_DEFLATED
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for each, content in members:
            archive.writestr(each, content)
    return stream.getvalue(), told


def changed_pt(draw: Random, data: bytes) -> Change:
    """A file of torch.save: its zip, or the pickle in it, opcode by opcode."""
    return changed_zip(draw, data, lambda draw, name, content: changed_pickle(draw, name, content))


def changed_pickle(draw: Random, name: str, data: bytes) -> Change:
    if not name.endswith(".pkl") or draw.random() < 0.4:
        return changed_bytes(draw, data)
    starts = [position for _, _, position in pickletools.genops(data) if position is not None]
    parts = [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]
    told = []
    for _ in range(draw.choice((1, 1, 2, 4))):
        kind = draw.choice(("gone", "twice", "swapped", "another", "new"))
        told.append(f"opcode {kind}")
        one, other = draw.randrange(len(parts)), draw.randrange(len(parts))
        if kind == "gone":
            parts[one] = b""
        elif kind == "twice":
            parts[one] *= 2
        elif kind == "swapped":
            parts[one], parts[other] = parts[other], parts[one]
        elif kind == "another":
            parts[one] = parts[other]
        else:
            new = (
                b"N",
                b"\x88",
                b"K\x00",
                b"]",
                b"}",
                b")",
                b"J\xff\xff\xff\xff",
                b"\x8a\x09" + b"\xff" * 9,
                b"cos\nsystem\n",
            )
            parts.insert(one, draw.choice(new))
    return b"".join(parts), "+".join(told)


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
        rows[0][draw.randrange(len(rows[0]))] = draw.choice(
            (*CELLS, *[t for t in TEXTS if "\ud800" not in t], rows[0][0])
        )
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
        "halves": lambda: table.column(at).cast(pa.float16()),
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
