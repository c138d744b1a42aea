"""``flowexport score``."""

from pathlib import Path

import click

from .options import context_coders, context_rows
from .options import device as device_option
from .options import digest as digest_option
from .options import threads as threads_option


@click.command("score")
@click.argument("bundle")
@click.argument("rows", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="CSV, NPY or Parquet.  [default: CSV on stdout]")
@click.option("--context", metavar="V1,V2,…", help="One context for all rows, instead of columns of ROWS.")
@click.option(
    "--flag",
    metavar="FRACTION",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="A column of 1 where a row is less likely than this share of the reference, and of 0.",
)
@click.option("--calibrate", is_flag=True, help="Percentiles among samples of each row's own context.")
@click.option("--draws", type=click.IntRange(2), help="With --calibrate: samples of each context.  [default: 1000]")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), help="With --calibrate: of these samples.  [default: 0]")
@device_option
@threads_option
@digest_option
def command(
    bundle: str,
    rows: Path,
    output: Path | None,
    context: str | None,
    flag: float | None,
    calibrate: bool,
    draws: int | None,
    seed: int | None,
    device: str,
    threads: int | None,
    digest: str | None,
) -> None:
    """Score ROWS (CSV, NPY or Parquet) under a BUNDLE: log_prob in nats, and its percentile.

    Columns are matched by name, features then context; those of an NPY file by position. A category is read by its
    name, never by its code; names that are numbers are compared as numbers. A row outside the bounds of a bounded
    feature gets -inf. The percentile is where a row's log_prob stands among those of the data that the model was
    made from. Rows are streamed, so memory does not grow with them; a bad row stops the command, by its number, and
    leaves no file.

    Reference rows have all contexts; with --calibrate the percentile is among the model's own samples of the row's
    context, which takes --draws times as long for each that is new.
    """
    import numpy as np

    from flowexport.errors import DataError
    from flowexport.runtime import load
    from flowexport.runtime.calibration import DRAWS
    from flowexport.tables import open_table, open_writer

    from .ranks import ranks_of
    from .screen import progress

    if not calibrate and (draws is not None or seed is not None):
        raise click.UsageError("--draws and --seed belong to --calibrate")
    model = load(bundle, device, threads, digest=digest)
    if output is not None and output.exists() and rows.exists() and output.samefile(rows):
        raise DataError(f"{output}: is the table that is read; write the scores to another file")
    table = open_table(rows)
    width = int(np.prod(model.event_shape))
    columns = list(model.manifest.features or [f"x{i}" for i in range(width)])
    fixed = None
    if context is not None:
        fixed = context_rows(context, model)
        if fixed.ndim > 1:
            raise DataError("--context: one context for all rows; put more into columns of the table")
    elif model.context_size:
        columns += [feature.name for feature in model.context_features]
    chosen = table.match(columns)
    coders = context_coders(chosen[width:], model, codes=not table.named) if fixed is None else {}
    ranks = ranks_of(model, flag, (draws or DRAWS, seed or 0) if calibrate else None)
    figures = ["log_prob", *ranks.columns]
    with open_writer(output, figures, model.dtype if len(figures) == 1 else np.float64) as writer, progress() as bar:
        task = bar.add_task("scoring", total=table.rows)
        for block in table.blocks(chosen, coders):
            block.require_finite()
            block.require_within(model.dtype)
            x = block.values[:, :width].reshape(-1, *model.event_shape)
            given = fixed if fixed is not None else block.values[:, width:] if model.context_size else None
            log_prob = model.log_prob(x, given)
            writer.write(log_prob, *ranks.of(log_prob, given))
            bar.update(task, advance=len(x))
    for line in ranks.remarks():
        click.echo(f"flowexport: {line}", err=True)
