r"""Linear layers on the whole vector: what mixes features between couplings."""

__all__ = ["LULinear", "Permutation"]

import torch
from torch import Tensor, nn

from flowexport.errors import ArgumentError


class Permutation(nn.Module):
    """A fixed order of the features: feature i of the result is feature ``order[i]`` of the input.

    Arguments:
        order: ``[features]``, a permutation of 0 … features − 1; None draws one from torch's global generator.
        features: the number of features, where it is drawn.

    Raises:
        ArgumentError: where ``order`` is not a permutation.
    """

    order: Tensor

    def __init__(self, features: int, order: Tensor | None = None) -> None:
        super().__init__()
        order = torch.randperm(features) if order is None else torch.as_tensor(order, dtype=torch.int64)
        if not torch.equal(order.sort().values, torch.arange(features)):
            raise ArgumentError(f"expected a permutation of 0 to {features - 1}, got {order.tolist()}", key="order")
        self.register_buffer("order", order)

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, None]:
        return x.index_select(-1, self.order), None

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, None]:
        return y.index_select(-1, self.order.argsort()), None

    def extra_repr(self) -> str:
        return f"features={len(self.order)}"


class LULinear(nn.Module):
    r"""An invertible linear map, learned as a permutation and two triangles.

    .. math:: y = P L (U + \mathrm{diag}(s\, e^{l})) x + b, \qquad
        \ln\left|\det \frac{\partial y}{\partial x}\right| = \sum_i l_i

    with ones on the diagonal of :math:`L`, signs :math:`s` and permutation :math:`P` fixed. It starts as a random
    rotation. For images a row is a pixel's channels: the invertible 1×1 convolution.

    References:
        Glow: Generative Flow with Invertible 1x1 Convolutions (Kingma and Dhariwal, 2018), section 3.2,
        https://arxiv.org/abs/1807.03039

    Arguments:
        features: the number of features.
    """

    order: Tensor
    sign: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        rotation = torch.linalg.qr(torch.randn(features, features, dtype=torch.float64)).Q
        permutation, lower, upper = torch.linalg.lu(rotation)
        kind = torch.get_default_dtype()
        # P is kept as the order of its rows: y = (L U x)[order].
        self.register_buffer("order", permutation.argmax(dim=1))
        self.register_buffer("sign", upper.diagonal().sign().to(kind))
        self.lower = nn.Parameter(lower.tril(-1).to(kind))
        self.upper = nn.Parameter(upper.triu(1).to(kind))
        self.log_diagonal = nn.Parameter(upper.diagonal().abs().log().to(kind))
        self.bias = nn.Parameter(torch.zeros(features))

    def triangles(self) -> tuple[Tensor, Tensor]:
        """L and U, ``[features, features]`` each, their diagonals included."""
        one = torch.ones_like(self.log_diagonal)
        lower = self.lower.tril(-1) + torch.diag(one)
        return lower, self.upper.triu(1) + torch.diag(self.sign * self.log_diagonal.exp())

    def weight(self) -> Tensor:
        """The matrix of the map, ``[features, features]``."""
        lower, upper = self.triangles()
        return (lower @ upper).index_select(0, self.order)

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``[*, features]`` → y, and the log-determinant, unsummed, ``[features]``."""
        return nn.functional.linear(x, self.weight(), self.bias), self.log_diagonal

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """``[*, features]`` → x, and the log-determinant, unsummed, ``[features]``."""
        lower, upper = self.triangles()
        mixed = (y - self.bias).index_select(-1, self.order.argsort()).unsqueeze(-1)
        solved = torch.linalg.solve_triangular(lower, mixed, upper=False, unitriangular=True)
        return torch.linalg.solve_triangular(upper, solved, upper=True).squeeze(-1), -self.log_diagonal

    def extra_repr(self) -> str:
        return f"features={len(self.bias)}"
