r"""Whitening: a fixed linear map from the covariance of the data."""

__all__ = ["Whiten"]

import torch
from torch import Tensor, nn

from flowexport.errors import ArgumentError


class Whiten(nn.Module):
    r"""A fixed linear map behind standardisation, after which features are uncorrelated.

    .. math:: z = L^{-1} u, \qquad L L^\top = \mathrm{cov}(u), \qquad
        \ln\left|\det \frac{\partial z}{\partial u}\right| = -\sum_i \ln L_{ii}

    with :math:`L` a lower triangle. A flow whose other layers are the identity is then the Gaussian of the data.

    It is the identity until `fit` is called, as `flowexport.flows.Standardize` is, and ``initialized`` says the same.

    Arguments:
        features: the number of features.
    """

    matrix: Tensor
    initialized: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.eye(features))
        self.register_buffer("initialized", torch.tensor(False))

    def fit(self, root: Tensor) -> None:
        """Takes L, the lower root of the covariance of standardised data, ``[features, features]``.

        Raises:
            ArgumentError: where it is no lower triangle with a positive diagonal of finite numbers.
        """
        square = root.shape == self.matrix.shape and bool(root.isfinite().all())
        if not square or bool(root.triu(1).any()) or not bool((root.diagonal() > 0).all()):
            raise ArgumentError("expected a lower triangle with a positive diagonal, as Cholesky gives it", key="root")
        one = torch.eye(len(root), dtype=root.dtype, device=root.device)
        self.matrix.copy_(torch.linalg.solve_triangular(root, one, upper=False))
        self.initialized.fill_(True)

    def log_det(self) -> Tensor:
        """The log-determinant of `forward`, a scalar."""
        return self.matrix.diagonal().log().sum()

    def forward(self, u: Tensor) -> Tensor:
        return nn.functional.linear(u, self.matrix)

    def inverse(self, z: Tensor) -> Tensor:
        u: Tensor = torch.linalg.solve_triangular(self.matrix, z.unsqueeze(-1), upper=False).squeeze(-1)
        return u

    def extra_repr(self) -> str:
        return f"features={len(self.matrix)}"
