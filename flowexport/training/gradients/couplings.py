r"""Gradients by hand of affine couplings: all that follow one another are one operation to autograd.

A step of training a flow of usual size spends as long in calling operations as in matrix products; this saves more
than half of the calls.

.. math:: y = x \, e^{l} + t, \qquad l = c \, \mathrm{softsign}(a / c), \qquad \frac{dl}{da} = (1 + |a / c|)^{-2}
"""

from __future__ import annotations

__all__ = ["Plan", "affine_couplings", "plain_affine_couplings"]

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from .perceptron import Activation, Recorded, differentiable, plain_perceptron, through_perceptron, to_perceptron


class Plan(NamedTuple):
    """One coupling.

    Arguments:
        kept, moved: the parts.
        cap: c, the bound of its log scale.
        split: how many of its parameters are those of hidden layers.
        activation: between them.
        parameters: weight and bias of each hidden layer, of the shift and of the log scale, in this order.
    """

    kept: int
    moved: int
    cap: float
    split: int
    activation: Activation
    parameters: Sequence[Tensor]


class Shape(NamedTuple):
    """A `Plan` with the number of its parameters in their place."""

    kept: int
    moved: int
    cap: float
    split: int
    activation: Activation
    length: int


class RecordedCouplings(Recorded, Protocol):
    """What autograd keeps of `AffineCouplings`."""

    shapes: Sequence[Shape]
    count: int
    size: int
    moved: list[int]


def affine_couplings(
    plans: Sequence[Plan], parts: Sequence[Tensor], context: Tensor | None
) -> tuple[tuple[Tensor, ...], list[Tensor | None]]:
    """Couplings with conditioners that `perceptron` knows, one after the other.

    Arguments:
        plans: the couplings.
        parts: ``[rows, features of that part]`` each.
        context: ``[rows, context]``.

    Returns:
        The parts, and the sum of the log-determinants of each, unsummed over its features; None where it was not moved.
    """
    parameters = [parameter for plan in plans for parameter in plan.parameters]
    shapes = [Shape(*plan[:5], len(plan.parameters)) for plan in plans]
    found = AffineCouplings.apply(shapes, len(parts), *parts, context, *parameters)
    moved = {plan.moved for plan in plans}
    outputs = iter(found)
    values = tuple(next(outputs) if part in moved else parts[part] for part in range(len(parts)))
    return values, [next(outputs) if part in moved else None for part in range(len(parts))]


def plain_affine_couplings(shapes: Sequence[Shape], count: int, *inputs: Tensor | None) -> tuple[Tensor, ...]:
    """`affine_couplings` as autograd differentiates them."""
    parts = present(inputs[:count])
    log_dets: dict[int, Tensor] = {}
    context, parameters = inputs[count], present(inputs[count + 1 :])
    for kept, moved, cap, split, activation, length in shapes:
        x = parts[kept] if context is None else torch.cat([parts[kept], context], dim=1)
        shift, raw = plain_perceptron(x, split, activation, parameters[:length])
        del parameters[:length]
        log_scale = cap * functional.softsign(raw / cap)
        parts[moved] = parts[moved] * log_scale.exp() + shift
        log_dets[moved] = log_dets[moved] + log_scale if moved in log_dets else log_scale
    return *(parts[part] for part in sorted(log_dets)), *(log_dets[part] for part in sorted(log_dets))


