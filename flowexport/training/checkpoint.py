"""Run folders: what training leaves behind, as safetensors, JSON and CSV, and never as pickle.

=======================  ==============================================================
``model.safetensors``    the weights of the best epoch
``config.json``          what they are: architecture, names, recipe, figures
``metrics.csv``          a line an epoch
``learning_curve.png``   the same as a picture
``rows.safetensors``     up to 10,000 held-out and training rows, for the proof of export and for `evaluate`
``resume.json``          where training stands, and the file that holds its state
``resume-N.safetensors`` weights, optimiser and generator after epoch N
=======================  ==============================================================
"""

from __future__ import annotations

__all__ = ["FORMAT", "Checkpoint", "Config", "load_checkpoint", "save_checkpoint"]

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
import torch
from safetensors.torch import save as save_tensors
from torch import Tensor

from flowexport.bundle.schema import Quality
from flowexport.bundle.small import read_small
from flowexport.column import Column
from flowexport.errors import ArgumentError, CheckpointError
from flowexport.files import write_file
from flowexport.flows import Flow, build
from flowexport.flows.room import Room, room_beside

from .held import require_rows
from .stored import read_tensors

T = TypeVar("T")

FORMAT = "flowexport-run/1"
CONFIG_BYTES = 4 << 20
"""A config.json larger than this is refused before it is parsed."""


class Config(msgspec.Struct, frozen=True):
    """``config.json``.

    Arguments:
        format: ``flowexport-run/1``.
        name, description: of the model.
        architecture: the flow's class and its arguments.
        features, context_features: the names of the columns.
        categories: of those context columns that have them; the place of a category is its code.
        discrete: features of steps, and the width of a step, that training had noise for.
        recipe: the recipe that it was trained by, None for a flow trained in memory.
        recipe_sha256: of that recipe's text.
        rows: how many were trained on, held out, and dropped for missing values.
        best: the epoch of the weights, and its held-out NLL in nats.
        quality: how good these weights are on the held-out rows, None while training goes on.
    """

    format: str
    name: str
    architecture: dict[str, object]
    features: list[str]
    context_features: list[str]
    categories: dict[str, list[str]] = {}
    discrete: dict[str, float] = {}
    description: str = ""
    recipe: dict[str, object] | None = None
    recipe_sha256: str | None = None
    rows: dict[str, int] = {}
    best: dict[str, float] = {}
    quality: Quality | None = None

    @property
    def context_columns(self) -> list[Column]:
        """The columns of the context."""
        return [Column(name, self.categories.get(name) or None) for name in self.context_features]

    @property
    def golden(self) -> Literal["data", "samples"]:
        """What the recipe wants golden rows to be."""
        export = (self.recipe or {}).get("export")
        return "samples" if isinstance(export, dict) and export.get("golden") == "samples" else "data"


@dataclass(frozen=True)
class Checkpoint:
    """A run folder, read.

    Arguments:
        flow: with the weights of the best epoch, in eval mode.
        config: what it is.
        x, context: held-out rows, float32 or float64, where the folder has them; images with their noise.
        weights_sha256: of ``model.safetensors``.
        training_x, training_context: training rows in the same form, where the folder has them.
    """

    flow: Flow
    config: Config
    x: Tensor | None
    context: Tensor | None
    weights_sha256: str
    training_x: Tensor | None = None
    training_context: Tensor | None = None


def load_checkpoint(folder: str | os.PathLike[str]) -> Checkpoint:
    """Reads a run folder.

    Raises:
        CheckpointError: naming the file, the key or the tensor that is at fault.
    """
    folder = Path(folder)
    config = read_json(folder / "config.json", Config)
    if config.format != FORMAT:
        raise CheckpointError(f"{folder / 'config.json'}: format: expected {FORMAT!r}, got {config.format!r}")
    weights, digest = read_tensors(folder / "model.safetensors")
    flow = flow_of(config.architecture, weights, str(folder / "config.json"), str(folder / "model.safetensors"))
    if len(config.features) != flow.features or len(config.context_features) != flow.context:
        raise CheckpointError(f"{folder / 'config.json'}: features, context_features: do not fit the architecture")
    codes = [column.codes for column in config.context_columns]
    if codes != flow.categories or not config.categories.keys() <= set(config.context_features):
        raise CheckpointError(f"{folder / 'config.json'}: categories: do not fit the architecture")
    rows_file = folder / "rows.safetensors"
    rows = read_tensors(rows_file)[0] if rows_file.exists() else {}
    require_rows(rows, flow, rows_file)
    x, training_x = (
        rows[name].reshape(-1, *flow.event_shape) if name in rows else None for name in ("x", "training_x")
    )
    return Checkpoint(flow, config, x, rows.get("context"), digest, training_x, rows.get("training_context"))


def flow_of(architecture: dict[str, object], weights: dict[str, Tensor], described: str, stored: str) -> Flow:
    """An untrusted architecture with its weights, in eval mode.

    Arguments:
        architecture: the flow's class and its arguments.
        weights: its state.
        described, stored: the files of both, for messages.

    Raises:
        CheckpointError: where they do not fit each other.
    """
    total = sum(tensor.numel() for tensor in weights.values())
    size = sum(tensor.nbytes for tensor in weights.values())
    try:
        with Room(room_beside(size), f"much larger than the {total:,} numbers of its weights", fill=False):
            flow = build(architecture)
    except ArgumentError as error:
        raise error.told(CheckpointError, file=described, key=error.within("architecture", ": ")) from error
    dtype = next((tensor.dtype for tensor in weights.values() if tensor.is_floating_point()), torch.float32)
    try:
        flow.to(dtype).load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"does not fit the architecture: {reason}", file=stored) from error
    return flow.eval()


def save_checkpoint(folder: Path, weights: dict[str, Tensor], config: Config) -> None:
    """Writes the weights, then what they are, each under a temporary name first."""
    write_file(folder / "model.safetensors", save_tensors(contiguous(weights)))
    write_file(folder / "config.json", msgspec.json.format(msgspec.json.encode(config), indent=2) + b"\n")


def read_json(path: Path, kind: type[T]) -> T:
    """A small JSON file as a typed structure."""
    try:
        data = read_small(path, CONFIG_BYTES, CheckpointError, "; is this a run folder?")
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CheckpointError(str(error), file=path) from error


def contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """As safetensors wants them, on the CPU."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
