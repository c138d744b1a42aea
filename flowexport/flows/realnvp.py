"""RealNVP."""

__all__ = ["RealNVP"]

import numbers
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from flowexport.errors import ArgumentError

from . import masks
from .base import StandardNormal
from .conditioner import Conditioner, Constant, ContextConditioner, MaskedConditioner
from .coupling import Coupling, HalvesStack, Stack, WholeStack
from .flow import Flow
from .univariate import Affine

ACTIVATIONS: dict[str, type[nn.Module]] = {
    kind.__name__: kind for kind in (nn.ELU, nn.GELU, nn.LeakyReLU, nn.ReLU, nn.SiLU, nn.Softplus, nn.Tanh)
}
"""Activations that a checkpoint can name."""

UNIVARIATES: dict[str, type[nn.Module]] = {"Affine": Affine}
"""Univariate bijections that a checkpoint can name."""


class RealNVP(Flow):
    r"""A stack of couplings, each moving one half of the features given the other and the context.

    A single feature has nothing to be split into: every layer is then an elementwise map, given the context.

    References:
        Density estimation using Real NVP (Dinh et al., 2016), https://arxiv.org/abs/1605.08803

    Arguments:
        features: the number of features.
        context: the number of context features.
        transforms: the number of couplings.
        randmask: whether each layer keeps a random half of the features, instead of the even and the odd
            ones in turn.
        hidden_features: width of each hidden layer of the conditioners; may be empty.
        activation: the activation between them, a class or its name.
        univariate: what a coupling does to a feature, a class or its name.

    Raises:
        ArgumentError: for an argument that cannot be, by its name.

    Example:
        >>> flow = RealNVP(features=10, transforms=5, hidden_features=(128, 128))
        >>> x = flow().sample((1000,))
        >>> flow().log_prob(x).shape
        torch.Size([1000])
    """

    def __init__(
        self,
        features: int,
        context: int = 0,
        transforms: int = 3,
        randmask: bool = False,
        hidden_features: Sequence[int] = (64, 64),
        activation: Callable[[], nn.Module] | str = nn.ReLU,
        univariate: Callable[[], nn.Module] | str = Affine,
    ) -> None:
        features = whole("features", features, 1)
        context = whole("context", context, 0)
        transforms = whole("transforms", transforms, 1)
        if not isinstance(randmask, bool):
            raise ArgumentError(f"randmask: expected True or False, got {randmask!r}")
        if isinstance(hidden_features, str) or not isinstance(hidden_features, Sequence):
            raise ArgumentError(f"hidden_features: expected a sequence of widths, got {hidden_features!r}")
        hidden = [whole("hidden_features", width, 1) for width in hidden_features]
        make_activation, activation_name = named("activation", activation, ACTIVATIONS)
        make_univariate, univariate_name = named("univariate", univariate, UNIVARIATES)

        sizes: Any = make_univariate().sizes
        rest: Any = (sizes, hidden, make_activation)
        stack: Stack
        if features == 1:
            make = (lambda: ContextConditioner(context, 1, *rest)) if context else (lambda: Constant(1, sizes))
            stack = WholeStack([Coupling(make(), make_univariate()) for _ in range(transforms)])
        elif randmask:
            networks = [Conditioner(features + context, features, *rest) for _ in range(transforms)]
            masked = zip(networks, masks.randomised(features, transforms), strict=True)
            stack = WholeStack([Coupling(MaskedConditioner(*pair), make_univariate()) for pair in masked])
        else:
            kept = [int(mask.sum()) for mask in masks.alternating(features, transforms)]
            stack = HalvesStack(
                masks.alternating(features, 1)[0],
                [Coupling(Conditioner(k + context, features - k, *rest), make_univariate()) for k in kept],
            )
        arguments = {
            "features": features,
            "context": context,
            "transforms": transforms,
            "randmask": randmask,
            "hidden_features": hidden,
            "activation": activation_name,
            "univariate": univariate_name,
        }
        super().__init__(stack, StandardNormal(features), features, context, arguments)


def whole(name: str, value: object, least: int) -> int:
    """The argument, if it is a whole number that is large enough."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise ArgumentError(f"{name}: expected a whole number of at least {least}, got {value!r}")
    return int(value)


def named(
    argument: str, value: Callable[[], nn.Module] | str, known: dict[str, type[nn.Module]]
) -> tuple[Callable[[], nn.Module], str]:
    """The constructor and the name of an argument that may be given as either."""
    if isinstance(value, str):
        if value not in known:
            raise ArgumentError(f"{argument}: {value!r} is not one of {', '.join(sorted(known))}")
        return known[value], value
    if not callable(value):
        raise ArgumentError(f"{argument}: expected a class or one of {', '.join(sorted(known))}, got {value!r}")
    return value, getattr(value, "__name__", repr(value))
