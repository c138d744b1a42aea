"""Small changes to bytes and documents, each drawn from a generator of its own: the same seed, the same change.

A change with meaning comes further than a flipped bit: a document is changed where it still is one, and a number is
exchanged for one that is known to trip programs.
"""

from __future__ import annotations

__all__ = [
    "NUMBERS",
    "TEXTS",
    "WRITABLE",
    "Change",
    "changed_bytes",
    "changed_document",
    "changed_lines",
    "odd_value",
    "places",
    "spoiled_text",
]

import copy
import json
from random import Random
from typing import Any

Change = tuple[bytes, str]
"""Bytes, and what was changed in them."""

NUMBERS = (
    0, 1, -1, 2, 3, 7, 255, 65_535, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 2**70, -(2**31),
    -(2**63), -(2**70), 10**30, 10**320, 0.5, -0.0, 1e-320, 1e30, 1e300, -1e300, 1.7e308, float("nan"), float("inf"),
)  # fmt: skip

TEXTS = (
    "", " ", "x", "0", "NaN", "\0", "a\nb", "\x1b[2J", "\u202e", "\ud800", "é" * 300, "a" * 70_000, "a" * 300,
    "../../../etc/passwd", "/dev/zero", "a/../b", "golden/x.npy", "flow.json", "**", "float32", "[batch]", "%s%n",
)  # fmt: skip

WRITABLE = [text for text in TEXTS if "\ud800" not in text]
"""Texts that UTF-8 has."""

VALUES: tuple[Any, ...] = (None, True, False, [], {}, [[]], [0] * 1000, ["x"], {"a": 1}, {"name": "x"}, [None])

RAW = (
    "NaN", "-Infinity", "1e999", "-1e-999", "9" * 5000, "0x10", "01", "+1", "'a'", '"\\ud800"', '"\\u0000"', '"',
    "[" * 100_000, "[" * 3000 + "]" * 3000, '{"a": 1, "a": 2}', '{"a":' * 20_000, "[1,]", "/**/ 1", "tru",
    "\u2028", "1 2",
)  # fmt: skip
"""What stands in the place of a value, and no writer of JSON would write."""

PLACEHOLDER = "a value of its own"


def odd_value(draw: Random) -> Any:
    """A value that a document may hold and few expect."""
    return copy.deepcopy(draw.choice(draw.choice((NUMBERS, NUMBERS, TEXTS, VALUES))))


def places(document: Any) -> list[tuple[Any, Any]]:
    """Every container of a document with a key or an index in it."""
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        value = waiting.pop()
        keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        for key in keys:
            found.append((value, key))
            waiting.append(value[key])
    return found


def changed_document(draw: Random, document: Any) -> tuple[Any, str]:
    """A document with one to three changes: values exchanged, gone, moved, doubled, or of another key."""
    document = copy.deepcopy(document)
    told = []
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        found = places(document)
        if not found:
            return odd_value(draw), "another document"
        # By depth first, since most values lie in a few long lists.
        container, key = draw.choice(found) if draw.random() < 0.5 else descend(draw, document)
        change = draw.choice(("value", "value", "value", "gone", "renamed", "another", "list", "nudged", "twice"))
        told.append(f"{change} at {str(key)[:40]}")
        if change == "gone":
            del container[key]
        elif change == "renamed" and isinstance(container, dict):
            container[str(draw.choice(TEXTS))] = container.pop(key)
        elif change == "another":
            other, at = draw.choice(found)
            container[key] = copy.deepcopy(other[at])
        elif change == "list":
            container[key] = [container[key]]
        elif change == "nudged" and isinstance(container[key], int | float):
            container[key] += draw.choice((1, -1, 1e-9, 1e3))
        elif change == "twice" and isinstance(container[key], list) and container[key]:
            container[key] = container[key] * draw.choice((2, 50))
        else:
            container[key] = odd_value(draw)
    return document, ", ".join(told)


