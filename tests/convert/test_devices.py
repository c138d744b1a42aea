"""A bundle as C on other processors, emulated: the same answers, and on a microcontroller within its budget."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.edge.__main__ import measure
from benchmarks.edge.targets import CORTEX_M4, TARGETS, build, run
from tests.native.golden import VECTORS
from tests.runtime_examples.needs import require

from .builds import WARNINGS, convert

pytestmark = pytest.mark.slow

TWICE = ("Cortex-M4", "aarch64")
"""Processors of diamonds, which takes a compiler ten seconds."""

PAIRS = [(name, target) for target in TARGETS for name in VECTORS if name != "diamonds" or target in TWICE]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every vector model of the zoo in C."""
    root = tmp_path_factory.mktemp("devices")
    for name in VECTORS:
        done = convert(name, "--to", "c", "-o", root / name)
        assert done.exit_code == 0, done.output
    return {name: root / name for name in VECTORS}


def answers(folder: Path, target: str, *flags: str) -> str:
    """What the golden test of a folder says on a processor."""
    sources = [*(folder / "src").glob("*.c"), folder / "test" / "golden.c"]
    program = folder / f"golden_{target.replace(' ', '_')}"
    build(TARGETS[target], sources, program, f"-I{folder / 'src'}", *flags)
    return run(TARGETS[target], program)


@pytest.mark.parametrize(("name", "target"), PAIRS)
def test_golden_cases_hold_on_every_processor(name: str, target: str, folders: dict[str, Path]) -> None:
    require(target, TARGETS[target].tools)
    assert answers(folders[name], target, *WARNINGS if target != "Cortex-M4" else ()).startswith("OK: ")


@pytest.mark.parametrize("weights", ["float16", "int8"])
def test_fewer_bits_mean_the_same_on_a_microcontroller(weights: str, tmp_path: Path) -> None:
    require("Cortex-M4", CORTEX_M4.tools)
    done = convert("moons", "--to", "c", "--weights", weights, "-o", tmp_path / "moons")
    assert done.exit_code == 0, done.output
    assert answers(tmp_path / "moons", "Cortex-M4").startswith("OK: ")


def test_banana_fits_a_small_microcontroller(tmp_path: Path) -> None:
    """25 KB of flash, a kilobyte of stack, 30,000 instructions a row, which are exact where they are emulated."""
    require("Cortex-M4", [*CORTEX_M4.tools, "arm-none-eabi-size"])
    found = measure("banana", "float32", tmp_path)
    assert found.code + found.constants <= 25_000
    assert 100 < found.stack < 1024
    assert 10_000 < found.instructions <= 30_000
