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


class FlowTransform(Transform):
    """The bijection x → u of a flow, given its context; u is what its base gives a density.

    Arguments:
        flow: the flow.
        context: ``[*, context]`` or None; it broadcasts against the rows.
    """

    codomain = constraints.independent(constraints.real, 1)
    bijective = True

    def __init__(self, flow: Flow, context: Tensor | None) -> None:
        super().__init__()
        self.flow = flow
        self.context = context
        self.domain = constraints.independent(constraints.real, len(flow.event_shape))

    def call_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x → u in one pass: ``[*, features]`` and the log-determinant ``[*]``."""
        return self.flow.forward_and_log_det(*self.aligned(x, self.flow.event_shape))

    def inverse_and_log_det(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """u → x in one pass: ``[*, *event]`` and the log-determinant ``[*]``."""
        return self.flow.inverse_and_log_det(*self.aligned(u, (self.flow.features,)))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """ln |det ∂u/∂x| at x: ``[*]``, in nats. The image ``y`` is not needed."""
        return self.call_and_log_det(x)[1]

    def forward_shape(self, shape: Shape) -> Size:
        """The shape of u for a shape of x."""
        return Size([*shape[: len(shape) - len(self.flow.event_shape)], self.flow.features])

    def inverse_shape(self, shape: Shape) -> Size:
        """The shape of x for a shape of u."""
        return Size([*shape[:-1], *self.flow.event_shape])

    def aligned(self, x: Tensor, event_shape: Shape) -> tuple[Tensor, Tensor | None]:
        """Rows and context, expanded to one leading shape."""
        leading = x.ndim - len(event_shape)
        if leading < 0 or x.shape[leading:] != Size(event_shape):
            expected = f"{event_shape[0]} features" if len(event_shape) == 1 else f"shape {tuple(event_shape)}"
            raise ArgumentError(f"expected rows of {expected}, got shape {tuple(x.shape)}")
        if self.context is None:
            return x, None
        shape = torch.broadcast_shapes(x.shape[:leading], self.context.shape[:-1])
        return x.expand(*shape, *event_shape), self.context.expand(*shape, -1)

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

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012  (as torch declares it)

    def __init__(self, flow: Flow, context: Tensor | None) -> None:
        batch_shape = Size() if context is None else context.shape[:-1]
        super().__init__(batch_shape, Size(flow.event_shape), validate_args=False)
        self.flow = flow
        self.transform = FlowTransform(flow, context)
        # No gradient reaches the weights of a mixture, whose component the last latent chooses.
        self.has_rsample = flow.latent_size == flow.features

    @property
    def support(self) -> constraints.Constraint:
        """Where the density may be more than zero, bounds left aside."""
        return self.transform.domain

    def log_prob(self, x: Tensor) -> Tensor:
        """The log-density: ``[*, *event]`` → ``[*]`` broadcast with the batch shape, in nats."""
        log_prob = self.flow.log_prob(*self.transform.aligned(x, self.event_shape))
        return log_prob.expand(torch.broadcast_shapes(log_prob.shape, self.batch_shape))

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Reparameterised samples, ``sample_shape + batch_shape + event_shape``.

        Where the base is a mixture, no gradient reaches its weights: which component a sample is of is no smooth
        function of them. ``has_rsample`` is then False.
        """
        return self.rsample_and_log_prob(sample_shape)[0]

    def rsample_and_log_prob(self, sample_shape: Shape = ()) -> tuple[Tensor, Tensor]:
        """Samples and their log-density, in one pass of the inverse."""
        like = next(self.flow.parameters())
        shape = (*sample_shape, *self.batch_shape, self.flow.latent_size)
        u = self.flow.base.latent(torch.randn(shape, dtype=like.dtype, device=like.device))
        x, log_det = self.transform.inverse_and_log_det(u)
        return x, self.flow.base.log_prob(u) - log_det

    def expand(self, batch_shape: Shape, _instance: Distribution | None = None) -> FlowDistribution:
        """The same distribution with its context, or nothing, repeated to another batch shape."""
        context = self.transform.context
        if context is None:
            expanded = FlowDistribution(self.flow, None)
            Distribution.__init__(expanded, Size(batch_shape), self.event_shape, validate_args=False)
            return expanded
        return FlowDistribution(self.flow, context.expand(*batch_shape, -1))

    def __repr__(self) -> str:
        event = f"features={self.flow.features}" if len(self.event_shape) == 1 else f"event={tuple(self.event_shape)}"
        return f"FlowDistribution({event}, batch_shape={tuple(self.batch_shape)})"
