"""Univariate bijections by name: what a checkpoint, a recipe and a user's own file have in common."""

from __future__ import annotations

__all__ = ["UNIVARIATES", "described", "make_univariate", "register"]

import copy
from collections.abc import Callable, Mapping
from typing import TypeVar

from torch import nn

from flowexport.errors import ArgumentError

from ..contracts import UnivariateMap

UNIVARIATES: dict[str, Callable[..., UnivariateMap]] = {}
"""Univariate bijections that a checkpoint or a recipe can name."""

Kind = TypeVar("Kind", bound=type[UnivariateMap])


def register(kind: Kind) -> Kind:
    """Makes a class of univariate bijections known by its name; a decorator.

    Raises:
        ArgumentError: where the class does not keep the contract, or another has the name.
    """
    for needed in ("forward_and_log_det", "inverse_and_log_det"):
        if not callable(getattr(kind, needed, None)):
            raise ArgumentError(f"{kind.__name__}: a univariate bijection needs the method {needed}")
    known = UNIVARIATES.setdefault(kind.__name__, kind)
    if (known.__module__, known.__qualname__) != (kind.__module__, kind.__qualname__):
        raise ArgumentError(f"{kind.__name__}: is the name of another univariate bijection, of {known.__module__}")
    UNIVARIATES[kind.__name__] = kind
    return kind


def make_univariate(given: object) -> Callable[[], UnivariateMap]:
    """The maker of a univariate bijection, from what the argument ``univariate`` may be.

    Arguments:
        given: a registered name; a mapping of ``name`` and the constructor's arguments; a module, which is
            copied; or any callable without arguments that makes one.

    Raises:
        ArgumentError: for anything else.
    """
    if isinstance(given, nn.Module):
        module = kept(given)
        return lambda: copy.deepcopy(module)
    if isinstance(given, str):
        given = {"name": given}
    if isinstance(given, Mapping):
        arguments = dict(given)
        name = arguments.pop("name", None)
        if not isinstance(name, str) or name not in UNIVARIATES:
            raise ArgumentError(f"{name!r} is not one of {', '.join(sorted(UNIVARIATES))}", key="univariate")
        kind = UNIVARIATES[name]
        try:
            named = kind(**arguments)
        except (TypeError, ArgumentError) as error:
            raise ArgumentError(f"{name}: {error}", key="univariate") from error
        return lambda: copy.deepcopy(named)
    if not callable(given):
        raise ArgumentError(
            f"expected a class, a module or one of {', '.join(sorted(UNIVARIATES))}, got {given!r}", key="univariate"
        )
    return lambda: kept(given())


def kept(made: object) -> UnivariateMap:
    """What was made, if it keeps the contract.

    Raises:
        ArgumentError: where it does not.
    """
    if not isinstance(made, UnivariateMap):
        needed = "sizes, forward_and_log_det and inverse_and_log_det"
        raise ArgumentError(f"{type(made).__name__}: a univariate bijection needs {needed}", key="univariate")
    return made


def described(univariate: object) -> str | dict[str, object]:
    """What `make_univariate` makes the same bijection of: its name, with its arguments where they are not the defaults.

    One that is not registered is described all the same: it can be trained and exported, and a checkpoint of it
    is refused when it is written.
    """
    name = type(univariate).__name__
    arguments = getattr(univariate, "arguments", {})
    return {"name": name, **arguments} if arguments else name
