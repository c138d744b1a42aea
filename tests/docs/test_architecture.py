"""The page on the architecture is held to the tree: every room is there, and every file that it names."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "flowexport"
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
ROOMS = PAGE.partition("## Rooms")[2].partition("\n## ")[0]

NAMED = sorted(set(re.findall(r"`((?:[\w.-]+/)+(?:[\w.-]+)?|[\w-]+\.(?:py|md|toml|json))`", PAGE)))
"""Everything in backticks that looks like a path."""


def test_the_table_has_every_room_once_and_no_other() -> None:
    rows = [line for line in ROOMS.splitlines() if line.startswith("| `")]
    listed = sorted(name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1]))
    there = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
    assert listed == there


def test_every_file_beside_the_rooms_is_named() -> None:
    beside = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert set(re.findall(r"`(\w+\.py)`", ROOMS)) >= beside


@pytest.mark.parametrize("name", NAMED)
def test_what_it_names_is_there(name: str) -> None:
    homes = [ROOT, PACKAGE, PACKAGE / "lowering", ROOT / "docs", ROOT / "models/banana/bundle"]
    placeholder = name.replace("VERB", "verify")
    assert any((home / placeholder).exists() for home in homes)


ANY = 60
"""Lines that name it, below which it is what no type can say, and not what nobody has said."""


def test_any_is_the_exception() -> None:
    lines = [
        f"{path.relative_to(PACKAGE)}:{number}"
        for path in PACKAGE.rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\bAny\b", line)
    ]
    assert len(lines) < ANY, lines


def test_every_room_is_checked_as_strictly() -> None:
    mypy = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    assert mypy["strict"]
    loosened = [each["module"] for each in mypy["overrides"] if each.keys() != {"module", "ignore_missing_imports"}]
    assert loosened == [["flowexport.sklearn"]]
