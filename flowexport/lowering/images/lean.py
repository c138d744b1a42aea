r"""The lean form of a trained flow of images: the same function, in few operations.

A `LeanImages` starts as the trained flow, copied in float64:

.. math:: \ln p(x) = \sum_i w_i v_i^2 + \sum \mathrm{log\,det} + k, \qquad v = f(b(x)), \qquad w_i = -\tfrac12 q_i^2

with the logit map b of its pixels and an exit scale :math:`q`. The folds of `flowexport.lowering.images.folds` then
move work out of the graph and into the weights.
"""

from __future__ import annotations

__all__ = ["Diagonal", "LeanImages"]

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from flowexport.flows import Flow
from flowexport.flows.flow import add, by_width
from flowexport.flows.images.stack import MultiScaleStack
from flowexport.flows.stack import LogDets, Parts

from .operators import add_all


class Diagonal(nn.Module):
    """v · scale + shift, whose log-determinant is in the flow's constant.

    Arguments:
        scale, shift: ``[C, 1, 1]`` each.
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


class LeanImages(nn.Module):
    """A flow of images in the form that is exported.

    Arguments:
        flow: the trained flow; it is copied, and not changed.
    """

    exit: Tensor | None
    context_mean: Tensor | None
    context_entrance: Tensor | None
    constant: Tensor

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        flow = copy.deepcopy(flow).double().cpu().eval().requires_grad_(False)
        self.event_shape, self.latent_size, self.context = flow.event_shape, flow.latent_size, flow.context
        assert isinstance(flow.stack, MultiScaleStack)
        assert flow.bounds is not None
        self.stack = flow.stack
        self.bounds = flow.bounds
        self.encoder = flow.encoder
        context = flow.standardize_context
        # Constants are buffers: a Python float inside a module becomes float32 even in a float64 graph.
        buffers = {
            "constant": torch.tensor(flow.base.constant, dtype=torch.float64),
            "exit": None,
            "context_mean": None if context is None else context.mean,
            "context_entrance": None if context is None else 1 / context.scale,
        }
        for name, value in buffers.items():
            self.register_buffer(name, value)

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """``[batch, *event]`` → ``[batch]``, nats."""
        v, log_det = self.bounds.forward_and_log_det(x)
        parts, log_dets = self.stack.forward_and_log_det(self.stack.split(v), self.context_in(context))
        log_prob = self.density(parts, [*log_dets, [log_det.flatten(1)]])
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
        scales = [torch.ones_like(part[0]) for part in parts]
        if self.exit is not None:
            scales = list(self.stack.split_latent(self.exit))
        for part, scale in zip(parts, scales, strict=True):
            total = torch.addmm(total, part * part, column(scale.square() * torch.full_like(scale, -0.5)))
        return total.squeeze(-1)

    def sample(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """``[batch, latent]`` → ``[batch, *event]``."""
        parts = self.stack.split_latent(z if self.exit is None else z * (1 / self.exit))
        parts, _ = self.stack.inverse_and_log_det(parts, self.context_in(context))
        x: Tensor = self.bounds.inverse_and_log_det(self.stack.join(parts))[0]
        return x

    def context_in(self, context: Tensor | None) -> Tensor | None:
        """The context as the conditioners take it."""
        if context is None:
            return None
        context = context if self.context_mean is None else context - self.context_mean
        context = context if self.context_entrance is None else context * self.context_entrance
        return context if self.encoder is None else self.encoder(context)


def column(weights: Tensor) -> Tensor:
    """A weight each as ``[numbers, 1]``: what sums them by a product.

    ONNX Runtime's own ReduceSum takes twice the time, and of no rows it gives a wrong shape.
    """
    return weights.unsqueeze(-1)


def add_terms(terms: Sequence[Tensor]) -> Tensor:
    """The sum of tensors, in one node where they are all a batch or none is."""
    # Not their whole shapes: to compare the batch axis while exporting would freeze it.
    if len(terms) > 2 and len({term.ndim for term in terms}) == 1:
        total: Tensor = add_all(list(terms))
        return total
    return add(terms)
