"""Contexts of several kinds: numbers and categories, as the conditioners take them."""

from __future__ import annotations

__all__ = ["ContextEncoder"]

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ContextEncoder(nn.Module):
    """Turns the codes of categorical columns into one-hot rows, or into learned embeddings.

    A code is a whole number from 0 to categories − 1 in the flow's own type. Numbers pass as they are.

    Arguments:
        categories: for each column of the context, the number of its categories, or 0 for a number.
        embeddings: for each column the width of its embedding, or 0 for a one-hot row.
    """

    def __init__(self, categories: Sequence[int], embeddings: Sequence[int]) -> None:
        super().__init__()
        self.categories, self.embeddings = list(categories), list(embeddings)
        self.tables = nn.ParameterDict(
            {
                str(column): torch.randn(count, width)
                for column, (count, width) in enumerate(zip(categories, embeddings, strict=True))
                if width
            }
        )
        for column, count in enumerate(categories):
            if count:
                self.register_buffer(codes_name(column), torch.arange(count, dtype=torch.float32), persistent=False)

    @property
    def widths(self) -> list[int]:
        """What each column becomes: numbers of the conditioners' input."""
        return [width or count or 1 for count, width in zip(self.categories, self.embeddings, strict=True)]

    def forward(self, context: Tensor) -> Tensor:
        """``[*, columns]`` → ``[*, sum of widths]``."""
        encoded = []
        for column, count in enumerate(self.categories):
            part = context[..., column : column + 1]
            if count:
                part = (part == getattr(self, codes_name(column))).to(context.dtype)
                if str(column) in self.tables:
                    part = part @ self.tables[str(column)]
            encoded.append(part)
        return torch.cat(encoded, dim=-1)

    def extra_repr(self) -> str:
        return f"categories={self.categories}, embeddings={self.embeddings}"


def codes_name(column: int) -> str:
    """The buffer of a column's codes."""
    return f"codes_{column}"
