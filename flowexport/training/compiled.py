"""A flow's density, compiled for training."""

from __future__ import annotations

__all__ = ["LogProb", "compiled_log_prob", "require_compiler"]

import os
import shutil
import sys
from collections.abc import Callable

import torch
from torch import Tensor

from flowexport.errors import ArgumentError, TrainingError
from flowexport.flows import Flow

LogProb = Callable[[Tensor, Tensor | None], Tensor]
"""Rows and their context → the log-density of each."""


def require_compiler() -> None:
    """Refuses to go on where torch would find no C++ compiler."""
    compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(compiler) is None:
        raise ArgumentError(
            f"needs a C++ compiler, and there is no {compiler!r} here; install one, name another in the "
            "environment variable CXX, or train without compiling",
            key="compile",
        )


def compiled_log_prob(flow: Flow, batch_size: int) -> LogProb:
    """`Flow.log_prob`, compiled for batches of one size; others, the last of an epoch for one, go the ordinary way.

    Arguments:
        flow: to be trained.
        batch_size: rows of a full batch.

    Raises:
        ArgumentError: where there is no C++ compiler.
    """
    require_compiler()
    fast = torch.compile(flow.log_prob, dynamic=False)

    def log_prob(x: Tensor, context: Tensor | None) -> Tensor:
        if len(x) != batch_size:
            return flow.log_prob(x, context)
        try:
            return fast(x, context)
        except torch._dynamo.exc.TorchDynamoException as error:
            reason = " ".join(str(error).partition("Set TORCHDYNAMO_VERBOSE")[0].split())[:200]
            raise TrainingError(
                f"this flow cannot be compiled here; train without compiling ({reason})", key="compile"
            ) from error

    return log_prob
