"""Files of other libraries: a state dict with its arguments, or a pickled module that somebody trusts."""

from __future__ import annotations

__all__ = ["LIBRARIES", "Library", "load_original"]

import pickle
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from flowexport.errors import CheckpointError, extras_named
from flowexport.flows import Flow

from . import nflows, normflows, zuko
from .construct import Constructors, construct, read_arguments
from .original import Original


@dataclass(frozen=True)
class Library:
    """What is known of a library.

    Arguments:
        adopt: a trained module → the flow.
        numbers: a trained module → what the library says of it.
        constructors: the classes that a file of arguments can name.
    """

    adopt: Callable[..., Flow]
    numbers: Callable[..., Original]
    constructors: Callable[[], Constructors]


LIBRARIES = {
    "nflows": Library(nflows.from_nflows, nflows.nflows_numbers, nflows.constructors),
    "normflows": Library(normflows.from_normflows, normflows.normflows_numbers, normflows.constructors),
    "zuko": Library(zuko.from_zuko, zuko.zuko_numbers, zuko.constructors),
}


def load_original(
    library: str, path: Path, arguments: Path | None, trust_pickle: bool, warn: Callable[[str], None]
) -> nn.Module:
    """The trained module of a file.

    Arguments:
        library: one of `LIBRARIES`.
        path: a state dict (safetensors, or ``torch.save(flow.state_dict(), path)``), or ``torch.save(flow, path)``.
        arguments: for a state dict the JSON or TOML file that spells the module; see docs/interop.md.
        trust_pickle: whether a pickled module may be loaded, which runs whatever code the file holds.
        warn: is told so before it happens.

    Raises:
        CheckpointError: where the file cannot be read, needs trust or arguments, or does not fit them, by tensor.
        MissingExtra: where the library is not installed.
    """
    if not path.is_file():
        raise CheckpointError("no such file", file=path)
    loaded = read(library, path, trust_pickle, warn)
    if isinstance(loaded, nn.Module):
        if arguments is not None:
            raise CheckpointError(f"{arguments}: {path} holds a whole module, which needs no --arguments")
        return loaded
    weights = state_dict(path, loaded)
    if arguments is None:
        cure = "spell its class and arguments in a file for --arguments (see docs/interop.md)"
        raise CheckpointError(f"a state dict does not say what it is the state of: {cure}", file=path)
    with extras_named():
        known = LIBRARIES[library].constructors()
    module = construct(arguments, read_arguments(arguments), known, path.stat().st_size)
    dtype = next((tensor.dtype for tensor in weights.values() if tensor.is_floating_point()), torch.float32)
    require_fit(path, module, weights)
    module.to(dtype).load_state_dict(weights)
    return module


def read(library: str, path: Path, trust_pickle: bool, warn: Callable[[str], None]) -> object:
    """What is in a file: tensors by name where it holds no more, else the module that was pickled."""
    if path.suffix.lower() == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, ValueError, KeyError) as error:
            raise CheckpointError(f"not a safetensors file ({error})", file=path) from error
    if not zipfile.is_zipfile(path):
        raise CheckpointError("neither a .safetensors file nor one of torch.save", file=path)
    try:
        with zipfile.ZipFile(path) as archive:
            compressed = any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist())
    # Of a damaged list of members zipfile raises what it meets.
    except Exception as error:
        raise CheckpointError(
            f"not a readable file of torch.save ({type(error).__name__}: {error})", file=path
        ) from error
    if compressed:
        raise CheckpointError("is compressed, which torch.save never does", file=path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        if not trust_pickle:
            cure = "save flow.state_dict() instead, or add --trust-pickle if you trust who made it"
            raise CheckpointError(
                f"holds Python objects, and loading them runs their code: {cure}", file=path
            ) from None
    # And so does torch of a damaged pickle: IndexError, TypeError, AssertionError and others.
    except Exception as error:
        raise CheckpointError(
            f"not a readable file of torch.save ({type(error).__name__}: {error})", file=path
        ) from error
    warn(f"{path} is loaded by pickle, which runs any code that it holds, with your rights")
    try:
        with extras_named():
            loaded = torch.load(path, map_location="cpu", weights_only=False)
    # Whatever the code in it raises.
    except Exception as error:
        raise CheckpointError(f"cannot be unpickled: {type(error).__name__}: {error}", file=path) from error
    if not isinstance(loaded, nn.Module):
        raise CheckpointError(f"holds a {type(loaded).__name__}, not a flow of {library}", file=path)
    return loaded


def state_dict(path: Path, loaded: object) -> Mapping[str, Tensor]:
    """The loaded object, if it is one."""
    if not isinstance(loaded, Mapping) or not all(isinstance(each, Tensor) for each in loaded.values()):
        kind = (
            f"the keys {', '.join(map(str, loaded))}" if isinstance(loaded, Mapping) else f"a {type(loaded).__name__}"
        )
        raise CheckpointError(f"holds {kind}, not tensors alone: save flow.state_dict() by itself", file=path)
    return loaded


def require_fit(path: Path, module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Refuses the first tensor that is missing, too many or of another shape."""
    expected = module.state_dict()
    for name, tensor in expected.items():
        if name not in weights:
            raise CheckpointError(f"the tensor {name!r} is not there, which the arguments ask for", file=path)
        if weights[name].shape != tensor.shape:
            shapes = f"{list(weights[name].shape)}, and {list(tensor.shape)} by the arguments"
            raise CheckpointError(f"the tensor {name!r} is {shapes}", file=path)
    for name in weights:
        if name not in expected:
            raise CheckpointError(f"the tensor {name!r} belongs to nothing that the arguments make", file=path)
