"""A library's module from plain values: the architecture that a state dict lacks."""

from __future__ import annotations

__all__ = ["construct", "read_arguments"]

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import nn

from flowexport.bundle.small import read_small
from flowexport.bundle.toml import require_short_keys
from flowexport.errors import ArgumentError, CheckpointError
from flowexport.flows.room import Room, room_beside

ARGUMENTS_BYTES = 1 << 20
"""A file of arguments larger than this is refused before it is parsed."""

NAMED = ("activation", "univariate")
"""Arguments whose text is the name of a class; everywhere else text is text."""

REFUSAL = "the arguments make a module much larger than its weights"

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
        with Room(room_beside(size), REFUSAL):
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
