r"""Standardisation: a fixed mean and scale from the data."""

__all__ = ["Standardize"]

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
                raise ArgumentError(f"{name}: expected {len(self.mean)} finite numbers, got {value.tolist()}")
        if not bool((scale > 0).all()):
            raise ArgumentError(f"scale: every feature needs a positive one, got {scale.tolist()}")
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
