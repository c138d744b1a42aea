"""``flowexport convert``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import examples

if TYPE_CHECKING:
    from flowexport.convert import Precision
    from flowexport.convert.storage import Weights


@click.command(
    "convert",
    epilog=examples(
        "convert banana --to c -o banana_c",
        "convert banana --to wasm -o banana_wasm",
        "convert diamonds --to c --weights float16 --max-nats 5e-3 -o diamonds_c",
    ),
)
@click.argument("bundle", metavar="BUNDLE")
@click.option("--to", type=click.Choice(["c", "wasm", "ort", "openvino"]), required=True, help="What it becomes.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="A folder that is not there yet.")
@click.option(
    "--weights",
    type=click.Choice(["float32", "float16", "int8"]),
    default="float32",
    show_default=True,
    help="How weights are kept; the arithmetic is float32.",
)
@click.option(
    "--max-nats",
    type=click.FloatRange(min=0, min_open=True),
    metavar="NATS",
    help="Refuse where the 99th percentile of |Δ log_prob| on data is larger.",
)
@click.option("--name", help="Of the files and functions.  [default: the bundle's]")
def command(bundle: str, to: str, output: Path, weights: Weights, max_nats: float | None, name: str | None) -> None:
    """Write a BUNDLE as a program for where no runtime fits.

    c is C99 without heap and libm: a folder for make, CMake, Arduino and PlatformIO, with a test on the golden cases.
    wasm is that as WebAssembly, compiled by clang and lld, in one file of JavaScript, for pages and npm. ort is
    ONNX Runtime's own format, with the operators that a reduced build needs; openvino is OpenVINO's. What it costs
    beside the trained model is printed, and kept in precision.json.
    """
    from flowexport.bundle import settled
    from flowexport.convert import c_files, openvino_files, ort_files, wasm_files
    from flowexport.deploy import place_new

    written = {"c": c_files, "wasm": wasm_files, "ort": ort_files, "openvino": openvino_files}[to]
    files, costs = settled(bundle, lambda opened: written(opened, weights, max_nats, name))
    place_new(output.absolute().parent, {f"{output.name}/{path}": data for path, data in files.items()})
    for path in sorted(files):
        click.echo(output / path)
    for rows, cost in costs.items():
        click.echo(cost_line(rows, cost))


def cost_line(rows: str, cost: Precision) -> str:
    """What a converted model costs, in a line."""
    return (
        f"|Δ log_prob| on {cost.rows} rows of {rows}, in nats: mean {cost.mean:.1e}, p99 {cost.p99:.1e}, "
        f"max {cost.most:.1e} ({cost.share:.1e} of itself); a row moves by {cost.ranks:.2%} of the ranks, "
        f"{cost.most_ranks:.2%} at most"
    )
