"""What a graph of each name says of a program, and how it is written: a row for each row of `flowexport.bundle.GRAPHS`.

The definition in numpy is what the graph's golden cases expect, so it must not be made of what writes the graph.
"""

from __future__ import annotations

__all__ = ["EMITTERS", "Emitter"]

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import evaluate, graphs
from .program import Array, Program


class Emitter(NamedTuple):
    """One graph of a program.

    Arguments:
        says: program, rows, context and activations → rows, in the type of the program's arrays.
        writes: a lean program and a type → the ONNX file.
    """

    says: Callable[[Program, Array, Array | None, Callable[[str, Array], Array]], Array]
    writes: Callable[[Program, np.dtype], bytes]


EMITTERS = {
    "log_prob": Emitter(evaluate.log_prob, graphs.log_prob_graph),
    "sample": Emitter(evaluate.sample, graphs.sample_graph),
}
