"""Changes of what holds weights: safetensors, ONNX, zips and the pickles of torch.save in them."""

from __future__ import annotations

__all__ = [
    "WORDS",
    "changed_onnx",
    "changed_pt",
    "changed_safetensors",
    "changed_zip",
]

import io
import json
import pickletools
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

from .mutations import TEXTS, WRITABLE, Change, changed_bytes, changed_document, spoiled_text

WORDS = (b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", b"\xff\xff\x7f\x7f", b"\0\0\0\0", b"\x01\0\0\0")
"""Float32: NaN, infinity, the largest, zero, the smallest."""


OPCODES = (b"N", b"\x88", b"K\x00", b"]", b"}", b")", b"J\xff\xff\xff\xff", b"\x8a\x09" + b"\xff" * 9, b"cos\nsystem\n")
"""Of pickle: None, True, 0, empty containers, −1, a number of 72 bits, and the name of a function."""


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
