r"""The lean form of a trained flow: the same function, in few operations.

A `LeanFlow` starts as the trained flow, copied in float64, with its units written out:

.. math:: \ln p(x) = \sum_i w_i v_i^2 + \sum \mathrm{log\,det} + k, \qquad v = f((x - \mu) \cdot e),
    \qquad w_i = -\tfrac12 q_i^2

behind a whitening matrix where there is one, with an
entrance scale :math:`e` and an exit scale :math:`q`. The folds of `flowexport.export.folds` then
move work out of the graph and into the weights.
"""

from __future__ import annotations

__all__ = ["DenseLinear", "Diagonal", "LeanFlow", "LeanMixture"]

import copy
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from flowexport.flows import Flow, GaussianMixture
from flowexport.flows.flow import add, by_width
from flowexport.flows.stack import LogDets, Parts

from .inverse import inverse_of
from .operators import add_all, largest_of

LOWEST = -3e38
"""Near the lowest float32."""


class Diagonal(nn.Module):
    """v · scale + shift, whose log-determinant is in the flow's constant.

    Arguments:
        scale, shift: ``[features]`` each.
    """

    scale: Tensor
    shift: Tensor
    inverse_scale: Tensor

    def __init__(self, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)
        self.register_buffer("inverse_scale", 1 / scale)
        self.has_shift = True

    def drop_zero_shift(self) -> None:
        """Leaves out a shift that turned out to be nothing."""
        self.has_shift = bool((self.shift != 0).any())

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, None]:
        scaled = x * self.scale
        return scaled + self.shift if self.has_shift else scaled, None

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, None]:
        return (y - self.shift if self.has_shift else y) * self.inverse_scale, None


class DenseLinear(nn.Module):
    """A linear map by its matrix and the inverse of it, whose log-determinant is in the flow's constant.

    Arguments:
        weight, inverse: ``[features, features]`` each.
        bias: ``[features]``.
    """

    weight: Tensor
    inverse: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, inverse: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("inverse", inverse)
        self.register_buffer("bias", bias)

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, None]:
        return nn.functional.linear(x, self.weight, self.bias), None

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, None]:
        return nn.functional.linear(y - self.bias, self.inverse), None


class LeanMixture(nn.Module):
    """`flowexport.flows.GaussianMixture` with its parameters as they are used.

    Arguments:
        mixture: the trained base, in float64.
    """

    means: Tensor
    scales: Tensor
    constants: Tensor
    thresholds: Tensor

    def __init__(self, mixture: GaussianMixture) -> None:
        super().__init__()
        log_scales = mixture.log_scales
        normal = 0.5 * mixture.features * math.log(2 * math.pi)
        self.register_buffer("means", mixture.means.detach().clone())
        self.register_buffer("scales", log_scales.exp().detach())
        self.register_buffer("constants", (mixture.logits.log_softmax(0) - log_scales.sum(-1) - normal).detach())
        self.register_buffer("thresholds", mixture.thresholds().detach())
        self.register_buffer("inverse_scales", 1 / self.scales)

    inverse_scales: Tensor

    def rescale(self, scale: Tensor, shift: Tensor) -> None:
        """Speaks of v in place of u = scale · v + shift; the log-determinant of the map is kept elsewhere."""
        self.means = (self.means - shift) / scale
        self.scales = self.scales / scale
        self.inverse_scales = self.inverse_scales * scale

    def log_prob(self, v: Tensor) -> Tensor:
        """``[batch, features]`` → ``[batch]``."""
        deviations = (v.unsqueeze(-2) - self.means) * self.inverse_scales
        halves = torch.full_like(self.means[0], -0.5)
        terms = (deviations * deviations @ column(halves)).squeeze(-1) + self.constants
        # Spelt out: half of the runtimes have no ReduceLogSumExp. So far out that all terms are −inf, so is the sum.
        largest = largest_of(terms.split(1, dim=-1)).clamp_min(LOWEST)
        exponentials = (terms - largest).exp()
        return ((exponentials @ column(torch.ones_like(self.constants))).log() + largest).squeeze(-1)

    def latent(self, noise: Tensor, selector: Tensor) -> Tensor:
        """Normals ``[batch, features]`` and ``[batch, 1]`` → a draw of v, ``[batch, features]``."""
        passed = (selector > self.thresholds).to(noise.dtype)
        chosen = nn.functional.pad(passed, (1, 0), value=1.0) - nn.functional.pad(passed, (0, 1))
        return chosen @ self.means + chosen @ self.scales * noise


