"""``flowexport score``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .engine import Cluster, require_for_ray
from .engine import engine as engine_options
from .options import as_json as json_option
from .options import context_rows, examples
from .options import device as device_option
from .options import dialect as dialect_option
from .options import digest as digest_option
from .options import threads as threads_option

if TYPE_CHECKING:
    import numpy as np

    from flowexport.cluster import Scorer
    from flowexport.runtime import Model
    from flowexport.runtime.scoring import Missing, Scoring
    from flowexport.tables import Dialect


@click.command(
    "score",
    epilog=examples(
        "score bundle rows.csv -o scores.csv",
        "score bundle rows.parquet -o scores.parquet --flag 0.01",
        "score noisy_ring rows.csv --context 0.1",
        "score bundle - --missing drop --id key",
        "score bundle 2024 2025 --keep --skip-bad bad.csv -o scores.parquet",
    ),
)
@click.argument("bundle")
@click.argument("rows", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A table.  [default: CSV on stdout]")
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
@click.option(
    "--missing",
    type=click.Choice(["refuse", "drop", "empty"]),
    default="refuse",
    show_default=True,
    help="Rows without a value, NaN among them: stop, leave them out, or write them without a score.",
)
@click.option("--keep", is_flag=True, help="Write all columns of ROWS before the scores.")
@click.option("--id", "ids", metavar="COLUMN", multiple=True, help="Write this column of ROWS; may be given again.")
@click.option(
    "--skip-bad",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Leave bad rows out; FILE, a table, gets them with their reasons.",
)
@engine_options
@dialect_option
@json_option
@device_option
@threads_option
@digest_option
def command(
    bundle: str,
    rows: tuple[Path, ...],
    output: Path | None,
    context: str | None,
    flag: float | None,
    calibrate: bool,
    draws: int | None,
    seed: int | None,
    missing: "Missing",
    keep: bool,
    ids: tuple[str, ...],
    skip_bad: Path | None,
    as_json: bool,
    engine: str,
    cluster: Cluster | None,
    dialect: "Dialect",
    device: str,
    threads: int | None,
    digest: str | None,
) -> None:
    """Score ROWS under a BUNDLE: log_prob in nats, and its percentile.

    ROWS are tables, one after the other: files, folders of them, or - for standard input. A table is CSV or TSV, either
    of them by gzip too, NPY, Parquet, or Feather, by the end of its name; a pipe is known by its first bytes. What
    parts the cells of a text table, and its decimal sign, are found in its first lines, and said where they are not
    comma and point.

    Columns are matched by name, features then context; those of an NPY file by position. A category is read by its
    name, never by its code; names that are numbers are compared as numbers. A row outside the bounds of a bounded
    feature gets -inf. The percentile is where a row's log_prob stands among those of the data that the model was
    made from. Rows are streamed, so memory does not grow with them; a bad row stops the command, by its number, and
    leaves no file, unless --skip-bad takes it.

    With --engine ray many processes score, a file or some of its rows each; -o is a folder, in which the scores of each
    file have the file's own name. What is done stays, and --resume goes on from there.

    Reference rows have all contexts; with --calibrate the percentile is among the model's own samples of the row's
    context, which takes --draws times as long for each that is new.
    """
    from contextlib import nullcontext

    import numpy as np

    from flowexport.runtime import load
    from flowexport.runtime.calibration import DRAWS
    from flowexport.runtime.ranks import ranks_of
    from flowexport.runtime.scoring import BAD, Scoring, require_kept
    from flowexport.tables import open_table, open_writer

    from .records import JsonWriter, writer_of
    from .screen import progress

    if not calibrate and (draws is not None or seed is not None):
        raise click.UsageError("--draws and --seed belong to --calibrate")
    calibrated = (draws or DRAWS, seed or 0) if calibrate else None
    if cluster is not None:
        from flowexport.cluster import Scorer

        from .engine import everywhere

        folder = require_for_ray(output, device, threads=threads, skip_bad=skip_bad)
        model = load(bundle, "cpu", 1, digest=digest)
        model.require("log_prob")
        own = None if context is None else tuple(one_context(context, model).tolist())
        digest = model.bundle.sha256
        scorer = Scorer(everywhere(bundle), digest, own, flag, calibrated, dialect, missing, keep, ids)
        say(score_by_ray(cluster, scorer, rows, folder), output, as_json)
        return
    model = load(bundle, device, threads, digest=digest, engine=engine)
    model.require("log_prob")
    require_other(output, "scores", rows)
    require_other(skip_bad, "bad rows", [*rows, *([output] if output else [])])
    table = open_table(rows, dialect)
    fixed = None if context is None else one_context(context, model)
    ranks = ranks_of(model, flag, calibrated)
    figures = ["log_prob", *ranks.columns]
    kept = list(ids or (table.columns if keep else ()))
    require_kept(table, kept, figures)
    columns = [*kept, *figures]
    with (
        open_writer(skip_bad, BAD) if skip_bad else nullcontext() as bad,
        writer_of(output, columns, model.dtype if len(columns) == 1 else np.dtype(float), as_json) as writer,
        progress() as bar,
    ):
        scoring = Scoring(model, ranks, fixed, missing, kept, not writer.text, bad)
        task = bar.add_task("scoring", total=table.rows)
        for found in scoring.blocks(table):
            writer.write(*found)
            bar.update(task, completed=scoring.read)
        if isinstance(writer, JsonWriter):
            writer.summary = summary_of(scoring)
    say(scoring, output, as_json)


def say(scoring: "Scoring", output: Path | None, as_json: bool) -> None:
    """What is to be said when all rows are scored."""
    import json

    if as_json and output is not None:
        click.echo(json.dumps({"output": str(output), **summary_of(scoring)}))
    elif not as_json:
        for line in scoring.remarks():
            click.echo(f"flowexport: {line}", err=True)


def summary_of(scoring: "Scoring") -> dict[str, object]:
    """All that was done, as members of a JSON document."""
    from .records import in_json

    return {name: in_json(figure) for name, figure in scoring.summary().items()}


def score_by_ray(cluster: Cluster, scorer: "Scorer", rows: Sequence[Path], output: Path) -> "Scoring":
    """Scores files by the processes of a cluster."""
    from flowexport.cluster import score_files

    from .screen import progress

    with progress() as bar:
        task = bar.add_task("scoring", total=None)
        return score_files(
            scorer,
            rows,
            output,
            address=cluster.address,
            workers=cluster.workers,
            resume=cluster.resume,
            advance=lambda done, of: bar.update(task, completed=done, total=of),
        )


def one_context(given: str, model: "Model") -> "np.ndarray":
    """``--context``, ``[context]`` for all rows.

    Raises:
        DataError: for more of them.
    """
    from flowexport.errors import DataError

    context = context_rows(given, model)
    if context.ndim > 1:
        raise DataError("one context for all rows; put more into columns of the table", key="--context")
    return context


def require_other(output: Path | None, what: str, rows: Sequence[Path]) -> None:
    """Refuses to write to a table that is read, or written too.

    Raises:
        DataError: naming it.
    """
    from flowexport.errors import DataError
    from flowexport.tables import expanded

    if output is None or str(output) == "-":
        return
    for path in expanded(rows):
        if path == output or (output.is_file() and path.exists() and output.samefile(path)):
            raise DataError(f"is a table that is read, or written too; write the {what} to another file", file=output)
