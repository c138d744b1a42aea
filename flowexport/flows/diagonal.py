r"""Elementwise layers: a scale and a shift for each feature, the same for every row.

All are :math:`y = x \, e^{l} + b`, whether learned or taken from the data; export reads both numbers with
``coefficients`` and folds them into the weights of the couplings around them.
"""

__all__ = ["ActNorm", "BatchNorm", "DiagonalNormal", "Elementwise", "Scaling"]

import torch
from torch import Tensor, nn


class Elementwise(nn.Module):
    """The contract of an elementwise layer: ``coefficients`` are all that it needs to say."""

    def coefficients(self) -> tuple[Tensor, Tensor | None]:
        """ln scale and shift, ``[features]`` each; None for no shift."""
        raise NotImplementedError

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``[*, features]`` → y, and the log-determinant, unsummed, ``[features]``."""
        log_scale, shift = self.coefficients()
        scaled = x * log_scale.exp()
        return scaled if shift is None else scaled + shift, log_scale

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """``[*, features]`` → x, and the log-determinant, unsummed, ``[features]``."""
        log_scale, shift = self.coefficients()
        return (y if shift is None else y - shift) * (-log_scale).exp(), -log_scale


class Scaling(Elementwise):
    """A learned scale a feature: the last layer of NICE, whose couplings preserve volume.

    References:
        NICE: Non-linear Independent Components Estimation (Dinh et al., 2014), section 3.3,
        https://arxiv.org/abs/1410.8516

    Arguments:
        features: the number of features.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(features))

    def coefficients(self) -> tuple[Tensor, None]:
        return self.log_scale, None

    def extra_repr(self) -> str:
        return f"features={len(self.log_scale)}"


class DiagonalNormal(Elementwise):
    r"""The last layer that turns standard normals into normals of learned mean and scale.

    .. math:: z = (u - \mu) / \sigma, \qquad u \sim N(\mu, \sigma^2)

    Arguments:
        features: the number of features.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(features))
        self.log_scale = nn.Parameter(torch.zeros(features))

    def coefficients(self) -> tuple[Tensor, Tensor]:
        return -self.log_scale, -self.mean * (-self.log_scale).exp()

    def extra_repr(self) -> str:
        return f"features={len(self.mean)}"


class ActNorm(Elementwise):
    """Activation normalisation: learned, and started so that the first training batch has mean 0 and deviation 1.

    References:
        Glow: Generative Flow with Invertible 1x1 Convolutions (Kingma and Dhariwal, 2018), section 3.1,
        https://arxiv.org/abs/1807.03039

    Arguments:
        features: the number of features.
    """

    initialized: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(features))
        self.shift = nn.Parameter(torch.zeros(features))
        self.register_buffer("initialized", torch.tensor(False))

    def coefficients(self) -> tuple[Tensor, Tensor]:
        return self.log_scale, self.shift

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training and not self.initialized:
            self.initialize(x)
        return super().forward_and_log_det(x)

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Takes scale and shift from rows, ``[*, features]``; a constant feature keeps its scale."""
        rows = x.reshape(-1, x.shape[-1])
        deviation = rows.std(dim=0, correction=0)
        self.log_scale.copy_(-torch.where(deviation > 0, deviation, 1).log())
        self.shift.copy_(-rows.mean(dim=0) * self.log_scale.exp())
        self.initialized.fill_(True)

    def extra_repr(self) -> str:
        return f"features={len(self.shift)}"


class BatchNorm(Elementwise):
    """Batch normalisation as a flow's layer: the batch's moments in training, running ones otherwise.

    In training the running moments follow those of the batches and do not carry gradients; x → z is then
    normalised by the batch itself, and z → x by the running moments.

    References:
        Density estimation using Real NVP (Dinh et al., 2016), section 3.7 and appendix E,
        https://arxiv.org/abs/1605.08803

    Arguments:
        features: the number of features.
        momentum: the weight of a batch in the running moments.
        epsilon: added to variances.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, features: int, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.epsilon = momentum, epsilon
        self.log_scale = nn.Parameter(torch.zeros(features))
        self.shift = nn.Parameter(torch.zeros(features))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("variance", torch.ones(features))

    def coefficients(self) -> tuple[Tensor, Tensor]:
        return self.of_moments(self.mean, self.variance)

    def of_moments(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """ln scale and shift that normalise by these moments."""
        log_scale = self.log_scale - 0.5 * (variance + self.epsilon).log()
        return log_scale, self.shift - mean * log_scale.exp()

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        rows = x.reshape(-1, x.shape[-1])
        # One row has no variance of its own.
        if not self.training or len(rows) < 2:
            return super().forward_and_log_det(x)
        mean, variance = rows.mean(dim=0), rows.var(dim=0, correction=0)
        with torch.no_grad():
            self.mean.lerp_(mean, self.momentum)
            self.variance.lerp_(variance, self.momentum)
        log_scale, shift = self.of_moments(mean, variance)
        return x * log_scale.exp() + shift, log_scale

    def extra_repr(self) -> str:
        return f"features={len(self.shift)}, momentum={self.momentum}, epsilon={self.epsilon}"
