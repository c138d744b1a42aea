"""The inverse of a matrix of weights, which whoever trained them may have left without one."""

from __future__ import annotations

__all__ = ["inverse_of"]

import numpy as np

from flowexport.errors import ExportError

from .program import Array


def inverse_of(matrix: Array) -> Array:
    """The inverse of ``[features, features]``.

    Raises:
        ExportError: where there is none.
    """
    try:
        return np.asarray(np.linalg.inv(matrix))
    except np.linalg.LinAlgError as error:
        raise ExportError(
            f"a linear layer of {len(matrix)} features has no inverse, so that nothing maps back"
        ) from error
