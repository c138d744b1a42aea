r"""The lean form of a trained flow: the same function, in few operations.

A `LeanFlow` starts as the trained flow, copied in float64, with its units written out:

.. math:: \ln p(x) = \sum_i w_i u_i^2 + \sum \mathrm{log\,det} + k, \qquad u = f((x - \mu) \cdot e),
    \qquad w_i = -\tfrac12 q_i^2

with an entrance scale :math:`e` and an exit scale :math:`q`. The folds of `flowexport.export.folds` then
move work out of the graph and into the weights.
"""

from __future__ import annotations

__all__ = ["LeanFlow"]

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from flowexport.flows import Flow
from flowexport.flows.flow import add, event_sum

from .operators import add_all


class LeanFlow(nn.Module):
    """A flow in the form that is exported.

    Arguments:
        flow: the trained flow; it is copied, and not changed.
    """

    mean: Tensor | None
    entrance: Tensor | None
    exit: Tensor | None
    context_mean: Tensor | None
    context_entrance: Tensor | None
    constant: Tensor

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        flow = copy.deepcopy(flow).double().cpu().eval().requires_grad_(False)
        self.stack = flow.stack
        # Constants are buffers: a Python float inside a module becomes float32 even in a float64 graph.
        self.register_buffer("constant", flow.base.constant + flow.standardize.log_det())
        units = {"mean": flow.standardize.mean, "entrance": 1 / flow.standardize.scale, "exit": None}
        context = flow.standardize_context
        units["context_mean"] = None if context is None else context.mean
        units["context_entrance"] = None if context is None else 1 / context.scale
        for name, value in units.items():
            self.register_buffer(name, value)

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """``[batch, features]`` → ``[batch]``, nats."""
        x = scaled(x if self.mean is None else x - self.mean, self.entrance)
        parts, log_dets = self.stack.forward_and_log_det(self.stack.split(x), self.context_in(context))
        if self.exit is None:
            weights = [torch.full_like(self.constant, -0.5)] * len(parts)
        else:
            weights = [-0.5 * part.square() for part in self.stack.split(self.exit)]
        terms = [[*of, part * part * weight] for of, part, weight in zip(log_dets, parts, weights, strict=True)]
        return event_sum(terms, add_terms) + self.constant

    def sample(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """``[batch, latent]`` → ``[batch, features]``."""
        parts = self.stack.split(scaled(z, None if self.exit is None else 1 / self.exit))
        parts, _ = self.stack.inverse_and_log_det(parts, self.context_in(context))
        x = scaled(self.stack.join(parts), None if self.entrance is None else 1 / self.entrance)
        return x if self.mean is None else x + self.mean

    def context_in(self, context: Tensor | None) -> Tensor | None:
        """The context as the conditioners take it."""
        if context is None or self.context_mean is None:
            return context
        return scaled(context - self.context_mean, self.context_entrance)


def scaled(x: Tensor, scale: Tensor | None) -> Tensor:
    """x · scale, where there is one."""
    return x if scale is None else x * scale


def add_terms(terms: Sequence[Tensor]) -> Tensor:
    """The sum of tensors, in one node where they are all a batch or none is."""
    # Not their whole shapes: to compare the batch axis while exporting would freeze it.
    if len(terms) > 2 and len({term.ndim for term in terms}) == 1:
        return add_all(list(terms))
    return add(terms)