def descend(draw: Random, document: Any) -> tuple[Any, Any]:
    """A place, found from the top: half of the steps go on."""
    container, key = None, None
    value = document
    while isinstance(value, dict | list) and value and (container is None or draw.random() < 0.7):
        container, key = value, draw.choice(list(value) if isinstance(value, dict) else range(len(value)))
        value = value[key]
    return container, key


def spoiled_text(draw: Random, document: Any) -> tuple[bytes, str]:
    """A document as JSON that no writer writes: a key twice, a value that is none, another encoding."""
    document = copy.deepcopy(document)
    kind = draw.choice(("raw", "raw", "twice", "encoding", "around"))
    found = places(document)
    container, key = draw.choice(found) if found else ([0], 0)
    if kind == "raw":
        raw = draw.choice(RAW)
        container[key] = PLACEHOLDER
        return json.dumps(document).replace(f'"{PLACEHOLDER}"', raw).encode("utf-8", "surrogatepass"), f"raw {raw[:20]}"
    text = json.dumps(document, ensure_ascii=False)
    if kind == "twice" and isinstance(key, str):
        again = f"{json.dumps(key)}: {json.dumps(odd_value(draw))}, {json.dumps(key)}:"
        return text.replace(f"{json.dumps(key)}:", again, 1).encode("utf-8", "surrogatepass"), f"twice {key[:40]}"
    if kind == "encoding":
        encoding = draw.choice(("utf-16", "utf-8-sig", "utf-32-le", "utf-7"))
        return text.encode(encoding, "replace"), encoding
    return draw.choice((b"\0", b"[", b"\xff", b" " * 70_000, b"{}")) + text.encode("utf-8", "surrogatepass"), "around"


def changed_bytes(draw: Random, data: bytes) -> tuple[bytes, str]:
    """Bytes with one to four changes: flipped, exchanged, cut, doubled, moved, or new."""
    out, told = bytearray(data), []
    for _ in range(draw.choice((1, 1, 2, 4))):
        kind = draw.choice(("bit", "byte", "cut", "part", "twice", "new", "number", "ends"))
        told.append(kind)
        at = draw.randrange(len(out) + 1)
        # The beginning of a file says what it is.
        at = min(at, draw.randrange(200)) if draw.random() < 0.4 else at
        size = draw.choice((1, 2, 8, 64, 1000))
        if kind == "bit" and at < len(out):
            out[at] ^= 1 << draw.randrange(8)
        elif kind == "byte" and at < len(out):
            out[at] = draw.choice((0, 0xFF, 0x7F, 0x80, ord('"'), ord("\n"), draw.randrange(256)))
        elif kind == "cut":
            del out[at:]
        elif kind == "part":
            del out[at : at + size]
        elif kind == "twice":
            out[at:at] = out[at : at + size]
        elif kind == "new":
            out[at:at] = draw.randbytes(size)
        elif kind == "number":
            wide = draw.choice((2, 4, 8))
            value = draw.choice((0, 1, 2 ** (8 * wide) - 1, 2 ** (8 * wide - 1), 2 ** (8 * wide - 1) - 1))
            out[at : at + wide] = value.to_bytes(wide, draw.choice(("little", "big")))
        else:
            out += draw.randbytes(size)
    return bytes(out), "+".join(told)


def changed_lines(draw: Random, text: str) -> tuple[str, str]:
    """A text of lines with one to three changes: lines gone, twice, moved, or joined."""
    lines, told = text.split("\n"), []
    for _ in range(draw.choice((1, 1, 3))):
        kind = draw.choice(("gone", "twice", "moved", "joined"))
        told.append(f"line {kind}")
        at = draw.randrange(len(lines))
        if kind == "gone" and len(lines) > 1:
            del lines[at]
        elif kind == "twice":
            lines.insert(draw.randrange(len(lines) + 1), lines[at])
        elif kind == "moved":
            lines.insert(draw.randrange(len(lines)), lines.pop(at))
        elif at + 1 < len(lines):
            lines[at] += lines.pop(at + 1)
    return "\n".join(lines), "+".join(told)
