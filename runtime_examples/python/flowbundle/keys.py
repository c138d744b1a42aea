"""JSON values that are taken with their type, or refused by the path of their key."""

from __future__ import annotations

__all__ = ["Key", "parse_json", "shown"]

import json
import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from .errors import BundleError

Word = TypeVar("Word", bound=str)

HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

LARGEST = 2**31 - 1
"""The largest whole number, and the longest list, that a bundle may hold."""


@dataclass(frozen=True)
class Key:
    """A value of a JSON document and the way to it.

    Arguments:
        file: the document's path, for messages.
        path: the keys that lead here, as ``golden.cases[3].name``; empty for the document itself.
        value: what is there.
    """

    file: str
    path: str
    value: Any

    def __getitem__(self, name: str) -> Key:
        """A key that must be there."""
        found = self.inner(name)
        return found if name in self.value else found.fail("is missing")

    def optional(self, name: str) -> Key | None:
        """A key that may be missing or null."""
        found = self.inner(name)
        return None if found.value is None else found

    def items(self) -> list[tuple[str, Key]]:
        """Every key of an object."""
        return [(name, self.inner(name)) for name in self.expect(dict, "an object")]

    def entries(self, least: int = 0, most: int = LARGEST) -> list[Key]:
        """The entries of a list."""
        values = self.expect(list, "a list")
        if not least <= len(values) <= most:
            self.fail(f"expected {span(least, most)} entries, got {len(values)}")
        return [Key(self.file, f"{self.path}[{index}]", value) for index, value in enumerate(values)]

    def text(self) -> str:
        value: str = self.expect(str, "text")
        return value

    def truth(self) -> bool:
        value: bool = self.expect(bool, "true or false")
        return value

    def one_of(self, *words: Word) -> Word:
        """One of a few words."""
        for word in words:
            if self.value == word:
                return word
        return self.fail(f"expected {' or '.join(map(shown, words))}, got {shown(self.value)}")

    def whole(self, least: int, most: int = LARGEST) -> int:
        """A whole number from ``least`` to ``most``."""
        if type(self.value) is not int or not least <= self.value <= most:
            self.fail(f"expected a whole number, {span(least, most)}, got {shown(self.value)}")
        return int(self.value)

    def number(self) -> float:
        """A finite number."""
        if type(self.value) not in (int, float) or not math.isfinite(self.value):
            self.fail(f"expected a finite number, got {shown(self.value)}")
        return float(self.value)

    def fail(self, reason: str) -> NoReturn:
        """Refuses this key."""
        raise BundleError(": ".join(part for part in (self.file, self.path, reason) if part))

    def inner(self, name: str) -> Key:
        values = self.expect(dict, "an object")
        return Key(self.file, f"{self.path}.{name}" if self.path else name, values.get(name))

    def expect(self, kind: type, name: str) -> Any:
        return self.value if type(self.value) is kind else self.fail(f"expected {name}, got {shown(self.value)}")


def parse_json(data: bytes, file: str) -> Key:
    """A JSON document that has one reading: no key twice, no text that hides what it says, no NaN and no Infinity.

    Raises:
        BundleError: where it is not that.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        raise BundleError(f"{file}: begins with a byte order mark")
    if data.startswith(b"version https://git-lfs.github.com/spec/"):
        raise BundleError(f"{file}: is a pointer of Git LFS, and not the file itself")
    try:
        text = data.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=to_object, parse_constant=refuse_constant, parse_float=to_float, parse_int=to_int
        )
        require_plain(value, "")
        return Key(file, "", value)
    except (ValueError, RecursionError) as error:  # RecursionError: brackets, thousands deep
        raise BundleError(f"{file}: is not JSON that has one reading ({error})") from error


def to_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the key {shown(name)} is there twice")
        found[name] = value
    return found


def to_float(text: str) -> float:
    return float(text) if math.isfinite(float(text)) else refuse_constant(text[:60])


def to_int(text: str) -> int:
    to_float(text)
    return int(text)


def require_plain(value: Any, path: str) -> None:
    """Refuses controls, marks that turn the direction of writing, and halves of surrogate pairs, in texts and keys."""
    if isinstance(value, dict):
        for name, inner in value.items():
            require_plain(name, path)
            require_plain(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            require_plain(inner, f"{path}[{index}]")
    elif isinstance(value, str) and (hidden := HIDDEN.search(value)):
        raise ValueError(f"{path}: a text holds U+{ord(hidden[0]):04X}")


def refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def span(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} or more" if most == LARGEST else f"{least} to {most}"


def shown(value: object) -> str:
    """A value as it stands in the document, cut short."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
