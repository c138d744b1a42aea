"""What ``flowexport export --from`` does."""

from __future__ import annotations

__all__ = ["export_adopted"]

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click
import numpy as np

from flowexport.bundle import DIRECTIONS
from flowexport.bundle.schema import Dtype
from flowexport.errors import CheckpointError, DataError, FlowExportError
from flowexport.export.export import export
from flowexport.flows import Flow
from flowexport.interop.load import LIBRARIES, load_original
from flowexport.proof import Report
from flowexport.tables import open_table


def export_adopted(
    library: str,
    path: Path,
    arguments: Path | None,
    trust_pickle: bool,
    data: Path | None,
    bundle: Path,
    dtype: Dtype,
    weights: bool,
    golden: Literal["data", "samples"] | None = None,
    graphs: Sequence[str] = DIRECTIONS,
) -> Report:
    """Adopts the model of a file and exports it, with the library's own numbers as the golden cases.

    Raises:
        CheckpointError: where the file cannot be read.
        ArgumentError: where the model cannot be adopted.
        DataError: where the rows cannot be read.
        CheckFailed: where the bundle says anything but what the library says; nothing is put in place.
    """
    # In float64 from the start: what adopting computes anew from the weights is then rounded once, in the graphs.
    module = load_original(library, path, arguments, trust_pickle, warn).double()
    try:
        original, flow = LIBRARIES[library].numbers(module), LIBRARIES[library].adopt(module)
    except FlowExportError:
        raise
    # The library's own code, on whatever tensors the file had.
    except Exception as error:
        raise CheckpointError(f"{library} cannot run this model: {type(error).__name__}: {error}", file=path) from error
    names: list[str] | None = None
    rows: np.ndarray | None = None
    if data is not None:
        names, rows = read_rows(data, flow)
    split = flow.features
    return export(
        flow,
        bundle,
        None if rows is None else rows[:, :split],
        None if rows is None or not flow.context else rows[:, split:],
        features=None if names is None else names[:split],
        context_features=None if names is None or not flow.context else names[split:],
        dtype=dtype,
        weights=weights,
        original=original,
        golden=golden or "data",
        graphs=graphs,
    )


def read_rows(path: Path, flow: Flow) -> tuple[list[str] | None, np.ndarray]:
    """The names of a table's columns, where it has any, and its rows ``[rows, features + context]``."""
    table = open_table(path)
    if len(table.columns) != flow.features + flow.context:
        wanted = f"{flow.features} features" + (f" and {flow.context} columns of context" if flow.context else "")
        raise DataError(
            f"{path}: {len(table.columns)} columns, and this model takes {wanted}, in that order", key="--data"
        )
    blocks = list(table.blocks(table.columns))
    for block in blocks:
        block.require_finite()
    if not blocks:
        raise DataError(f"{path}: has no rows", key="--data")
    return table.columns if table.named else None, np.concatenate([block.values for block in blocks])


def warn(message: str) -> None:
    """One line on standard error."""
    click.echo(f"flowexport: warning: {message}", err=True)
