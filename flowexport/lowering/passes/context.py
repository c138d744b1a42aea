"""What is done to the context before networks read it goes into their first matrices."""

from __future__ import annotations

__all__ = ["without_context_scales"]

from dataclasses import replace

import numpy as np

from ..networks import depends_on_nothing, with_first
from ..program import Array, Column, Coupling, Dense, Program


def without_context_scales(program: Program) -> Program:
    """A program → one whose numbers of context have a scale of one, and whose codes become one-hot rows."""
    if not program.columns:
        return program

    def read_plainly(coupling: Coupling) -> Coupling:
        if depends_on_nothing(coupling.network):
            return coupling

        def wider(dense: Dense) -> Dense:
            columns, start = [dense.weight[:, : len(coupling.reads)]], len(coupling.reads)
            for column in program.columns:
                columns.append(plainly(column, dense.weight[:, start : start + column.width]))
                start += column.width
            return Dense(np.concatenate(columns, axis=1), dense.bias)

        return replace(coupling, network=with_first(coupling.network, wider))

    return replace(
        program,
        columns=tuple(
            Column(column.mean, 1.0) if column.table is None else replace(column, table=np.eye(len(column.table)))
            for column in program.columns
        ),
        layers=tuple(read_plainly(layer) if isinstance(layer, Coupling) else layer for layer in program.layers),
    )


def plainly(column: Column, weight: Array) -> Array:
    """Columns of a matrix that read what a column of context is, as columns that read what it was."""
    return weight / column.scale if column.table is None else weight @ column.table.T
