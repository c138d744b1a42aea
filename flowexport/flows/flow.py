"""A flow: a stack of bijections, a base, and the user's units around it."""

from __future__ import annotations

__all__ = ["Flow"]

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from flowexport.column import Column, features_of, numbered
from flowexport.errors import ArgumentError

from .base import GaussianMixture, StandardNormal
from .bounds import Bounds
from .context import ContextEncoder
from .distribution import FlowDistribution
from .stack import LogDets, Parts, Stack
from .standardize import Standardize, moments_of, rows_of
from .whiten import Whiten


class Flow(nn.Module):
    r"""A normalizing flow, :math:`\ln p(x \mid c) = \ln p_u(f(x; c)) + \ln |\det \partial f / \partial x|`.

    ``flow(c)`` is a distribution. The methods below are the same mathematics on tensors ``x [*, *event]`` and
    ``context [*, context]`` of equal leading shape; they are what gets exported.

    References:
        Density estimation using Real NVP (Dinh et al., 2016), equation 3, https://arxiv.org/abs/1605.08803

    Arguments:
        stack: the bijection x → u on standardised features.
        base: the density of the latent u.
        event_shape: of one x.
        context: the number of context columns.
        arguments: what the flow was built from, plain values, from which a checkpoint builds it again.
        bounds: the map of bounded features to the whole line, where there are any.
        encoder: of categorical context columns, where there are any.
        levels: the number of values of a pixel, where x is an image.
        whiten: whether a linear map from the covariance of the data stands behind their standardisation.

    ``feature_names`` and ``named_context`` are what `flowexport.fit` learns from a table with names, and what
    `flowexport.export` then calls the columns: a name a feature, and a `Column` for each of the context.
    """

    def __init__(
        self,
        stack: Stack,
        base: StandardNormal | GaussianMixture,
        event_shape: Sequence[int],
        context: int,
        arguments: dict[str, object],
        bounds: Bounds | None = None,
        encoder: ContextEncoder | None = None,
        levels: int | None = None,
        whiten: bool = False,
    ) -> None:
        super().__init__()
        self.event_shape = tuple(event_shape)
        self.features = int(torch.Size(self.event_shape).numel())
        self.latent_size = base.noise_size
        self.context = context
        self.arguments = arguments
        self.levels = levels
        self.feature_names: list[str] | None = None
        self.named_context: list[Column] | None = None
        self.bounds = bounds
        self.standardize = Standardize(self.event_shape[-1]) if len(self.event_shape) == 1 else None
        self.whiten = Whiten(self.features) if whiten else None
        self.standardize_context = Standardize(context) if context else None
        self.encoder = encoder
        self.stack = stack
        self.base = base

    def standardize_by(self, x: object, context: object = None, weights: object = None) -> Flow:
        """Sets the flow's units from rows: inside it, features and numbers of the context have mean 0 and deviation 1.

        `flowexport.fit` does so by itself, the first time. A training loop of one's own calls it before the first step;
        so does who adopts a flow that was trained on rows scaled by mean and standard deviation, with the rows as they
        were. Features are measured behind their bounds, categories are left alone. What was set is replaced.

        Arguments:
            x: ``[rows, features]``, an array or a tensor.
            context: ``[rows, context]`` where the flow has one; without it the context's units stay.
            weights: ``[rows]``, not negative.

        Returns:
            The flow itself.

        Raises:
            ArgumentError: for rows that do not fit, are not finite, or are constant in a column; for a flow of images,
                whose pixels have their logit map.
        """
        if self.standardize is None:
            raise ArgumentError("pixels have their logit map, and no other units", key="standardize_by")
        rows = rows_of("x", x, self.features).to(self.standardize.mean.device)
        if self.bounds is not None:
            rows = self.bounds.forward_and_log_det(rows)[0]
        numbers = torch.ones(self.features, dtype=torch.bool)
        moments = [(self.standardize, *moments_of("x", rows, weights, numbers))]
        if context is not None and self.standardize_context is not None:
            rows = rows_of("context", context, self.context).to(self.standardize.mean.device)
            numbers = torch.tensor(self.categories) == 0
            moments.append((self.standardize_context, *moments_of("context", rows, weights, numbers)))
        elif context is not None:
            raise ArgumentError("this flow takes none", key="context")
        for layer, mean, scale in moments:
            layer.fit(mean, scale)
        return self

    @property
    def feature_columns(self) -> list[Column]:
        """The features, by the names that were learnt or x0, x1 and so on, with their bounds."""
        return features_of(self.feature_names, self.features, self.arguments)

    @property
    def context_columns(self) -> list[Column]:
        """The columns of the context; categories whose names were not learnt are called by their codes."""
        if self.named_context is not None:
            return self.named_context
        columns = zip(numbered("c", self.context), self.categories, strict=True)
        return [Column(each.name, [str(code) for code in range(count)] or None) for each, count in columns]

    @property
    def categories(self) -> list[int]:
        """The number of categories of each context column, 0 for a column of numbers."""
        return [0] * self.context if self.encoder is None else self.encoder.categories

    def forward(self, c: Tensor | None = None) -> FlowDistribution:
        """The distribution p(x | c).

        Arguments:
            c: the context, ``[*, context]``; its leading shape is the distribution's batch shape.

        Raises:
            ArgumentError: where a context is missing, unasked for, or of the wrong width.
        """
        if c is None and self.context:
            raise ArgumentError(f"this flow needs a context of {self.context} features", key="c")
        if c is not None and not self.context:
            raise ArgumentError("this flow was built without context features (context=0)", key="c")
        if c is not None and (c.ndim == 0 or c.shape[-1] != self.context):
            raise ArgumentError(f"expected a last axis of {self.context}, got shape {tuple(c.shape)}", key="c")
        return FlowDistribution(self, c)

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The log-density of rows: ``[*, *event]`` → ``[*]``, in nats; −inf outside the bounds."""
        parts, log_dets = self._to_latent(x, context)
        if isinstance(self.base, StandardNormal):
            terms = self.base.terms(parts)
            log_dets = [[*of_part, *terms[i : i + 1]] for i, of_part in enumerate(log_dets)]
            log_prob = event_sum(log_dets) + (self._units_log_det() + self.base.constant)
        else:
            u = self.stack.join_latent(parts)
            log_prob = self.base.log_prob(u) + self._total(log_dets, u) + self._units_log_det()
        if self.bounds is None:
            return log_prob
        return log_prob.masked_fill(self._flat(self.bounds.outside(x)).any(-1), -torch.inf)

    def forward_and_log_det(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x → u: ``[*, *event]`` to ``[*, features]``, and the log-determinant of the map, ``[*]``."""
        parts, log_dets = self._to_latent(x, context)
        u = self.stack.join_latent(parts)
        return u, self._total(log_dets, u) + self._units_log_det()

    def inverse_and_log_det(self, u: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """u → x: ``[*, features]`` to ``[*, *event]``, and the log-determinant of the map, ``[*]``."""
        parts, log_dets = self.stack.inverse_and_log_det(self.stack.split_latent(u), self._context(context))
        x = self.stack.join(parts)
        if self.whiten is not None:
            x = self.whiten.inverse(x)
        if self.standardize is not None:
            x = self.standardize.inverse(x)
        if self.bounds is not None:
            x, log_det = self.bounds.inverse_and_log_det(x)
            log_dets = [*log_dets, [self._flat(log_det)]]
        return x, self._total(log_dets, u) - self._units_log_det()

    def sample_from(self, noise: Tensor, context: Tensor | None = None) -> Tensor:
        """The deterministic map from standard normals to data: ``[*, latent_size]`` → ``[*, *event]``."""
        return self.inverse_and_log_det(self.base.latent(noise), context)[0]

    def _to_latent(self, x: Tensor, context: Tensor | None) -> tuple[Parts, LogDets]:
        """The parts at the z end, and all log-determinants that depend on the row."""
        outer: LogDets = []
        if self.bounds is not None:
            x, log_det = self.bounds.forward_and_log_det(x)
            outer = [[self._flat(log_det)]]
        if self.standardize is not None:
            x = self.standardize(x)
        if self.whiten is not None:
            x = self.whiten(x)
        parts, log_dets = self.stack.forward_and_log_det(self.stack.split(x), self._context(context))
        return parts, [*log_dets, *outer]

    def _context(self, context: Tensor | None) -> Tensor | None:
        if context is not None and self.standardize_context is not None:
            context = self.standardize_context(context)
            return context if self.encoder is None else self.encoder(context)
        return context

    def _units_log_det(self) -> Tensor | float:
        units: Tensor | float = 0.0 if self.standardize is None else self.standardize.log_det()
        return units if self.whiten is None else units + self.whiten.log_det()

    def _flat(self, of_event: Tensor) -> Tensor:
        """``[*, *event]`` → ``[*, features]``; the event of a vector is one already."""
        return of_event if len(self.event_shape) == 1 else of_event.flatten(-len(self.event_shape))

    def _total(self, log_dets: LogDets, like: Tensor) -> Tensor:
        """The sum of log-determinants, ``[*]``, of the leading shape of ``like [*, features]``."""
        zero = like.new_zeros(())
        return (event_sum(log_dets) if any(log_dets) else zero).expand(like.shape[:-1])


def add(terms: Sequence[Tensor]) -> Tensor:
    """The sum of tensors."""
    return sum(terms[1:], terms[0])


def event_sum(terms: LogDets) -> Tensor:
    """Adds the terms of every part and sums over its features: lists of ``[*, features]`` → ``[*]``."""
    return add([add(group).sum(-1) for group in by_width(terms)])


def by_width(terms: LogDets) -> list[list[Tensor]]:
    """The terms of all parts, those of one width together: one reduction then does for them."""
    widths: dict[int, list[Tensor]] = {}
    for of_part in terms:
        for term in of_part:
            widths.setdefault(term.shape[-1], []).append(term)
    return list(widths.values())
