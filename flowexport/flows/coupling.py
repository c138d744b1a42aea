r"""Coupling layers.

References:
    NICE: Non-linear Independent Components Estimation (Dinh et al., 2014), section 3.2,
    https://arxiv.org/abs/1410.8516
"""

__all__ = ["Coupling"]

from torch import Tensor, nn

from .contracts import Conditioner, UnivariateMap


class Coupling(nn.Module):
    r"""Moves one part given another: (kept, moved, context) → (moved, log_det).

    .. math:: y_b = \tau(x_b; \theta(x_a, c)), \qquad y_a = x_a

    The log-determinant comes back unsummed, in the shape of the part that moved, or one that broadcasts to it, or
    as None where the volume does not change.

    Arguments:
        conditioner: (kept, context) → the parameters of the bijection; see `flowexport.flows.conditioner`.
        univariate: the bijection; see `flowexport.flows.univariate`.
    """

    conditioner: Conditioner
    univariate: UnivariateMap

    def __init__(self, conditioner: Conditioner, univariate: UnivariateMap) -> None:
        super().__init__()
        self.conditioner = conditioner
        self.univariate = univariate

    def forward_and_log_det(self, kept: Tensor, moved: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return self.univariate.forward_and_log_det(moved, *self.conditioner(kept, context))

    def inverse_and_log_det(self, kept: Tensor, moved: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return self.univariate.inverse_and_log_det(moved, *self.conditioner(kept, context))
