r"""Standardisation: a fixed mean and scale from the data."""

__all__ = ["Standardize", "moments_of", "rows_of"]

import torch
from torch import Tensor, nn

from flowexport.errors import ArgumentError


class Standardize(nn.Module):
    r"""A fixed elementwise map in front of a flow, so that its density is in the user's own units.

    .. math:: u = (x - \mu) / \sigma, \qquad \ln\left|\det \frac{\partial u}{\partial x}\right| = -\sum_i \ln\sigma_i

    It is the identity until `fit` is called. ``initialized`` says whether it was, and is part of the state: training
    sets the mean and the scale of a flow that has none yet, and goes on from those that it has.

    Arguments:
        features: the number of features.
    """

    mean: Tensor
    scale: Tensor
    initialized: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.register_buffer("initialized", torch.tensor(False))

    def fit(self, mean: Tensor, scale: Tensor) -> None:
        """Takes the mean and the standard deviation of the data, ``[features]`` each.

        Raises:
            ArgumentError: where a scale is not positive and finite, or a mean is not finite.
        """
        for name, value in (("mean", mean), ("scale", scale)):
            if value.shape != self.mean.shape or not bool(value.isfinite().all()):
                raise ArgumentError(f"expected {len(self.mean)} finite numbers, got {value.tolist()}", key=name)
        if not bool((scale > 0).all()):
            raise ArgumentError(f"every feature needs a positive one, got {scale.tolist()}", key="scale")
        self.mean.copy_(mean)
        self.scale.copy_(scale)
        self.initialized.fill_(True)

    def log_det(self) -> Tensor:
        """The log-determinant of `forward`, a scalar."""
        return -self.scale.log().sum()

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.scale

    def inverse(self, u: Tensor) -> Tensor:
        return u * self.scale + self.mean

    def extra_repr(self) -> str:
        return f"features={len(self.mean)}"


def rows_of(name: str, given: object, width: int) -> Tensor:
    """Rows ``[rows, width]`` in float64.

    Raises:
        ArgumentError: where they are none.
    """
    try:
        rows = torch.as_tensor(given).detach().double()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(f"expected an array or a tensor of numbers ({error})", key=name) from error
    if rows.ndim != 2 or rows.shape[1] != width or len(rows) < 2:
        raise ArgumentError(f"expected [rows, {width}], two rows or more, got {list(rows.shape)}", key=name)
    return rows


def moments_of(name: str, rows: Tensor, weights: object, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """The weighted mean and standard deviation of columns, 0 and 1 of those that hold no numbers.

    Raises:
        ArgumentError: for a column that is not finite or constant, and for weights that are none.
    """
    weight = torch.ones(len(rows), dtype=rows.dtype) if weights is None else torch.as_tensor(weights).double()
    if weight.shape != (len(rows),) or not bool((weight >= 0).all()) or not bool(weight.sum() > 0):
        raise ArgumentError(f"expected {len(rows)} numbers that are not negative, and not all zero", key="weights")
    weight = (weight / weight.sum()).to(rows.device)[:, None]
    mean = (weight * rows).sum(0)
    scale = (weight * (rows - mean) ** 2).sum(0).sqrt()
    mean, scale = mean.masked_fill(~numbers.to(rows.device), 0), scale.masked_fill(~numbers.to(rows.device), 1)
    seen = rows[weight[:, 0] > 0]
    constant = (seen == seen[:1]).all(0) & numbers.to(rows.device)
    for fault, words in ((~(mean.isfinite() & scale.isfinite()), "is not finite"), (constant, "is constant")):
        if bool(fault.any()):
            raise ArgumentError(f"column {int(fault.nonzero()[0, 0])} {words}: it has no density", key=name)
    return mean, scale
