"""A copy of a bundle that a test may tamper with."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BANANA = Path(__file__).resolve().parents[3] / "models" / "banana" / "bundle"


class Tampered:
    """A bundle's folder, and ways to change it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def edit(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Changes flow.json."""
        file = self.path / "flow.json"
        manifest = json.loads(file.read_text(encoding="utf-8"))
        change(manifest)
        file.write_text(json.dumps(manifest), encoding="utf-8")

    def set(self, path: str, value: object) -> None:
        """Sets a key of flow.json, ``golden.cases.0.name``, or takes it away: ``KeyError``."""
        *parents, last = path.split(".")

        def change(node: Any) -> None:
            for part in parents:
                node = node[int(part) if isinstance(node, list) else part]
            if value is KeyError:
                del node[last]
            else:
                node[int(last) if isinstance(node, list) else last] = value

        self.edit(change)

    def write(self, name: str, data: bytes) -> None:
        """Replaces a file and makes its hash right."""
        (self.path / name).write_bytes(data)
        self.edit(lambda manifest: manifest["files"].update({name: hashlib.sha256(data).hexdigest()}))


@pytest.fixture
def banana() -> Path:
    """The zoo's bundle of two features."""
    return BANANA


@pytest.fixture
def tampered(tmp_path: Path) -> Tampered:
    """A copy of it."""
    return Tampered(Path(shutil.copytree(BANANA, tmp_path / "bundle")))
