"""A library's module from plain values: the architecture that a state dict lacks."""

from __future__ import annotations

__all__ = ["construct", "read_arguments"]

import json
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from flowexport.bundle.small import read_small
from flowexport.bundle.toml import require_short_keys
from flowexport.errors import ArgumentError, CheckpointError

ARGUMENTS_BYTES = 1 << 20
"""A file of arguments larger than this is refused before it is parsed."""

NAMED = ("activation", "univariate")
"""Arguments whose text is the name of a class; everywhere else text is text."""

ROOM = (8, 1 << 16)
"""Numbers that a constructor may make: so many a byte of the weights, and so many besides. Each weight is made, drawn
and perhaps scaled, and is four bytes in the file."""

Constructors = Mapping[str, Callable[..., object]]


def read_arguments(path: Path) -> dict[str, object]:
    """The mapping in a JSON or TOML file.

    Raises:
        CheckpointError: where it cannot be read, is too large, or holds no mapping.
    """
    try:
        text = read_small(path, ARGUMENTS_BYTES, CheckpointError).decode("utf-8")
        if path.suffix.lower() == ".toml":
            require_short_keys(text)
            spec = tomllib.loads(text)
        else:
            spec = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"neither JSON nor, by the ending .toml, TOML ({error})", file=path) from error
    if not isinstance(spec, dict) or not isinstance(spec.get("class"), str):
        raise CheckpointError(f'{path}: expected a mapping with a "class" and its arguments; see docs/interop.md')
    return spec


def construct(where: Path, spec: dict[str, object], known: Constructors, size: int) -> nn.Module:
    """The module that a mapping spells: ``class`` is a name in ``known``, all else its arguments.

    Arguments:
        where: the file, for errors.
        spec: from `read_arguments`; mappings inside it that have a class are made first.
        known: what each name makes.
        size: of the weights that it is made for, bytes. A module much larger is not finished.

    Raises:
        CheckpointError: naming the class or the argument that cannot be.
    """
    try:
        with Room(ROOM[0] * size + ROOM[1]):
            module = made(spec, known)
    except ArgumentError as error:
        raise error.told(CheckpointError, file=where) from error
    if not isinstance(module, nn.Module):
        raise CheckpointError(f"{spec['class']} is a part of a flow, not a flow", file=where)
    return module


def made(value: object, known: Constructors, key: str = "") -> object:
    """A value with every mapping that has a class replaced by what that makes."""
    if key in NAMED and isinstance(value, str):
        value = {"class": value}
    if isinstance(value, list):
        return [made(each, known) for each in value]
    if not isinstance(value, dict):
        return value
    name = value.get("class")
    if not isinstance(name, str) or name not in known:
        raise ArgumentError(f"{key or 'class'}: {name!r} is not one of {', '.join(sorted(known))}")
    arguments = {key: made(each, known, key) for key, each in value.items() if key != "class"}
    try:
        return known[name](**arguments)
    except ArgumentError:
        raise
    # Constructors of another library raise whatever they please.
    except Exception as error:
        raise ArgumentError(f"{error or type(error).__name__}", key=name) from error


class Room(TorchDispatchMode):
    """Counts the numbers that are made, and stops before there are too many: a small file must not take all memory."""

    def __init__(self, numbers: int) -> None:
        TorchDispatchMode.__init__(self)
        self.left = numbers

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        self.require(numbers_of(args))
        result = func(*args, **(kwargs or {}))
        self.left -= sum(1 + each.numel() for each in tree_leaves(result) if isinstance(each, Tensor))
        self.require(0)
        return result

    def require(self, numbers: int) -> None:
        """Refuses more numbers than there is room for."""
        if numbers > self.left:
            raise ArgumentError("the arguments make a module much larger than its weights")


def numbers_of(args: Sequence[object]) -> int:
    """How many numbers an operation makes that is told a shape and given no tensor; of any other 0: its result, in
    the constructors of the libraries, is as large as what it is given."""
    if any(isinstance(each, Tensor) for each in tree_leaves(args)):
        return 0
    shape = next((each for each in args if isinstance(each, (list, tuple))), args)
    return math.prod(each for each in shape if isinstance(each, int) and each > 0)