class LeanFlow(nn.Module):
    """A flow in the form that is exported.

    Arguments:
        flow: the trained flow; it is copied, and not changed.
    """

    mean: Tensor | None
    entrance: Tensor | None
    exit: Tensor | None
    order: Tensor | None
    context_mean: Tensor | None
    context_entrance: Tensor | None
    constant: Tensor

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        flow = copy.deepcopy(flow).double().cpu().eval().requires_grad_(False)
        self.event_shape, self.latent_size, self.context = flow.event_shape, flow.latent_size, flow.context
        self.stack: Any = flow.stack
        self.bounds, self.encoder = flow.bounds, flow.encoder
        self.mixture: Any = LeanMixture(flow.base) if isinstance(flow.base, GaussianMixture) else None
        units, context = flow.standardize, flow.standardize_context
        self.whiten: Any = None
        # Constants are buffers: a Python float inside a module becomes float32 even in a float64 graph.
        normal = 0.0 if isinstance(flow.base, GaussianMixture) else flow.base.constant
        constant = torch.tensor(normal, dtype=torch.float64)
        buffers = {
            "constant": constant if units is None else constant + units.log_det(),
            "mean": None if units is None else units.mean,
            "entrance": None if units is None else 1 / units.scale,
            "exit": None,
            "order": None,
            "context_mean": None if context is None else context.mean,
            "context_entrance": None if context is None else 1 / context.scale,
        }
        for name, value in buffers.items():
            self.register_buffer(name, value)
        if flow.whiten is not None and flow.whiten.initialized:
            matrix = flow.whiten.matrix
            self.constant += flow.whiten.log_det()
            self.whiten = DenseLinear(matrix, inverse_of(matrix), torch.zeros(len(matrix), dtype=torch.float64))

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """``[batch, *event]`` → ``[batch]``, nats."""
        v, outer = x, []
        if self.bounds is not None:
            v, log_det = self.bounds.forward_and_log_det(x)
            outer = [[log_det.flatten(1)]]
        v = scaled(v if self.mean is None else v - self.mean, self.entrance)
        v = v if self.whiten is None else self.whiten.forward_and_log_det(v)[0]
        parts, log_dets = self.stack.forward_and_log_det(self.stack.split(v), self.context_in(context))
        log_prob = self.density(parts, [*log_dets, *outer])
        if self.bounds is None:
            return log_prob
        outside = self.bounds.outside(x).flatten(1).to(x.dtype)
        return log_prob.masked_fill((outside @ column(torch.ones_like(outside[0]))).squeeze(-1) > 0, -torch.inf)

    def density(self, parts: Parts, log_dets: LogDets) -> Tensor:
        """The base's density of what is at the z end, with all log-determinants, ``[batch]``."""
        total = self.constant[None]
        for terms in by_width(log_dets):
            together = add_terms(terms)
            if together.ndim == 1:  # constants, the same for every row
                total = total + together.sum()
            else:
                total = torch.addmm(total, together, column(torch.ones_like(together[0])))
        if self.mixture is not None:
            return self.mixture.log_prob(self.stack.join_latent(parts)) + total.squeeze(-1)
        scales = [torch.ones_like(part[0]) for part in parts]
        if self.exit is not None:
            scales = list(self.stack.split_latent(self.exit))
        for part, scale in zip(parts, scales, strict=True):
            total = torch.addmm(total, part * part, column(scale.square() * torch.full_like(scale, -0.5)))
        return total.squeeze(-1)

    def sample(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """``[batch, latent]`` → ``[batch, *event]``."""
        noise, selector = (z, None) if self.mixture is None else (z[:, :-1], z[:, -1:])
        if self.order is not None:
            noise = noise.index_select(-1, self.order)
        v = noise if self.mixture is None else self.mixture.latent(noise, selector)
        parts = self.stack.split_latent(scaled(v, None if self.exit is None else 1 / self.exit))
        parts, _ = self.stack.inverse_and_log_det(parts, self.context_in(context))
        v = self.stack.join(parts)
        v = v if self.whiten is None else self.whiten.inverse_and_log_det(v)[0]
        x = scaled(v, None if self.entrance is None else 1 / self.entrance)
        x = x if self.mean is None else x + self.mean
        return x if self.bounds is None else self.bounds.inverse_and_log_det(x)[0]

    def context_in(self, context: Tensor | None) -> Tensor | None:
        """The context as the conditioners take it."""
        if context is None:
            return None
        context = context if self.context_mean is None else context - self.context_mean
        context = scaled(context, self.context_entrance)
        return context if self.encoder is None else self.encoder(context)


def column(weights: Tensor) -> Tensor:
    """A weight each as ``[numbers, 1]``: what sums them by a product.

    ONNX Runtime's own ReduceSum takes twice the time, and of no rows it gives a wrong shape.
    """
    return weights.unsqueeze(-1)


def scaled(x: Tensor, scale: Tensor | None) -> Tensor:
    """x · scale, where there is one."""
    return x if scale is None else x * scale


def add_terms(terms: Sequence[Tensor]) -> Tensor:
    """The sum of tensors, in one node where they are all a batch or none is."""
    # Not their whole shapes: to compare the batch axis while exporting would freeze it.
    if len(terms) > 2 and len({term.ndim for term in terms}) == 1:
        return add_all(list(terms))
    return add(terms)
