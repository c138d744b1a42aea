"""``flowexport evaluate``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import as_json as json_option
from .options import device as device_option
from .options import dialect as dialect_option
from .options import examples

if TYPE_CHECKING:
    import numpy as np

    from flowexport.tables import Dialect, Given

    from .judged import Judged, Rows


@click.command(
    "evaluate",
    epilog=examples(
        "evaluate run -o report.html",
        "evaluate bundle new_rows.parquet",
        "evaluate bundle new_rows.parquet --compare other_bundle",
    ),
)
@click.argument("model", metavar="RUN|BUNDLE", type=click.Path(path_type=Path))
@click.argument("rows", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--compare", metavar="RUN|BUNDLE", type=click.Path(path_type=Path), help="Another model, on the same rows."
)
@click.option(
    "--fit-on",
    metavar="ROWS",
    type=click.Path(path_type=Path),
    help="A table of other rows, on which the Gaussian and the mixture are fitted.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="An HTML report, pictures included.")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=0, show_default=True, help="Of the samples.")
@dialect_option
@device_option
@json_option
def command(
    model: Path,
    rows: tuple[Path, ...],
    compare: Path | None,
    fit_on: Path | None,
    output: Path | None,
    seed: int,
    dialect: "Dialect",
    device: str,
    as_json: bool,
) -> None:
    """Say how good a RUN or a BUNDLE is on ROWS that it was not trained on.

    The negative log-likelihood beside that of a Gaussian and of a mixture of Gaussians on the same rows, and of another
    model; whether the latents are normal; features of rows and of samples; whether a classifier tells rows from
    samples; and how many rows are less likely than the whole reference. -o makes a report of it, with pictures, in one
    file.

    Without ROWS a run folder is judged on the rows that it held out, beside densities fitted on its training rows. With
    ROWS, of a table, both densities are fitted on four fifths of them and judge the last fifth, five times over, unless
    --fit-on names other rows. Those with a context are linear in it.
    """
    from flowexport.errors import MissingExtra
    from flowexport.evaluation.evaluate import evaluate
    from flowexport.evaluation.page import page, tables
    from flowexport.evaluation.pictures import draw_pictures
    from flowexport.files import write_file
    from flowexport.tables import sources_of

    from .judged import open_judged
    from .screen import show_table, waiting

    if output is not None and output.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"-o: expected a file that ends in .html, got {output}")
    judged = open_judged(model, device)
    table = [*sources_of(rows, again=True)]  # of which a model that is compared reads other columns
    chosen = rows_of(judged, table, dialect, model)
    other = None if compare is None else log_prob_of(open_judged(compare, device), judged, chosen, table, dialect)
    with waiting("judging"):
        measured = evaluate(
            judged,
            chosen.x,
            chosen.context,
            rows_are=chosen.words,
            fitted_on=fitted_on(judged, fit_on, dialect, kept=not table),
            other=other,
            other_name=str(compare),
            latent=None if judged.latent is None else judged.latent(chosen.x, chosen.context),
            latent_reason=judged.latent_reason,
            lowest=judged.lowest if table else None,
            levels=judged.levels,
            seed=seed,
        )
    if output is not None:
        pictures = {}
        with waiting("drawing"):
            try:
                pictures = draw_pictures(measured, judged.event_shape)
            except MissingExtra as error:
                click.echo(f"flowexport: {output}: without pictures: {error}", err=True)
        write_file(output, page(measured.figures, pictures).encode())
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(measured.figures), indent=2).decode())
        return
    for title, columns, lines in tables(measured.figures):
        show_table(columns, lines, f"\n{title}")
    if output is not None:
        click.echo(f"\n{output}: {output.stat().st_size:,} bytes")


def rows_of(judged: "Judged", table: "Sequence[Given]", dialect: "Dialect", path: Path) -> "Rows":
    """The rows of a table, or those that a run held out."""
    from flowexport.errors import DataError

    if table:
        return judged.read(table, dialect)
    if judged.held_out is None:
        raise DataError(f"keeps no rows to judge it on: flowexport evaluate {path} ROWS", file=path)
    return judged.held_out


def fitted_on(
    judged: "Judged", fit_on: Path | None, dialect: "Dialect", kept: bool
) -> "tuple[np.ndarray, np.ndarray | None, str] | None":
    """The rows that simple densities are fitted on; None for folds of the rows that are judged on.

    Arguments:
        kept: whether those that a run was trained on may be taken.
    """
    found = judged.read(fit_on, dialect) if fit_on is not None else judged.training if kept else None
    return None if found is None else (found.x, found.context, found.words)


def log_prob_of(
    other: "Judged", judged: "Judged", chosen: "Rows", table: "Sequence[Given]", dialect: "Dialect"
) -> "np.ndarray":
    """The log_prob of the same rows under another model of the same features.

    Raises:
        DataError: where it is of other features, or needs a context that is not there.
    """
    import numpy as np

    from flowexport.errors import DataError

    if sorted(other.features) != sorted(judged.features):
        names = f"{', '.join(other.features[:20])} and {', '.join(judged.features[:20])}"
        raise DataError(f"densities of different features cannot be compared ({names})", key="--compare")
    if table:
        found = other.read(table, dialect)
        return other.log_prob(found.x, found.context)
    columns = dict(zip(judged.features, chosen.x.T, strict=True))
    if chosen.context is not None:
        columns |= dict(zip((each.name for each in judged.context_features), chosen.context.T, strict=True))
    wanted = [each.name for each in other.context_features]
    if not set(wanted) <= columns.keys():
        raise DataError(f"needs the context {', '.join(wanted)}; name a table of ROWS that has it", key="--compare")
    context = np.stack([columns[name] for name in wanted], axis=1) if wanted else None
    return other.log_prob(np.stack([columns[name] for name in other.features], axis=1), context)
