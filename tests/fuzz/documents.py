"""Changes of JSON and TOML: mostly into other documents of the kind."""

from __future__ import annotations

__all__ = [
    "changed_json",
    "changed_toml",
]

import json
import tomllib
from random import Random
from typing import Any

from .mutations import Change, changed_bytes, changed_document, changed_lines, spoiled_text


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
