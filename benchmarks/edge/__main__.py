"""What bundles cost on a device and as WebAssembly: python -m benchmarks.edge [MODEL ...].

Where no model is named, all are measured, into docs/edge.md.

Flash is code and constants of log_prob alone, as a linker leaves them (``-O2``, Cortex-M4F); stack is what a call
writes below its caller; instructions are those of one row, by the clock that QEMU's ``-icount`` derives from them. They
are not cycles. |Δ log_prob| is beside the trained model in float64, on the bundle's golden rows of data.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from string import Template

from flowexport.bundle import open_bundle, zoo_names
from flowexport.convert import Precision, c_files
from flowexport.convert.storage import WEIGHTS, Weights

from . import wasm
from .targets import BOARD, CORTEX_M4, build, run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "edge.md"
BEGIN, END = "<!-- {}: made by python -m benchmarks.edge -->", "<!-- end -->"


@dataclass(frozen=True)
class Measured:
    """A model with weights of one kind.

    Arguments:
        code, constants: bytes.
        stack: bytes.
        instructions: of a row.
        cost: on data.
    """

    code: int
    constants: int
    stack: int
    instructions: int
    cost: Precision


def measure(model: str, weights: Weights, folder: Path) -> Measured:
    """Builds and runs a model for the board."""
    files, costs = c_files(open_bundle(model), weights)
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    text = (BOARD / "measure.c.in").read_text(encoding="utf-8")
    (folder / "measure.c").write_text(Template(text).substitute(name=model), encoding="utf-8")
    sources = [folder / "src" / f"{model}.c", folder / "measure.c"]
    build(CORTEX_M4, sources, folder / "measure.elf", f"-I{folder / 'src'}", f"-I{folder / 'test'}")
    stack, instructions = map(int, run(CORTEX_M4, folder / "measure.elf").split())
    code, constants = flash(folder, model)
    return Measured(code, constants, stack, instructions, costs["data"])


def flash(folder: Path, model: str) -> tuple[int, int]:
    """Bytes of code and of constants that log_prob needs, and nothing else."""
    machine = [flag for flag in CORTEX_M4.flags if flag.startswith(("-m", "-f"))]
    linked = folder / "log_prob.o"
    words = [CORTEX_M4.compiler, "-O2", "-std=gnu99", *machine, "-r", "-nostdlib", "-Wl,--gc-sections"]
    words += [f"-Wl,-e,{model}_log_prob", str(folder / "src" / f"{model}.c"), "-o", str(linked)]
    subprocess.run(words, check=True)
    listed = subprocess.run(
        ["arm-none-eabi-size", "-A", str(linked)], capture_output=True, text=True, check=True
    ).stdout
    sizes = re.findall(r"^\.(text|rodata)\S*\s+(\d+)", listed, re.MULTILINE)
    return sum(int(size) for kind, size in sizes if kind == "text"), sum(
        int(size) for kind, size in sizes if kind != "text"
    )


def table(models: list[str]) -> str:
    """The figures as Markdown."""
    lines = [
        "| | code, bytes | constants: float32 | float16 | int8 | stack, bytes | instructions a row | "
        "p99 of \\|Δ log_prob\\|, nats: float32 | float16 | int8 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for model in models:
        found = {}
        for weights in WEIGHTS:
            with tempfile.TemporaryDirectory() as folder:
                found[weights] = measure(model, weights, Path(folder))
        whole = found["float32"]
        constants = " | ".join(f"{each.constants:,}" for each in found.values())
        costs = " | ".join(f"{each.cost.p99:.1e}" for each in found.values())
        lines.append(f"| {model} | {whole.code:,} | {constants} | {whole.stack:,} | {whole.instructions:,} | {costs} |")
        print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures, and writes the page where all are measured."""
    vectors = [name for name in zoo_names() if len(open_bundle(name).manifest.event_shape) == 1]
    models = sys.argv[1:] or vectors
    for part, found in (("devices", table(models)), ("wasm", wasm.table(models))):
        if not sys.argv[1:]:
            text = PAGE.read_text(encoding="utf-8")
            before, rest = text.split(begin := BEGIN.format(part))
            PAGE.write_text(f"{before}{begin}\n\n{found}\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
