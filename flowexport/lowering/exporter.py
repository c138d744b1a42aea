"""torch's own exporter, kept quiet: for what no program knows, a user's own map and the layers of images."""

from __future__ import annotations

__all__ = ["exported", "quiet_exporter"]

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypedDict, Unpack

import onnx
import torch
from onnxscript import opset18
from torch import Tensor, nn
from torch.export import Dim

from flowexport.bundle.operators import OPSET
from flowexport.errors import ExportError

from .interrupts import interrupts_later

Translations = Mapping[Callable[..., object], Callable[..., object]]


class Example(TypedDict, total=False):
    """What a module is traced with, as ``torch.onnx.export`` has it."""

    args: tuple[Tensor, ...]
    kwargs: dict[str, Tensor]
    dynamic_shapes: dict[str, dict[int, Dim]] | tuple[dict[int, Dim], tuple[dict[int, Dim] | None, ...]]


EXACT: Translations = {
    # torch would write the logarithm of a sigmoid, which ONNX Runtime cuts off at -18.
    torch.ops.aten.log_sigmoid.default: lambda x: opset18.Neg(opset18.Softplus(opset18.Neg(x))),
    # ln(1 + eˣ). torch would choose x itself above the threshold; no runtime needs that to keep from overflowing.
    torch.ops.aten.softplus.default: lambda x, beta=1.0, threshold=20.0: (
        opset18.Softplus(x) if beta == 1 else opset18.Div(opset18.Softplus(opset18.Mul(x, beta)), beta)
    ),
}
"""What torch would export inexactly."""


def exported(
    module: nn.Module,
    names: Sequence[str],
    outputs: Sequence[str] | None,
    translations: Translations,
    **example: Unpack[Example],
) -> onnx.ModelProto:
    """A module as torch's exporter writes it.

    Arguments:
        names: of the inputs.
        outputs: their names, None for any.
        translations: operators of one's own, beside `EXACT`.
        example: ``args`` or ``kwargs``, and ``dynamic_shapes``, as ``torch.onnx.export`` has them.

    Raises:
        ExportError: where it wrote another opset, or a function of its own.
    """
    with interrupts_later(), quiet_exporter():
        program = torch.onnx.export(
            module.eval(),
            dynamo=True,
            input_names=list(names),
            output_names=outputs,
            opset_version=OPSET,
            external_data=False,
            custom_translation_table={**EXACT, **translations},
            verbose=False,
            **example,
        )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    opsets = {opset.domain: opset.version for opset in model.opset_import}
    if opsets != {"": OPSET} or model.functions:
        raise ExportError(f"torch wrote {opsets} with {len(model.functions)} functions, expected opset {OPSET}")
    return model


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Keeps the exporter's remarks about packages and its own future off the user's screen."""
    # The second says at its import that there is no Triton, where torch was installed without it.
    levels = {logger: logger.level for logger in map(logging.getLogger, ("torch.onnx", "torch.utils.flop_counter"))}
    for logger in levels:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
