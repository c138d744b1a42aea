"""Base distributions, as terms on the parts of a stack."""

__all__ = ["StandardNormal"]

import math

from torch import Tensor, nn

from .coupling import Parts


class StandardNormal(nn.Module):
    r"""Independent standard normals.

    .. math:: \ln p(z) = -\tfrac12 \sum_i z_i^2 - \tfrac{D}{2} \ln 2\pi

    Arguments:
        features: the number of latent features :math:`D`.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features
        self.constant = -0.5 * features * math.log(2 * math.pi)

    def terms(self, parts: Parts) -> list[Tensor]:
        """The log-density of each latent, unsummed and without ``constant``: one tensor a part."""
        return [-0.5 * part.square() for part in parts]

    def log_prob(self, z: Tensor) -> Tensor:
        """The log-density of latents: ``[*, features]`` → ``[*]``, in nats."""
        return self.terms((z,))[0].sum(-1) + self.constant

    def extra_repr(self) -> str:
        return f"features={self.features}"
