"""Rows that no flow can fit well: what is wrong with them, a line each, with the cure."""

from __future__ import annotations

__all__ = ["diagnoses"]

from collections.abc import Sequence

import numpy as np

from .data import Rows

SEEN_ROWS = 10_000
"""Rows that are looked at, evenly from all, but for wild cells: a million rows of a hundred columns take seconds."""

FEW_ROWS = 20
ROWS_A_FEATURE = 10

COMMON_SHARE = 0.05
"""A value that one row in twenty has is a spike, where values that differ are a density."""

LEAST_REPEATS = 5
"""Rows that a value needs before it is called common: of fifty rows three may be equal by rounding alone."""

LONELY = 3.0
"""How many times as common as the next a value is that stands alone as a spike: else the column goes in steps."""

FAR = 20.0
"""Robust deviations from the median beyond which a cell is called wild."""

WILD_SHARE, ALONE = 1e-3, 5.0
"""A cell is wild where it is so many times as far out as the cells behind this share of the rows: else the column is
heavy in its tails, and no cell is to blame."""

TWIN, COLLINEAR = 1e-9, 2e-4
"""1 − |correlation| below which two columns are the same, or nearly so (0.9998)."""

PAIRS = 3
"""Pairs of columns that are named."""

COLLAPSING = 1e3
"""A largest value of so many spreads is where float32's 24 bits leave less than 16,000 steps to the spread."""

KEPT = 0.9
"""The share of distinct values that float32 must keep: 20,000 draws lose 1 in 100 where nothing is amiss."""


def diagnoses(rows: Rows, mapped: np.ndarray | None = None, single: bool = True) -> list[str]:
    """What a user should know before a flow is trained on rows.

    Arguments:
        rows: all that are trained on.
        mapped: ``[rows, features]``, the features behind their logarithms and logits, where they have any.
        single: whether the flow is of float32.
    """
    index = np.arange(min(len(rows), SEEN_ROWS)) * len(rows) // min(len(rows), SEEN_ROWS)
    x = rows.x[index]
    behind = x if mapped is None else mapped[index]
    whole = np.isfinite(behind).all(axis=1)
    lines = size_lines(rows)
    names = [column.name for column in rows.feature_columns]
    for position, name in enumerate(names):
        column = x[:, position]
        lines += [] if rows.feature_columns[position].step else value_lines(name, column)
        lines += collapse_lines(name, column) if single else []
        lines += wild_lines(
            name, rows.x[:, position] if mapped is None else mapped[:, position], behind[whole, position]
        )
    lines += likeness_lines(names, behind[whole])
    for position, given in enumerate(rows.context_columns):
        lines += collapse_lines(given.name, rows.context_of(position)[index]) if single else []
        if np.ptp(rows.context_of(position)) == 0:
            lines.append(f"context column {given.name!r} is constant: it tells the flow nothing; leave it out")
    return lines


def size_lines(rows: Rows) -> list[str]:
    """Too few rows for so many features."""
    count, features = rows.x.shape
    cure = "leave features out, gather rows, or take the NLL beside a Gaussian's as the judge"
    if count <= features:
        return [f"{count} rows for {features} features: fewer rows than features cannot tell a density; {cure}"]
    if count <= FEW_ROWS:
        return [f"{count} rows: too few to tell a density, and to judge one by; {cure}"]
    if count < ROWS_A_FEATURE * features:
        return [f"{count} rows for {features} features: fewer than {ROWS_A_FEATURE} a feature; {cure}"]
    return []


def value_lines(name: str, column: np.ndarray) -> list[str]:
    """Values that come again and again, of which a density makes spikes."""
    values, counts = np.unique(column, return_counts=True)
    if len(values) == 1:
        return []
    most = int(counts.argmax())
    share, repeats = counts[most] / len(column), len(column) / len(values)
    common = share >= COMMON_SHARE and counts[most] >= LEAST_REPEATS
    if len(values) == 2 and common:
        return [
            f"column {name!r} is a flag ({values[0]:g} or {values[1]:g}), which has no density; "
            "make it a category of the context, or leave it out"
        ]
    noise = f"discrete = [{name!r}] adds noise of a step's width in training"
    if bool((column == np.round(column)).all()) and (common or repeats > 2):
        return [f"column {name!r} holds whole numbers, of which a density makes spikes; {noise}"]
    if common and counts[most] >= LONELY * np.partition(counts, -2)[-2]:
        return [
            f"column {name!r} is {values[most]:g} in {share:.0%} of the rows, a spike that a density cannot have; "
            f"make {name!r} = {values[most]:g} a category of the context, or train on the other rows"
        ]
    if common or repeats >= FEW_ROWS:
        return [
            f"column {name!r} has {len(values)} distinct values, {values[most]:g} in {share:.0%} of the rows, of which "
            f"a density makes spikes; {noise}"
        ]
    return []


def collapse_lines(name: str, column: np.ndarray) -> list[str]:
    """Values that float32 cannot tell apart, such as times in seconds since 1970."""
    # Only what is large beside its own spread can fall together.
    if np.abs(column).max() < COLLAPSING * np.ptp(column) or np.ptp(column) == 0:
        return []
    distinct, left = len(np.unique(column)), len(np.unique(column.astype(np.float32)))
    if left >= KEPT * distinct:
        return []
    return [
        f"column {name!r}: of {distinct} different values float32 keeps {left} apart: subtract an offset, or train and "
        "export with dtype='float64'"
    ]


def wild_lines(name: str, column: np.ndarray, seen: np.ndarray) -> list[str]:
    """Single cells of a column far from all others, which stretch the units of every row; ``seen`` are some of it."""
    lower, middle, upper = np.quantile(seen, [0.25, 0.5, 0.75])
    # The quartiles of a normal are 1.349 deviations apart.
    deviation = (upper - lower) / 1.349
    if not deviation > 0:
        return []
    far = np.abs(seen - middle) / deviation
    few = max(1, int(WILD_SHARE * len(seen)))
    limit = max(FAR, ALONE * float(np.partition(far, -few - 1)[-few - 1]))
    wild = np.flatnonzero(np.abs(column - middle) > limit * deviation)
    if not len(wild):
        return []
    return [
        f"column {name!r}: {len(wild)} cell(s) beyond {FAR:g} deviations, such as {column[wild[0]]:g} in row "
        f"{wild[0] + 1}: is it an error? Drop such rows, or take the column's logarithm (log)"
    ]


def likeness_lines(names: Sequence[str], x: np.ndarray) -> list[str]:
    """Columns that say the same, in whose direction a density has no width."""
    if x.shape[1] < 2 or len(x) < 3:
        return []
    deviation = x.std(axis=0)
    kept = np.flatnonzero(deviation > 1e-12 * np.abs(x).max(axis=0))
    if len(kept) < 2:
        return []
    u = (x[:, kept] - x[:, kept].mean(axis=0)) / deviation[kept]
    correlation = np.abs(u.T @ u / len(u))
    first, second = np.triu_indices(len(kept), 1)
    apart = 1 - correlation[first, second]
    lines = []
    for pair in np.argsort(apart)[:PAIRS]:
        if apart[pair] > COLLINEAR:
            break
        a, b = names[kept[first[pair]]], names[kept[second[pair]]]
        if apart[pair] < TWIN:
            lines.append(f"columns {a!r} and {b!r} are the same but for units: a density has no width there; drop one")
        else:
            lines.append(
                f"columns {a!r} and {b!r} are nearly collinear (correlation {1 - apart[pair]:.6f}); "
                "keep one of them, or their difference"
            )
    return lines
