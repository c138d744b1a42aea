"""``flowexport init``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import dialect as dialect_option
from .options import examples

if TYPE_CHECKING:
    from flowexport.tables import Dialect


@click.command("init", epilog=examples("init rows.csv", "init 2024.csv 2025.csv -o market.toml"))
@click.argument("rows", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("recipe.toml"),
    show_default=True,
    help="The recipe to write; one that is there stays.",
)
@dialect_option
def command(rows: tuple[Path, ...], output: Path, dialect: "Dialect") -> None:
    """Write a first recipe for ROWS: what each column is, by its cells, with the reason beside it.

    Text and flags become categories of the context; positive columns and fractions get the map that keeps them so;
    columns that number rows, are constant, or say what another says are left out. The recipe trains as it stands.
    """
    import os
    import re

    from flowexport.errors import DataError
    from flowexport.files import write_file
    from flowexport.tables import Dialect, open_table
    from flowexport.training.draft import draft
    from flowexport.training.proposal import propose

    if os.path.lexists(output):
        raise DataError("is there already; name another recipe with -o", file=output)
    if any(str(path) == "-" or path.is_relative_to("/dev") for path in rows):
        raise DataError("a recipe names its file, and a pipe has no name; write the rows to a file first")
    table = open_table(rows, dialect)
    proposal = propose(table)
    parted = {part.dialect.delimiter for part in table.parts if part.dialect} | {dialect.delimiter}
    decimal = {part.dialect.decimal for part in table.parts if part.dialect} | {dialect.decimal}
    found = Dialect(unusual(parted, ","), unusual(decimal, "."), dialect.encoding)
    files = [os.path.relpath(path, output.parent) for path in rows]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", rows[0].name.split(".")[0]).strip("-._")[:64] or "model"
    write_file(output, draft(name, [file.replace(os.sep, "/") for file in files], found, proposal).encode())
    given = f", given {len(proposal.categorical)}" if proposal.categorical else ""
    click.echo(f"{output}: {len(proposal.columns)} features{given}; {len(proposal.left_out)} columns left out")
    click.echo(f"next: flowexport train {output} -o run")


def unusual(found: "set[str | None]", usual: str) -> "str | None":
    """What all files are written with, if it is not the usual."""
    known = found - {None}
    return known.pop() if len(known) == 1 and known != {usual} else None
