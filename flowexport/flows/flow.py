"""A flow: a stack of bijections in front of a base, with the user's units around it."""

__all__ = ["Flow"]

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from flowexport.errors import ArgumentError

from .base import StandardNormal
from .coupling import Stack
from .distribution import FlowDistribution
from .standardize import Standardize


class Flow(nn.Module):
    r"""A normalizing flow, :math:`\ln p(x \mid c) = \ln p_z(f(x; c)) + \ln |\det \partial f / \partial x|`.

    ``flow(c)`` is a distribution. The methods below are the same mathematics on tensors ``x [*, features]``
    and ``context [*, context]`` of equal leading shape; they are what gets exported.

    References:
        Density estimation using Real NVP (Dinh et al., 2016), equation 3, https://arxiv.org/abs/1605.08803

    Arguments:
        stack: the bijection x → z on standardised features.
        base: the density of z.
        features: the number of features.
        context: the number of context features.
        arguments: what the flow was built from, plain values, from which a checkpoint builds it again.
    """

    def __init__(
        self, stack: Stack, base: StandardNormal, features: int, context: int, arguments: dict[str, Any]
    ) -> None:
        super().__init__()
        self.features = features
        self.context = context
        self.arguments = arguments
        self.standardize = Standardize(features)
        self.standardize_context = Standardize(context) if context else None
        self.stack = stack
        self.base = base

    def forward(self, c: Tensor | None = None) -> FlowDistribution:
        """The distribution p(x | c).

        Arguments:
            c: the context, ``[*, context]``; its leading shape is the distribution's batch shape.

        Raises:
            ArgumentError: where a context is missing, unasked for, or of the wrong width.
        """
        if c is None and self.context:
            raise ArgumentError(f"c: this flow needs a context of {self.context} features")
        if c is not None and not self.context:
            raise ArgumentError("c: this flow was built without context features (context=0)")
        if c is not None and (c.ndim == 0 or c.shape[-1] != self.context):
            raise ArgumentError(f"c: expected a last axis of {self.context}, got shape {tuple(c.shape)}")
        return FlowDistribution(self, c)

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The log-density of rows: ``[*, features]`` → ``[*]``, in nats."""
        parts, log_dets = self._to_latent(x, context)
        terms = [[*of_part, term] for of_part, term in zip(log_dets, self.base.terms(parts), strict=True)]
        return event_sum(terms) + (self.base.constant + self.standardize.log_det())

    def forward_and_log_det(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x → z: ``[*, features]`` and the log-determinant of the map, ``[*]``."""
        parts, log_dets = self._to_latent(x, context)
        log_det = event_sum(log_dets) + self.standardize.log_det()
        return self.stack.join(parts), log_det.expand(x.shape[:-1])

    def inverse_and_log_det(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z → x: ``[*, features]`` and the log-determinant of the map, ``[*]``."""
        parts, log_dets = self.stack.inverse_and_log_det(self.stack.split(z), self._context(context))
        log_det = event_sum(log_dets) - self.standardize.log_det()
        return self.standardize.inverse(self.stack.join(parts)), log_det.expand(z.shape[:-1])

    def _to_latent(self, x: Tensor, context: Tensor | None) -> tuple[tuple[Tensor, ...], list[list[Tensor]]]:
        return self.stack.forward_and_log_det(self.stack.split(self.standardize(x)), self._context(context))

    def _context(self, context: Tensor | None) -> Tensor | None:
        return context if context is None or self.standardize_context is None else self.standardize_context(context)


def add(terms: Sequence[Tensor]) -> Tensor:
    """The sum of tensors."""
    return sum(terms[1:], terms[0])


def event_sum(terms: list[list[Tensor]], add: Callable[[Sequence[Tensor]], Tensor] = add) -> Tensor:
    """Adds the terms of every part and sums over its features: lists of ``[*, features]`` → ``[*]``.

    Parts of one width are added to one another before the sum, so that there is one reduction and not one a
    part.
    """
    groups = [of_part for of_part in terms if of_part]
    if len({of_part[-1].shape[-1] for of_part in groups}) == 1:
        groups = [[term for of_part in groups for term in of_part]]
    return add([add(group).sum(-1) for group in groups])
