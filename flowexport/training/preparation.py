"""Rows as a flow is trained on them: held to what it can take, with its units set from them, and noise added."""

from __future__ import annotations

__all__ = ["diagnosed", "noisy", "require_fitting", "standardise", "tensors"]

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from flowexport.errors import ArgumentError
from flowexport.flows import Flow, Whiten
from flowexport.flows.assemble import silence

from .covariance import root_of_covariance
from .data import Rows
from .diagnoses import diagnoses
from .halves import choose_halves
from .images import require_pixels
from .support import require_codes, require_support


def standardise(flow: Flow, rows: Rows) -> None:
    """Sets a flow's standardising layers from rows: features behind their bounds, and numbers of the context.

    What is set already stays: the layers behind it are trained for those units, and others would be another density.

    Raises:
        DataError: where a column is constant.
    """
    if flow.levels is not None:
        # Pixels have their logit map, and may well be the same in all images.
        if rows.context is None:
            return
        rows = replace(rows, x=np.empty((len(rows), 0)), feature_columns=[])
    elif flow.bounds is not None:
        rows = replace(rows, x=mapped(flow, rows))
    mean, scale = map(torch.from_numpy, rows.moments())
    # Codes stay as they are: what is standardised is no code.
    columns = (*rows.feature_columns, *rows.context_columns)
    kept = torch.tensor([not column.standardised or column.codes > 0 for column in columns])
    mean, scale = mean.masked_fill(kept, 0), scale.masked_fill(kept, 1)
    width = rows.x.shape[1]
    if flow.standardize is not None and not flow.standardize.initialized:
        flow.standardize.fit(mean[:width], scale[:width])
        u = (rows.x - mean[:width].numpy()) / scale[:width].numpy()
        if flow.whiten is not None:
            u = whiten(flow.whiten, rows, u)
            start_as_identity(flow)
        choose_halves(flow, u)
    if flow.standardize_context is not None and not flow.standardize_context.initialized:
        flow.standardize_context.fit(mean[width:], scale[width:])


def whiten(layer: Whiten, rows: Rows, u: np.ndarray) -> np.ndarray:
    """Sets a whitening layer from standardised rows, which it gives whitened; columns that are not to be standardised
    are left as they are."""
    free = [place for place, column in enumerate(rows.feature_columns) if column.standardised]
    root = np.eye(u.shape[1])
    root[np.ix_(free, free)] = root_of_covariance(u[:, free], rows.weights)
    layer.fit(torch.from_numpy(root))
    whitened: np.ndarray = np.linalg.solve(root, u.T).T
    return whitened


def start_as_identity(flow: Flow) -> None:
    """Silences couplings, so that what is behind the whitening starts as a rotation at most: a Gaussian stays one."""
    for coupling in flow.stack.couplings:
        assert isinstance(coupling.conditioner, nn.Module)
        silence(coupling.conditioner)


def diagnosed(flow: Flow, rows: Rows) -> list[str]:
    """What a user should know of rows before this flow is trained on them, a line each; nothing of images."""
    if flow.levels is not None:
        return []
    lines = diagnoses(rows, mapped(flow, rows), next(flow.parameters()).dtype == torch.float32)
    if flow.features == 1 and flow.arguments.get("univariate") in ("Affine", "Additive") and not flow.context:
        lines.append(
            f"column {rows.feature_columns[0].name!r} is the only feature, and an affine map of it can only be a "
            "normal; take univariate='RationalQuadraticSpline'"
        )
    return lines


def mapped(flow: Flow, rows: Rows) -> np.ndarray:
    """The features behind their bounds, ``[rows, features]``, where they are standardised."""
    if flow.bounds is None:
        return rows.x
    behind, _ = flow.bounds.forward_and_log_det(torch.from_numpy(rows.x).to(flow.bounds.lower.device))
    of_rows: np.ndarray = behind.cpu().numpy()
    return of_rows


def require_fitting(flow: Flow, rows: Rows) -> None:
    """Refuses rows that the flow was not built for, or that it cannot take."""
    context = 0 if rows.context is None else rows.context.shape[1]
    if rows.x.shape[1] != flow.features:
        raise ArgumentError(f"the flow has {flow.features} features, the rows have {rows.x.shape[1]}", key="x")
    if context != flow.context:
        raise ArgumentError(f"the flow has {flow.context} context features, the rows have {context}", key="context")
    if flow.levels is not None:
        require_pixels("x", rows.x, flow.levels)
    require_support("x", rows.x, rows.feature_columns)
    if rows.context is not None:
        require_codes(rows.context, rows.context_columns)


def tensors(rows: Rows, flow: Flow) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Rows as tensors of the flow's event shape, type and device."""
    like = next(flow.parameters())
    x, context, weights = (
        None if array is None else torch.from_numpy(np.ascontiguousarray(array)).to(like)
        for array in (rows.x, rows.context, rows.weights)
    )
    assert x is not None
    return x.reshape(-1, *flow.event_shape), context, weights


def noisy(flow: Flow, x: Tensor, noise: float) -> Tensor:
    """Rows with normal noise of so many deviations, added where the flow standardises them: behind its bounds."""
    bounds = flow.bounds
    u = x if bounds is None else bounds.forward_and_log_det(x)[0]
    scale = 1.0 if flow.standardize is None else flow.standardize.scale
    u = u + noise * scale * torch.randn_like(u)
    if bounds is None:
        return u
    # What is within a rounding of a bound would be on it, with a density of zero; what is beyond all numbers has none.
    largest = torch.full_like(bounds.lower, torch.finfo(u.dtype).max)
    least = torch.where(bounds.bounded_below, torch.nextafter(bounds.lower, largest), -largest)
    most = torch.where(bounds.bounded_above, torch.nextafter(bounds.upper, -largest), largest)
    return bounds.inverse_and_log_det(u)[0].clamp(least, most)
