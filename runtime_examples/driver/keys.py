"""Values of flow.json, taken with their type or refused by the path of their key."""

from __future__ import annotations

__all__ = ["Key"]

import json
import math
from dataclasses import dataclass
from typing import Any, NoReturn

from .errors import Failure

LARGEST = 2**31 - 1
"""The largest whole number, and the longest list, that a bundle may hold."""


@dataclass(frozen=True)
class Key:
    """A value and the way to it.

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
        found = Key(self.file, f"{self.path}.{name}".lstrip("."), self.expect(dict, "an object").get(name))
        return found if name in self.value else found.fail("is missing")

    def optional(self, name: str) -> Key | None:
        """A key that may be missing or null."""
        return self[name] if self.expect(dict, "an object").get(name) is not None else None

    def entries(self, least: int = 0, most: int = LARGEST) -> list[Key]:
        """The entries of a list."""
        values = self.expect(list, "a list")
        if not least <= len(values) <= most:
            self.fail(f"expected from {least} to {most} entries, got {len(values)}")
        return [Key(self.file, f"{self.path}[{index}]", value) for index, value in enumerate(values)]

    def text(self, *words: str) -> str:
        """A text, one of the words if there are any."""
        value: str = self.expect(str, "text")
        return value if not words or value in words else self.fail(f"expected {' or '.join(words)}, got {value[:60]}")

    def whole(self, least: int, most: int = LARGEST) -> int:
        """A whole number."""
        value: int = self.expect(int, "a whole number")
        return value if least <= value <= most else self.fail(f"expected from {least} to {most}, got {value}")

    def number(self, least: float = -math.inf) -> float:
        """A finite number."""
        if type(self.value) not in (int, float) or not math.isfinite(self.value) or self.value < least:
            self.fail("expected a finite number" + f" from {least}" * math.isfinite(least))
        return float(self.value)

    def expect(self, kind: type, name: str) -> Any:
        """A value of a type of JSON."""
        return self.value if type(self.value) is kind else self.fail(f"expected {name}, got {self.shown()}")

    def fail(self, reason: str) -> NoReturn:
        """Refuses this key."""
        raise Failure(": ".join(part for part in (self.file, self.path, reason) if part))

    def shown(self) -> str:
        text = json.dumps(self.value)
        return text if len(text) <= 60 else f"{text[:60]}…"
