"""The inverse of a matrix of weights, which whoever trained them may have left without one."""

from __future__ import annotations

__all__ = ["inverse_of"]

import torch
from torch import Tensor

from flowexport.errors import ExportError


def inverse_of(matrix: Tensor) -> Tensor:
    """The inverse of ``[features, features]``.

    Raises:
        ExportError: where there is none.
    """
    try:
        inverse: Tensor = torch.linalg.inv(matrix)
    except RuntimeError as error:  # of LinAlgError, which torch does not export by its types
        raise ExportError(
            f"a linear layer of {len(matrix)} features has no inverse, so that nothing maps back"
        ) from error
    return inverse
