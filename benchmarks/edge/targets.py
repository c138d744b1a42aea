"""Compilers for other processors, and the emulators that run what they make."""

from __future__ import annotations

__all__ = ["CORTEX_M4", "TARGETS", "Target", "build", "run"]

import subprocess
from dataclasses import dataclass
from pathlib import Path

BOARD = Path(__file__).parent / "board"

LIMIT_S = 300
"""Seconds that an emulated program may take."""


@dataclass(frozen=True)
class Target:
    """A processor.

    Arguments:
        compiler: its gcc.
        flags: of compiling and linking.
        emulator: the words before the program's path.
        sources: files that every program for it needs.
    """

    compiler: str
    flags: tuple[str, ...]
    emulator: tuple[str, ...]
    sources: tuple[Path, ...] = ()

    @property
    def tools(self) -> list[str]:
        """The executables that it needs."""
        return [self.compiler, self.emulator[0]]


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CORTEX_M4 = Target(
    "arm-none-eabi-gcc",
    (
        *words("-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -ffunction-sections -fdata-sections"),
        *words("-Wl,--gc-sections --specs=rdimon.specs -nostartfiles"),
        f"-T{BOARD / 'mps2-an386.ld'}",
    ),
    words(
        "qemu-system-arm -M mps2-an386 -icount shift=0 -display none -monitor none -serial none "
        "-semihosting-config enable=on,target=native -kernel"
    ),
    (BOARD / "start.c",),
)

TARGETS = {
    "Cortex-M4": CORTEX_M4,
    "armhf": Target("arm-linux-gnueabihf-gcc", words("-static -mfpu=vfpv3-d16"), words("qemu-arm")),
    "armhf, NEON": Target(
        "arm-linux-gnueabihf-gcc", words("-static -mfpu=neon-vfpv4 -ftree-vectorize"), words("qemu-arm")
    ),
    "aarch64": Target("aarch64-linux-gnu-gcc", words("-static"), words("qemu-aarch64")),
    "riscv64": Target("riscv64-linux-gnu-gcc", words("-static"), words("qemu-riscv64")),
}
"""Name → a processor that a bundle's C is run on."""


def build(target: Target, sources: list[Path], program: Path, *flags: str) -> None:
    """Builds a program.

    Raises:
        RuntimeError: with what the compiler said.
    """
    given = [target.compiler, "-O2", "-std=gnu99", *target.flags, *flags, *map(str, [*target.sources, *sources])]
    done = subprocess.run([*given, "-o", str(program)], capture_output=True, text=True)
    if done.returncode != 0 or done.stderr:
        raise RuntimeError(f"{' '.join(given)}: {done.stderr}")


def run(target: Target, program: Path) -> str:
    """What a program says.

    Raises:
        RuntimeError: where it fails.
    """
    done = subprocess.run([*target.emulator, str(program)], capture_output=True, text=True, timeout=LIMIT_S)
    if done.returncode != 0:
        raise RuntimeError(f"{program.name}: exit status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout
