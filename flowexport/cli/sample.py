"""``flowexport sample``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .engine import Cluster, require_for_ray
from .engine import engine as engine_options
from .options import as_json as json_option
from .options import context_rows, examples
from .options import device as device_option
from .options import digest as digest_option
from .options import threads as threads_option

if TYPE_CHECKING:
    import numpy as np

    from flowexport.runtime import Model
    from flowexport.tables.columns import ColumnData


MOST = 10**30
"""Beyond all that anything holds, and short enough to be shown."""


# Generic for type checkers only: click below 8.4 cannot be subscripted.
class Whole(click.ParamType):  # type: ignore[type-arg]
    """A whole number from 0, with an exponent or without: 1000, 1e9."""

    name = "N"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from decimal import Decimal, InvalidOperation

        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = Decimal("NaN")
        if not (number.is_finite() and 0 <= number < MOST) or number != number.to_integral_value():
            self.fail(f"expected a whole number from 0, got {value!r}", param, ctx)
        return int(number)


@click.command(
    "sample", epilog=examples("sample banana -n 1000 --seed 0 -o samples.csv", "sample noisy_ring -n 10 --context 0.1")
)
@click.argument("bundle")
@click.option("-n", "count", type=Whole(), required=True, help="Rows, for each context; 1e9 is a number too.")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), help="The same seed gives the same rows in every language.")
@click.option("--temperature", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Scales the noise.")
@click.option("--context", metavar="V1,V2,…|FILE", help="One context, or a table of them.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A table.  [default: CSV on stdout]")
@json_option
@engine_options
@device_option
@threads_option
@digest_option
def command(
    bundle: str,
    count: int,
    seed: int | None,
    temperature: float,
    context: str | None,
    output: Path | None,
    as_json: bool,
    engine: str,
    cluster: Cluster | None,
    device: str,
    threads: int | None,
    digest: str | None,
) -> None:
    """Draw rows from a BUNDLE (a folder, or the name of a zoo model).

    A context is a number for each of its columns; for a category its name, or its code. With a table of contexts
    there are -n rows for each, one context after the other. The context of a row is written beside it, categories by
    their names, so that score reads what sample writes; an NPY file has their codes, or
    names that are numbers.

    With --engine ray many processes draw, and -o is a folder of Parquet files of 1,048,576 rows each: the same rows
    as without it, whatever the number of processes. What is done stays, and --resume goes on from there.
    """
    import json

    import numpy as np

    from flowexport.errors import InputError
    from flowexport.runtime import load
    from flowexport.runtime.categories import columns_of

    from .records import JsonWriter, writer_of
    from .screen import progress

    model = load(bundle, device, threads, digest=digest, engine=engine)
    model.require("sample")
    contexts = None if context is None else context_rows(context, model)
    if model.context_size and contexts is None:
        names = ", ".join(feature.name for feature in model.context_features)
        raise InputError("missing_context", f"this model needs {model.context_size} values ({names})", key="--context")
    if contexts is not None:
        contexts = np.atleast_2d(contexts)
    if cluster is not None:
        folder = require_for_ray(output, device, threads=threads, json=as_json)
        sample_by_ray(cluster, bundle, model, count, seed, temperature, contexts, folder)
        return
    total = count * (1 if contexts is None else len(contexts))
    columns = list(model.features)
    columns += [] if contexts is None else [feature.name for feature in model.context_features]
    require_room(output, total, len(columns), model.dtype.itemsize)
    with writer_of(output, columns, model.dtype, as_json) as writer, progress() as bar:
        task = bar.add_task("sampling", total=total)
        for rows in model.iterate_samples(count, contexts, seed, temperature):
            beside: list[ColumnData] = []
            if contexts is not None:
                of_rows = contexts[np.arange(writer.rows, writer.rows + len(rows)) // count]
                beside = columns_of(model.context_features, of_rows, writer.named)
            writer.write(*rows.reshape(len(rows), -1).T, *beside)
            bar.update(task, advance=len(rows))
        drawn = {"drawn": total, "seed": seed, "temperature": temperature}
        if isinstance(writer, JsonWriter):
            writer.summary = drawn
    if as_json and output is not None:
        click.echo(json.dumps({"output": str(output), **drawn}))


def sample_by_ray(
    cluster: Cluster,
    bundle: str,
    model: "Model",
    count: int,
    seed: int | None,
    temperature: float,
    contexts: "np.ndarray | None",
    output: Path,
) -> None:
    """Draws rows by the processes of a cluster."""
    import secrets

    from flowexport.cluster import Sampler, sample_files

    from .engine import everywhere
    from .screen import progress

    if seed is None:
        seed = secrets.randbits(64)
        click.echo(f"flowexport: --seed {seed}", err=True)
    fixed = None if contexts is None else tuple(map(tuple, contexts.tolist()))
    sampler = Sampler(everywhere(bundle), model.bundle.sha256, count, seed, temperature, fixed)
    with progress() as bar:
        task = bar.add_task("sampling", total=None)
        sample_files(
            sampler,
            output,
            address=cluster.address,
            workers=cluster.workers,
            resume=cluster.resume,
            advance=lambda done, of: bar.update(task, completed=done, total=of),
        )


def require_room(output: Path | None, rows: int, columns: int, itemsize: int) -> None:
    """Refuses rows that the disk cannot hold, or nobody could read, before the first is written.

    Raises:
        DataError: with what they take: in text at least a digit and what follows it.
    """
    import shutil

    from flowexport.errors import DataError

    least = rows * columns * (itemsize if output is not None and output.suffix.lower() == ".npy" else 2)
    if rows >= 2**63:
        raise DataError(f"-n: {rows:,} rows are at least {least:,} bytes, more than any file holds")
    if output is None or not output.parent.is_dir() or (output.exists() and not output.is_file()):
        return
    free = shutil.disk_usage(output.parent).free
    if output.suffix.lower() in (".csv", ".npy") and least > free:
        raise DataError(f"{rows:,} rows are at least {least:,} bytes, and {free:,} are free", file=output)
