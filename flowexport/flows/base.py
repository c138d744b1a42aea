r"""Base distributions: the density of the latent u at the z end of a stack, and how noise becomes one.

``noise_size`` numbers of noise make a latent of ``features``: for most bases they are the same thing. A normal of
learned mean and scale is no base of its own but a standard normal behind a last layer,
`flowexport.flows.diagonal.DiagonalNormal`.
"""

__all__ = ["GaussianMixture", "StandardNormal"]

import math

import torch
from torch import Tensor, nn

from .stack import Parts


class StandardNormal(nn.Module):
    r"""Independent standard normals.

    .. math:: \ln p(u) = -\tfrac12 \sum_i u_i^2 - \tfrac{D}{2} \ln 2\pi

    Arguments:
        features: the number of latent features :math:`D`.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = self.noise_size = features
        self.constant = -0.5 * features * math.log(2 * math.pi)

    def terms(self, parts: Parts) -> list[Tensor]:
        """The log-density of each latent, unsummed and without ``constant``: one tensor a part."""
        return [-0.5 * part.square() for part in parts]

    def log_prob(self, u: Tensor) -> Tensor:
        """The log-density of latents: ``[*, features]`` → ``[*]``, in nats."""
        return self.terms((u,))[0].sum(-1) + self.constant

    def latent(self, noise: Tensor) -> Tensor:
        """Standard normals ``[*, noise_size]`` → a draw of u, ``[*, features]``."""
        return noise

    def extra_repr(self) -> str:
        return f"features={self.features}"


class GaussianMixture(nn.Module):
    r"""A mixture of diagonal normals, all of it learned.

    .. math:: \ln p(u) = \ln \sum_k w_k \prod_i N(u_i; \mu_{ki}, \sigma_{ki}^2)

    The noise has one more number than the latent. It is the last, and chooses the component: the number of thresholds
    :math:`\Phi^{-1}(w_1 + \dots + w_k)` that lie below it.

    Arguments:
        features: the number of latent features.
        components: how many normals, at least 2. Their means start as standard normal draws.
    """

    def __init__(self, features: int, components: int) -> None:
        super().__init__()
        self.features, self.components = features, components
        self.noise_size = features + 1
        self.logits = nn.Parameter(torch.zeros(components))
        self.means = nn.Parameter(torch.randn(components, features))
        self.log_scales = nn.Parameter(torch.zeros(components, features))

    def log_prob(self, u: Tensor) -> Tensor:
        """The log-density of latents: ``[*, features]`` → ``[*]``, in nats."""
        deviations = (u.unsqueeze(-2) - self.means) * (-self.log_scales).exp()
        constants = self.logits.log_softmax(0) - self.log_scales.sum(-1) - 0.5 * self.features * math.log(2 * math.pi)
        return (-0.5 * deviations.square().sum(-1) + constants).logsumexp(-1)

    def thresholds(self) -> Tensor:
        """Where the last number of the noise passes from one component to the next, ``[components − 1]``."""
        thresholds: Tensor = torch.special.ndtri(self.logits.softmax(0).cumsum(0)[:-1])
        return thresholds

    def latent(self, noise: Tensor) -> Tensor:
        """Standard normals ``[*, features + 1]`` → a draw of u, ``[*, features]``."""
        passed = (noise[..., -1:] > self.thresholds()).to(noise.dtype)
        # One for the component, zero for the others: a product with it picks without rounding.
        chosen = nn.functional.pad(passed, (1, 0), value=1.0) - nn.functional.pad(passed, (0, 1))
        return chosen @ self.means + (chosen @ self.log_scales).exp() * noise[..., :-1]

    def extra_repr(self) -> str:
        return f"features={self.features}, components={self.components}"
