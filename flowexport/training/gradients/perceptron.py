r"""Gradients by hand of the networks that conditioners are.

The values are those of the plain formula. Autograd records an operation at a time and multiplies narrow matrices the
slow way round; written out, backward is fewer operations, in place where nobody looks any more.

References:
    Learning representations by back-propagating errors (Rumelhart et al., 1986), https://doi.org/10.1038/323533a0
"""

from __future__ import annotations

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Recorded",
    "differentiable",
    "perceptron",
    "through_perceptron",
    "to_perceptron",
]

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

NARROW = 16
"""Columns below which a matrix product is faster as the transpose of the transposed one: BLAS works on blocks of so
many columns. [256, 256] · [256, 4] takes 75 µs, and 13 µs the other way round; from 16 columns on there is no
difference (MKL, AVX-512)."""


class Activation(NamedTuple):
    """What stands between layers.

    Arguments:
        plain: of a tensor.
        run: (what a layer gives, which may be written over) → the activation of it, and what ``to_input`` asks for.
        to_input: (gradient, what ``run`` kept) → the gradient of what the layer gave, written over the first.
    """

    plain: Callable[[Tensor], Tensor]
    run: Callable[[Tensor], tuple[Tensor, Tensor]]
    to_input: Callable[[Tensor, Tensor], Tensor]


