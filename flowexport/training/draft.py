"""A proposal as the text of a recipe, its reasons as comments."""

from __future__ import annotations

__all__ = ["draft"]

import json
import math
from collections.abc import Mapping, Sequence

from flowexport.tables import Dialect

from .proposal import FEW, ROWS, Proposal

WIDEST = 8
"""Numbers of an embedding: a network learns what is alike among a thousand categories in so many."""


def draft(name: str, files: Sequence[str], dialect: Dialect, proposal: Proposal) -> str:
    """The recipe.

    Arguments:
        name: of the model.
        files: relative to the recipe.
        dialect: of text tables, in so far as it is unusual.
        proposal: of the columns.
    """
    looked = f"the first {ROWS:,} rows" if proposal.rows >= ROWS else f"{proposal.rows:,} rows"
    lines = [
        f"# A first recipe, from {looked}: read the reasons, and change what you know better.",
        f"name = {quoted(name)}",
        "",
        "[data]",
        f"file = {quoted(files[0]) if len(files) == 1 else listed(files)}",
        *(
            f"{key} = {quoted(value)}"
            for key in ("delimiter", "decimal", "encoding")
            if (value := getattr(dialect, key))
        ),
        *(f"# left out: {quoted(column)} {reason}" for column, reason in proposal.left_out.items()),
        "# What the density is of.",
        *table_of("columns", proposal.columns),
    ]
    if proposal.categorical:
        lines += ["# What it is given: a flow has no density of a category. Move numbers here that are known before."]
        lines += table_of("context", {column: reason for column, (_, reason) in proposal.categorical.items()})
    if proposal.log:
        lines += ["# Above zero, where their logarithm is nearer to a normal."]
        lines += table_of("log", proposal.log)
    if proposal.logit:
        inner = ", ".join(f"{quoted(column)} = [0, 1]" for column in proposal.logit)
        lines += [f"# {quoted(column)}: {reason}" for column, reason in proposal.logit.items()]
        lines += [f"logit = {{ {inner} }}"]
    if proposal.discrete:
        lines += ["# Values that come again and again: training adds noise of a step's width."]
        lines += table_of("discrete", proposal.discrete)
    if proposal.missing:
        lines += [f"# {proposal.missing:,} rows hold no value in a column that is used.", 'missing = "drop"']
    if proposal.categorical:
        lines += ["", "[data.categorical]"]
        for column, (count, _) in proposal.categorical.items():
            width = min(WIDEST, math.ceil(math.sqrt(count)))
            lines += [f"{quoted(column)} = " + ('"one-hot"' if count <= FEW else f"{{ embedding = {width} }}")]
    return "\n".join(lines) + "\n"


def table_of(key: str, columns: Mapping[str, str]) -> list[str]:
    """A list of names, a line each, with its reason."""
    return [f"{key} = [", *(f"  {quoted(column)}, # {reason}" for column, reason in columns.items()), "]"]


def listed(texts: Sequence[str]) -> str:
    """A list in a line."""
    return f"[{', '.join(map(quoted, texts))}]"


def quoted(text: str) -> str:
    """A basic string of TOML, which escapes as JSON does, and a delete as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
