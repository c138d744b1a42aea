"""The distribution and the transform that a flow gives, with the conventions of torch.distributions."""

from __future__ import annotations

__all__ = ["FlowDistribution", "FlowTransform"]

from typing import TYPE_CHECKING

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, Transform, constraints

from flowexport.errors import ArgumentError

if TYPE_CHECKING:
    from .flow import Flow

Shape = Size | list[int] | tuple[int, ...]

_real_vector = constraints.independent(constraints.real, 1)


class FlowTransform(Transform):
    """The bijection x → z of a flow, given its context.

    Arguments:
        flow: the flow.
        context: ``[*, context]`` or None; it broadcasts against the rows.
    """

    domain = _real_vector
    codomain = _real_vector
    bijective = True

    def __init__(self, flow: Flow, context: Tensor | None) -> None:
        super().__init__()
        self.flow = flow
        self.context = context

    def call_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x → z in one pass: ``[*, features]`` and the log-determinant ``[*]``."""
        return self.flow.forward_and_log_det(*self.aligned(x))

    def inverse_and_log_det(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z → x in one pass: ``[*, features]`` and the log-determinant ``[*]``."""
        return self.flow.inverse_and_log_det(*self.aligned(z))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """ln |det ∂z/∂x| at x: ``[*]``, in nats. The image ``y`` is not needed."""
        return self.call_and_log_det(x)[1]

    def aligned(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Rows and context, expanded to one leading shape."""
        if x.ndim == 0 or x.shape[-1] != self.flow.features:
            raise ArgumentError(f"expected rows of {self.flow.features} features, got shape {tuple(x.shape)}")
        if self.context is None:
            return x, None
        leading = torch.broadcast_shapes(x.shape[:-1], self.context.shape[:-1])
        return x.expand(*leading, -1), self.context.expand(*leading, -1)

    def _call(self, x: Tensor) -> Tensor:
        return self.call_and_log_det(x)[0]

    def _inverse(self, y: Tensor) -> Tensor:
        return self.inverse_and_log_det(y)[0]


class FlowDistribution(Distribution):
    """p(x | c): what a flow returns for a context.

    Arguments:
        flow: the flow.
        context: ``[*, context]`` or None; its leading shape is the batch shape.
    """

    has_rsample = True
    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012  (as torch declares it)
    support = _real_vector

    def __init__(self, flow: Flow, context: Tensor | None) -> None:
        batch_shape = Size() if context is None else context.shape[:-1]
        super().__init__(batch_shape, Size([flow.features]), validate_args=False)
        self.flow = flow
        self.transform = FlowTransform(flow, context)

    def log_prob(self, x: Tensor) -> Tensor:
        """The log-density: ``[*, features]`` → ``[*]`` broadcast with the batch shape, in nats."""
        log_prob = self.flow.log_prob(*self.transform.aligned(x))
        return log_prob.expand(torch.broadcast_shapes(log_prob.shape, self.batch_shape))

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Reparameterised samples, ``sample_shape + batch_shape + [features]``."""
        return self.rsample_and_log_prob(sample_shape)[0]

    def rsample_and_log_prob(self, sample_shape: Shape = ()) -> tuple[Tensor, Tensor]:
        """Samples and their log-density, in one pass of the inverse."""
        mean = self.flow.standardize.mean
        z = torch.randn(self._extended_shape(Size(sample_shape)), dtype=mean.dtype, device=mean.device)
        x, log_det = self.transform.inverse_and_log_det(z)
        return x, self.flow.base.log_prob(z) - log_det

    def expand(self, batch_shape: Shape, _instance: Distribution | None = None) -> FlowDistribution:
        """The same distribution with its context, or nothing, repeated to another batch shape."""
        context = self.transform.context
        if context is None:
            expanded = FlowDistribution(self.flow, None)
            Distribution.__init__(expanded, Size(batch_shape), self.event_shape, validate_args=False)
            return expanded
        return FlowDistribution(self.flow, context.expand(*batch_shape, -1))

    def __repr__(self) -> str:
        return f"FlowDistribution(features={self.flow.features}, batch_shape={tuple(self.batch_shape)})"