class AffineCouplings(torch.autograd.Function):
    """`affine_couplings`, of the parts that are moved: their values, and their log-determinants."""

    @staticmethod
    def forward(
        ctx: RecordedCouplings, shapes: Sequence[Shape], count: int, *inputs: Tensor | None
    ) -> tuple[Tensor, ...]:
        parts = present(inputs[:count])
        log_dets: dict[int, Tensor] = {}
        context, parameters = inputs[count], present(inputs[count + 1 :])
        saved: list[Tensor] = []
        one = parts[0].new_ones(())
        start = 0
        for kept, moved, cap, split, activation, length in shapes:
            x = parts[kept] if context is None else torch.cat([parts[kept], context], dim=1)
            of_layers = parameters[start : start + length]
            layers, of_activations, (shift, raw) = through_perceptron(x, split, activation, of_layers)
            start += length
            # Factors within an operation are cheaper than an operation with a number.
            divisor = torch.add(one, raw.abs(), alpha=1 / cap)
            log_scale = raw.div_(divisor)
            scale = log_scale.exp()
            saved += [*layers, *of_activations, parts[moved], scale, divisor]
            parts[moved] = shift.addcmul_(parts[moved], scale)
            log_dets[moved] = log_dets[moved].add_(log_scale) if moved in log_dets else log_scale
        ctx.shapes, ctx.count, ctx.size = shapes, count, len(inputs)
        ctx.moved = sorted(log_dets)
        ctx.save_for_backward(*inputs, *saved)
        return *(parts[part] for part in ctx.moved), *(log_dets[part] for part in ctx.moved)

    @staticmethod
    def backward(ctx: RecordedCouplings, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        shapes, count, moved_parts = ctx.shapes, ctx.count, ctx.moved
        inputs, saved = ctx.saved_tensors[: ctx.size], ctx.saved_tensors[ctx.size :]
        needed = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():
            given = [each for each in inputs if each is not None]

            def formula(*views: Tensor) -> tuple[Tensor, ...]:
                rest = iter(views)
                return plain_affine_couplings(shapes, count, *(None if each is None else next(rest) for each in inputs))

            asked = [need for need, each in zip(needed, inputs, strict=True) if each is not None]
            rest = iter(differentiable(formula, given, asked, gradients))
            return None, None, *(None if each is None else next(rest) for each in inputs)
        parameters = inputs[count + 1 :]
        needed_parameters = needed[count + 1 :]
        found: list[Tensor | None] = [None] * len(parameters)
        of_context: Tensor | None = None
        # Of each part the gradient as it is after the coupling at hand.
        of_parts: list[Tensor | None] = [None] * count
        of_log_dets: dict[int, Tensor] = {}
        for i, part in enumerate(moved_parts):
            of_parts[part], of_log_dets[part] = gradients[i], gradients[len(moved_parts) + i]
        stop, end = len(saved), len(parameters)
        # What comes before needs a gradient of each part?
        before = upstream(shapes, count, needed)
        for number in range(len(shapes) - 1, -1, -1):
            kept, moved, _, split, activation, length = shapes[number]
            x, scale, divisor = saved[stop - 3 : stop]
            hidden = split // 2
            of_activations = saved[stop - 3 - hidden : stop - 3]
            layers = saved[stop - 4 - 2 * hidden : stop - 3 - hidden]
            stop -= 4 + 2 * hidden
            begin = end - length
            of_shift = of_parts[moved]
            assert of_shift is not None
            of_x = of_shift * scale
            of_raw = torch.addcmul(of_log_dets[moved], of_x, x).div_(divisor).div_(divisor)
            of_parts[moved] = of_x
            needed_kept = before[number][kept]
            of_input, found[begin:end] = to_perceptron(
                (of_shift, of_raw),
                split,
                activation,
                parameters[begin:end],
                layers,
                of_activations,
                needed_kept or needed[count],
                needed_parameters[begin:end],
            )
            end = begin
            if of_input is None:
                continue
            if inputs[count] is not None:
                width = of_input.shape[1] - inputs[count].shape[1]
                if needed[count]:
                    piece = of_input[:, width:]
                    of_context = piece if of_context is None else of_context + piece
                of_input = of_input[:, :width]
            if needed_kept:
                other = of_parts[kept]
                of_parts[kept] = of_input if other is None else of_input.add_(other)
        return (
            None,
            None,
            *(of if need else None for of, need in zip(of_parts, needed, strict=False)),
            of_context,
            *found,
        )


def present(inputs: Iterable[Tensor | None]) -> list[Tensor]:
    """The tensors themselves: none but the context may be left out."""
    return [each for each in inputs if each is not None]


def upstream(shapes: Sequence[Shape], count: int, needed: Sequence[bool]) -> list[list[bool]]:
    """For each coupling, whether a gradient is needed of each part as it is before it."""
    wants = [*needed[:count]]
    found = []
    start = count + 1
    for kept, moved, _, _, _, length in shapes:
        found.append([*wants])
        wants[moved] = wants[moved] or wants[kept] or needed[count] or any(needed[start : start + length])
        start += length
    return found
