"""Which of make's loops a test belongs to, by the folder that it lies in and the flow that it is about."""

from __future__ import annotations

__all__ = ["left_out_of_quick", "sort_into_loops"]

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.flows.cases import PAIRS
from tests.flows.image_cases import IMAGES

TESTS = Path(__file__).parent

IN_MAKE_TEST = ("python", "go")
"""The languages whose programs `make test` runs; the others are for `make test-languages`."""

NOT_QUICK = ("benchmarks", "convert", "deploy", "docs", "evaluation", "interop", "models")
"""Rooms that train, run what others have written, or go through the whole package."""

LEFT_OUT_OF_QUICK = (
    *NOT_QUICK,
    "runtime_examples",
    "native",
    "bundle/test_files.py",
    "bundle/test_imports.py",
    "cli/test_categories.py",
    "cli/test_cli.py",
    "cli/test_exit.py",
    "export/test_ordinary.py",
    "proof/test_mass.py",
    "proof/test_substance.py",
    "runtime/test_frames.py",
    "runtime/test_processes.py",
    "runtime/test_threads.py",
    "serving/test_lifetime.py",
    "tables/test_sources.py",
    "training/test_arguments.py",
    "training/test_halves.py",
    "training/test_run.py",
)
"""Those rooms, and what starts a process or verifies a bundle for almost every test: a third of all time."""

PAIRED = PAIRS.keys() | set(list(IMAGES)[2:])
"""Flows of paired options, of which there are many: `make test-quick` leaves it at those with names of their own."""


def left_out_of_quick(path: Path) -> bool:
    """Whether all that lies in a folder or in a file is for other loops than `make test-quick`."""
    return path.is_relative_to(TESTS) and path.relative_to(TESTS).as_posix() in LEFT_OUT_OF_QUICK


def sort_into_loops(items: Iterable[pytest.Item]) -> None:
    """Marks tests as ``programs``, ``languages`` and ``thorough``; pyproject.toml says what each is."""
    for item in items:
        room = item.path.relative_to(TESTS).parts[0]
        given = {name: str(value) for name, value in getattr(getattr(item, "callspec", None), "params", {}).items()}
        if room == "runtime_examples":
            item.add_marker("programs")
            if given.get("language", given.get("reader")) not in IN_MAKE_TEST:
                item.add_marker("languages")
        elif room in NOT_QUICK or not PAIRED.isdisjoint(given.values()):
            item.add_marker("thorough")
