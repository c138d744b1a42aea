"""Which of make's loops a test of the programs belongs to, by the folder that it lies in."""

from __future__ import annotations

__all__ = ["sort_into_loops"]

from collections.abc import Iterable
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "runtime_examples"

IN_MAKE_TEST = ("python", "go")
"""The languages whose programs `make test` runs; the others are for `make test-languages`."""


def sort_into_loops(items: Iterable[pytest.Item]) -> None:
    """Marks the tests of programs as ``programs``, and those of all languages but two as ``languages`` too."""
    for item in items:
        if PROGRAMS in item.path.parents:
            item.add_marker("programs")
            call = getattr(item, "callspec", None)
            if call is None or str(call.params.get("language")) not in IN_MAKE_TEST:
                item.add_marker("languages")
