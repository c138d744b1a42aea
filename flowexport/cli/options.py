"""Options that several verbs share."""

__all__ = ["as_json", "context_rows", "device", "threads"]

from pathlib import Path
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
threads = click.option("--threads", type=click.IntRange(min=1), help="Threads over blocks of rows.  [default: all]")
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")


def context_rows(given: str, model: "Model") -> "np.ndarray":
    """``--context``: numbers with commas between them, ``[context]``, or a table, ``[rows, context]``.

    Raises:
        DataError: where it is neither, or does not fit the model.
    """
    import numpy as np

    from flowexport.errors import DataError
    from flowexport.tables import open_table

    names = [entry["name"] for entry in model.manifest.context_features or []]
    if not model.context_size:
        raise DataError("--context: this model takes none")
    try:
        values = np.array([float(part) for part in given.split(",")])
    except ValueError:
        if not Path(given).suffix:
            raise DataError(f"--context: {given!r} is neither numbers with commas between them nor a file") from None
        table = open_table(given)
        blocks = list(table.blocks(table.match(names)))
        for block in blocks:
            block.require_finite()
        if not blocks:
            raise DataError(f"--context: {given}: has no rows") from None
        return np.concatenate([block.values for block in blocks])
    if len(values) != model.context_size or not np.isfinite(values).all():
        raise DataError(f"--context: expected {model.context_size} finite numbers ({', '.join(names)}), got {given!r}")
    return values
