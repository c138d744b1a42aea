"""Options that several verbs share."""

__all__ = [
    "Counts",
    "as_json",
    "context_rows",
    "device",
    "dialect",
    "digest",
    "engine",
    "examples",
    "threads",
]

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import numpy as np

    from flowexport.runtime import Model

device = click.option(
    "--device",
    default="auto",
    show_default=True,
    metavar="DEVICE",
    help="auto, cpu, cuda or cuda:N; named, it must be had.",
)
engine = click.option(
    "--engine", default="auto", show_default=True, metavar="ENGINE", help="auto, or one by name, which must be had."
)
threads = click.option("--threads", type=click.IntRange(min=1), help="Threads over blocks of rows.  [default: all]")
digest = click.option("--digest", metavar="HEX", help="The bundle's, as inspect shows it; any other is refused.")
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")


def dialect(command: "Callable[..., None]") -> "Callable[..., None]":
    """How text tables are written, in three options."""
    for option in (
        click.option("--encoding", metavar="NAME", help="Of text tables.  [default: utf-8]"),
        click.option("--decimal", type=click.Choice([".", ","]), help="Of text tables.  [default: found]"),
        click.option("--delimiter", metavar="CHARACTER", help="Of text tables; tab is one.  [default: found]"),
    ):
        command = option(command)

    @wraps(command)
    def taking(*, delimiter: str | None, decimal: str | None, encoding: str | None, **others: object) -> None:
        from flowexport.errors import DataError
        from flowexport.tables import Dialect

        try:
            given = Dialect(delimiter, decimal, encoding)
        except DataError as error:
            raise error.told(DataError, key=f"--{error.key}") from error
        command(dialect=given, **others)

    return taking


def examples(*commands: str) -> str:
    """The end of a verb's help: command lines, each as it is typed behind ``flowexport``."""
    # The first character keeps click from wrapping what follows.
    return "\n".join(["\b", "Examples:", *(f"  flowexport {command}" for command in commands)])


TABLES = (".csv", ".npy", ".parquet")
"""Endings by which ``--context`` is known for a file."""


# Generic for type checkers only: click below 8.4 cannot be subscripted.
class Counts(click.ParamType):  # type: ignore[type-arg]
    """Whole numbers from 1 with commas between them."""

    name = "N,…"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        if isinstance(value, list):
            return value
        try:
            counts = [int(each) for each in str(value).split(",")]
        except ValueError:
            counts = []
        if not counts or min(counts) < 1:
            self.fail(f"expected whole numbers from 1 with commas between them, got {value!r}", param, ctx)
        return counts


def context_rows(given: str, model: "Model") -> "np.ndarray":
    """``--context``: values with commas between them, ``[context]``, or a table, ``[rows, context]``.

    A value is a number, or the name of a category (in quotes where it has a comma), or its code.

    Raises:
        DataError: where it is neither, or does not fit the model.
    """
    import csv

    import numpy as np

    from flowexport.errors import DataError, InputError
    from flowexport.runtime.categories import coders_of
    from flowexport.tables import ENDINGS, open_table

    if not model.context_size:
        raise DataError("this model takes none", key="--context")
    names = [feature.name for feature in model.context_features]
    if given == "-" or given.startswith("/dev/") or given.lower().endswith(ENDINGS):
        table = open_table(given)
        chosen = table.match(names)
        coders = coders_of(model.context_features, chosen, codes=not table.named)
        blocks = list(table.blocks(chosen, coders))
        for block in blocks:
            block.require_finite()
        if not blocks:
            raise DataError(f"{given}: has no rows", key="--context")
        return np.concatenate([block.values for block in blocks])
    try:
        cells = next(csv.reader([given], skipinitialspace=True), [])
    except csv.Error:  # a line break outside of quotes, or a cell without end
        cells = []
    if len(cells) != model.context_size:
        wanted = f"{model.context_size} values with commas between them ({', '.join(names)})"
        raise DataError(f"expected {wanted}, or a file ({', '.join(ENDINGS)}), got {given!r}", key="--context")
    try:
        return model.context(cells)
    except InputError as error:
        raise error.told(DataError, key=f"--{error.key}") from error
