"""The categories of a column, found in the table that a flow is trained on."""

from __future__ import annotations

__all__ = ["CATEGORIES", "Vocabulary"]

import numpy as np

from flowexport.tables import label_number

CATEGORIES = 1000
"""Categories that a column may have: more are most likely identifiers, whose one-hot rows no network learns from."""

LENGTH = 255
"""Characters that a category may have, as ``flow.json`` allows."""


class Vocabulary:
    """Gives categories codes in their order of appearance, and in the end sorts them.

    It is the coder of a column, as `flowexport.tables.Table.blocks` takes one.
    """

    def __init__(self) -> None:
        self.codes: dict[str, float] = {}

    def __call__(self, text: str) -> float:
        text = canonical(text)
        if text not in self.codes:
            if len(text) > LENGTH:
                raise ValueError(f"longer than the {LENGTH} characters that a category may have")
            if len(self.codes) == CATEGORIES:
                raise ValueError(f"one more than the {CATEGORIES} categories that a column may have")
            self.codes[text] = float(len(self.codes))
        return self.codes[text]

    def sorted(self, codes: np.ndarray) -> tuple[list[str], np.ndarray]:
        """The categories that rows have, sorted, and the codes of the rows among them.

        Numbers are sorted by value, so that 0 … k − 1 are their own codes.

        Arguments:
            codes: ``[rows]``, in the order of appearance.
        """
        used = np.unique(codes).astype(int)
        found = [text for text, code in self.codes.items() if code in set(used.tolist())]
        numbers = {text: number for text in found if (number := label_number(text)) is not None}
        categories = sorted(found, key=numbers.__getitem__ if len(numbers) == len(found) else None)
        places = np.empty(len(self.codes))
        for place, text in enumerate(categories):
            places[int(self.codes[text])] = place
        return categories, places[codes.astype(int)]


def canonical(text: str) -> str:
    """One text for all that are the same number: 1 for 1.0 and 01."""
    number = label_number(text)
    return text if number is None else format(number.normalize() + 0, "f")