class Recorded(Protocol):
    """What autograd keeps of one operation for its way back."""

    @property
    def saved_tensors(self) -> Sequence[Tensor]:
        """Those that were saved, in their order."""

    @property
    def needs_input_grad(self) -> Sequence[bool]:
        """Which arguments a gradient is asked for of."""

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keeps tensors."""


class RecordedPerceptron(Recorded, Protocol):
    """The same of `Perceptron`."""

    split: int
    activation: Activation


def in_place(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """Of a function whose derivative follows from what it gives."""

    def run(given: Tensor) -> tuple[Tensor, Tensor]:
        output = function(given)
        return output, output

    return run


def through_relu(gradient: Tensor, output: Tensor) -> Tensor:
    of_input: Tensor = torch.ops.aten.threshold_backward.grad_input(gradient, output, 0, grad_input=gradient)
    return of_input


def through_tanh(gradient: Tensor, output: Tensor) -> Tensor:
    of_input: Tensor = torch.ops.aten.tanh_backward.grad_input(gradient, output, grad_input=gradient)
    return of_input


def through_silu(gradient: Tensor, given: Tensor) -> Tensor:
    of_input: Tensor = torch.ops.aten.silu_backward.grad_input(gradient, given, grad_input=gradient)
    return of_input


ACTIVATIONS: dict[type[nn.Module], Activation] = {
    nn.ReLU: Activation(torch.relu, in_place(torch.relu_), through_relu),
    nn.Tanh: Activation(torch.tanh, in_place(torch.tanh_), through_tanh),
    nn.SiLU: Activation(functional.silu, lambda given: (functional.silu(given), given), through_silu),
}

Needed = Sequence[bool]
"""Which gradients are asked for."""


def perceptron(
    x: Tensor, hidden: Sequence[Tensor], heads: Sequence[Tensor], activation: Activation
) -> tuple[Tensor, ...]:
    r"""A network with several linear outputs.

    .. math:: h_i = \phi(W_i h_{i-1} + b_i), \qquad h_0 = x, \qquad o_j = V_j h_n + c_j

    Arguments:
        x: ``[rows, in_features]``.
        hidden: weight and bias of each hidden layer, flat: ``[width, width before], [width], …``.
        heads: weight and bias of each output, likewise.
        activation: :math:`\phi`.

    Returns:
        ``[rows, out_features]`` of each output.
    """
    outputs: tuple[Tensor, ...] = Perceptron.apply(x, len(hidden), activation, *hidden, *heads)
    return outputs


def plain_perceptron(x: Tensor, split: int, activation: Activation, parameters: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """`perceptron` as autograd differentiates it."""
    for i in range(0, split, 2):
        x = activation.plain(functional.linear(x, parameters[i], parameters[i + 1]))
    return tuple(functional.linear(x, *parameters[i : i + 2]) for i in range(split, len(parameters), 2))


class Perceptron(torch.autograd.Function):
    """`perceptron`."""

    @staticmethod
    def forward(
        ctx: RecordedPerceptron, x: Tensor, split: int, activation: Activation, *parameters: Tensor
    ) -> tuple[Tensor, ...]:
        layers, kept, outputs = through_perceptron(x, split, activation, parameters)
        ctx.split, ctx.activation = split, activation
        ctx.save_for_backward(*parameters, *layers, *kept)
        return tuple(outputs)

    @staticmethod
    def backward(ctx: RecordedPerceptron, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        split, activation = ctx.split, ctx.activation
        count = len(ctx.needs_input_grad) - 3
        parameters, layers = ctx.saved_tensors[:count], ctx.saved_tensors[count : count + split // 2 + 1]
        kept = ctx.saved_tensors[count + split // 2 + 1 :]
        needed_x, _, _, *needed = ctx.needs_input_grad
        if torch.is_grad_enabled():
            of_x, *found = differentiable(
                lambda x, *parameters: plain_perceptron(x, split, activation, parameters),
                (layers[0], *parameters),
                (needed_x, *needed),
                gradients,
            )
        else:
            of_x, found = to_perceptron(gradients, split, activation, parameters, layers, kept, needed_x, needed)
        return of_x, None, None, *found


def through_perceptron(
    x: Tensor, split: int, activation: Activation, parameters: Sequence[Tensor]
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """x with what each hidden layer says, what their activations keep, and the outputs.

    The first ``split`` parameters are the hidden layers'.
    """
    layers, kept = [x], []
    for i in range(0, split, 2):
        x, asked = activation.run(torch.addmm(parameters[i + 1], x, parameters[i].t()))
        layers.append(x)
        kept.append(asked)
    outputs = []
    for i in range(split, len(parameters), 2):
        weight, bias = parameters[i], parameters[i + 1]
        if len(bias) < NARROW:
            outputs.append(torch.addmm(bias.unsqueeze(1), weight, x.t()).t())
        else:
            outputs.append(torch.addmm(bias, x, weight.t()))
    return layers, kept, outputs


def to_perceptron(
    gradients: Sequence[Tensor],
    split: int,
    activation: Activation,
    parameters: Sequence[Tensor],
    layers: Sequence[Tensor],
    kept: Sequence[Tensor],
    needed_x: bool,
    needed: Needed,
) -> tuple[Tensor | None, list[Tensor | None]]:
    """The gradients of x and of the parameters, of those of the outputs and what `through_perceptron` gave."""
    found: list[Tensor | None] = [None] * len(parameters)
    # The least parameter that a gradient is needed of; nothing is gone through for those before it.
    least = -1 if needed_x else next((i for i, need in enumerate(needed) if need), len(needed)) & ~1
    g: Tensor | None = None
    for gradient, i in zip(gradients, range(split, len(parameters), 2), strict=True):
        if needed[i]:
            found[i] = outer(gradient, layers[-1])
        if needed[i + 1]:
            found[i + 1] = gradient.sum(0)
        if least < split:
            g = to_input(gradient, parameters[i]) if g is None else g.addmm_(gradient, parameters[i])
    for i in range(split - 2, max(least, 0) - 1, -2):
        assert g is not None
        activation.to_input(g, kept[i // 2])
        if needed[i]:
            found[i] = outer(g, layers[i // 2])
        if needed[i + 1]:
            found[i + 1] = g.sum(0)
        if i > least:
            g = to_input(g, parameters[i])
    return g if needed_x else None, found


def outer(gradient: Tensor, x: Tensor) -> Tensor:
    """The gradient of a weight, ``[out, in]``, of ``gradient [rows, out]`` and ``x [rows, in]``."""
    return (x.t() @ gradient).t() if x.shape[1] < NARROW else gradient.t() @ x


def to_input(gradient: Tensor, weight: Tensor) -> Tensor:
    """The gradient of what a layer was given, ``[rows, in]``."""
    return (weight.t() @ gradient.t()).t() if weight.shape[1] < NARROW else gradient @ weight


def differentiable(
    formula: Callable[..., tuple[Tensor, ...]],
    inputs: Sequence[Tensor],
    needed: Needed,
    gradients: Sequence[Tensor],
) -> tuple[Tensor | None, ...]:
    """The gradients of a plain formula, recorded in their turn: what second derivatives are taken of."""
    # As views: where an input depends on another, the formula's gradient stops at each.
    views = [each.view_as(each) for each in inputs]
    # What comes of frozen parameters alone has no gradient.
    outputs = [pair for pair in zip(formula(*views), gradients, strict=True) if pair[0].requires_grad]
    found = iter(
        torch.autograd.grad(
            [output for output, _ in outputs],
            [view for view, need in zip(views, needed, strict=True) if need],
            [gradient for _, gradient in outputs],
            create_graph=True,
            allow_unused=True,
        )
    )
    return tuple(next(found) if need else None for need in needed)
