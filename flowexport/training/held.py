"""Tensors of a file, held to name, shape and type before anything uses them.

Torch trusts an optimiser's state: fused Adam runs past the end of one that is too short, and corrupts memory.
"""

from __future__ import annotations

__all__ = ["require_rows", "require_state"]

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from flowexport.errors import CheckpointError
from flowexport.flows import Flow

SLOTS = {"exp_avg", "exp_avg_sq"}
"""What Adam and AdamW keep of each parameter, in its own shape and type."""

STEP = torch.zeros((), dtype=torch.float32)
"""What they keep besides: the number of steps."""


def require_state(tensors: Mapping[str, Tensor], flow: Flow, held_out: int, path: Path) -> None:
    """Holds the state of a training to the flow that it is of, and to the number of rows that judge it.

    Raises:
        CheckpointError: naming the file and the tensor: one that is missing, unknown, of another shape or type, or no
            state of a generator.
    """
    expected: dict[str, Tensor] = {
        "generator": torch.get_rng_state(),
        # Of flows that start as a Gaussian alone.
        "start": torch.empty(held_out if flow.whiten is not None else 0, dtype=torch.float64),
    }
    for group in ("flow", "best"):
        expected |= {f"{group}.{name}": tensor for name, tensor in flow.state_dict().items()}
    of_average = {f"average.{name}": tensor for name, tensor in flow.named_parameters()}
    # Kept where the recipe asks for one.
    if not of_average.keys().isdisjoint(tensors):
        expected |= of_average
    for index, parameter in enumerate(flow.parameters()):
        of_parameter: dict[str, Tensor] = {f"optimizer.{index}.{slot}": parameter for slot in sorted(SLOTS)}
        of_parameter |= {f"optimizer.{index}.step": STEP}
        # A parameter that no gradient has reached has no state yet: all of it, or nothing.
        if not of_parameter.keys().isdisjoint(tensors):
            expected |= of_parameter
    require_tensors(tensors, expected, path)
    try:
        torch.Generator().set_state(tensors["generator"])
    except RuntimeError as error:
        raise CheckpointError("is no state of a generator of random numbers", file=path, key="generator") from error


def require_tensors(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> None:
    """Holds tensors to the names, shapes and types of others."""
    for name in expected:
        if name not in found:
            raise CheckpointError(f"{name}: is not there", file=path)
    for name, tensor in found.items():
        if name not in expected:
            raise CheckpointError(f"{name}: is unknown", file=path)
        wanted = expected[name]
        if (tensor.shape, tensor.dtype) != (wanted.shape, wanted.dtype):
            raise CheckpointError(f"{name}: expected {described(wanted)}, got {described(tensor)}", file=path)


def described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def require_rows(rows: Mapping[str, Tensor], flow: Flow, path: Path) -> None:
    """Holds the rows of a run folder to its flow.

    Raises:
        CheckpointError: naming the file and the tensor.
    """
    widths = {"x": flow.features, "context": flow.context}
    for name, width in (widths | {f"training_{name}": width for name, width in widths.items()}).items():
        if name not in rows:
            continue
        given = rows[name]
        if given.ndim != 2 or given.shape[1] != width or not len(given):
            raise CheckpointError(f"{name}: expected [rows, {width}], got {list(given.shape)}", file=path)
        if given.dtype not in (torch.float32, torch.float64) or not bool(given.isfinite().all()):
            raise CheckpointError(f"{name}: expected finite float32 or float64, got {described(given)}", file=path)
    for x, context in (("x", "context"), ("training_x", "training_context")):
        if flow.context and x in rows and len(rows.get(context, ())) != len(rows[x]):
            raise CheckpointError(f"{context}: expected a row for each of the {len(rows[x])} rows of {x}", file=path)
