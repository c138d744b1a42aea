"""One graph of a loaded model, as the protocol has it: named tensors in, one tensor out."""

from __future__ import annotations

__all__ = ["DATATYPES", "Draw", "Endpoint", "Rows"]

import math
import secrets
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypedDict

import numpy as np

from flowexport.runtime import Model

from .contexts import context_of
from .messages import Inference, Tensor
from .refusal import Refusal
from .settings import Limits
from .values import DATATYPES, numbers_of, rows_of

VERSION = "1"
"""A bundle has a digest and no number; the protocol wants one."""

SAMPLING = ("seed", "num_samples", "temperature")
"""Parameters of a request that stand in place of z."""

TRIALS = 5
"""Runs of which the quickest tells what rows cost: others were held up by something else."""

TRIAL_ROWS = 64


@dataclass(eq=False, slots=True)
class Rows:
    """``count`` rows that wait for a graph: ``values`` is a flat list of their numbers, or a view of their bytes."""

    count: int
    values: list[float] | memoryview
    context: np.ndarray | None = None
    parameters: bytes = b""


@dataclass(eq=False, slots=True)
class Draw:
    """A sampling that waits: ``count`` rows in all, ``each`` for every context."""

    count: int
    each: int
    context: np.ndarray | None
    seed: int
    temperature: float
    parameters: bytes


class TensorMetadata(TypedDict):
    """An input or output; −1 is for the rows."""

    name: str
    datatype: str
    shape: list[int]


class Metadata(TypedDict):
    """The model metadata of the protocol."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
    properties: dict[str, str]


class Endpoint:
    """``NAME_log_prob``, ``NAME_sample``, or what else a graph is called.

    Arguments:
        name: of the endpoint.
        model: whose graph it is.
        graph: its name.
        limits: of a request.
        index: of its counters.
    """

    def __init__(self, name: str, model: Model, graph: str, limits: Limits, index: int = 0) -> None:
        self.name, self.model, self.graph, self.limits, self.index = name, model, graph, limits, index
        signature = model.graphs[graph].signature
        own = {"log_prob": model.log_prob, "sample": model.sample_from}
        self.answer: Callable[[np.ndarray, np.ndarray | None], np.ndarray] = own.get(graph, partial(model.run, graph))
        self.first = next(iter(signature.inputs))
        self.row = list(signature.inputs[self.first])
        self.width = math.prod(self.row)
        self.output, self.output_row = signature.output, list(signature.row)
        self.output_extents = b"".join(b",%d" % extent for extent in self.output_row)
        self.output_width = math.prod(self.output_row)
        self.dtype = np.dtype(model.dtype)
        self.datatype = DATATYPES[self.dtype]
        wire = self.dtype.newbyteorder("<")
        # An equal type that is not numpy's own object is copied on its way into the native kernel: 20 µs a run.
        self.wire = self.dtype if wire == self.dtype else wire
        self.head = b'{"model_name":"%b","model_version":"%b","outputs":[{"name":"%b","datatype":"%b","shape":' % tuple(
            text.encode() for text in (name, VERSION, self.output, self.datatype)
        )
        self.most_rows = limits.body_bytes // (self.output_width * self.dtype.itemsize)
        self.run_seconds, self.row_seconds = self._costs()

    def work_of(self, request: Inference) -> Rows | Draw:
        """A request as rows to run, held to the model.

        Raises:
            Refusal: for whatever does not fit, by the name of the tensor.
        """
        inputs = request.inputs
        if len(inputs) == 1 and not self.model.context_size and inputs[0].name in (self.first, ""):
            return self._rows(inputs[0], None)
        tensors = {tensor.name: tensor for tensor in inputs}
        if len(tensors) != len(inputs):
            raise Refusal(400, "wrong_request", "inputs: two have the same name")
        first = tensors.pop(self.first, None)
        if first is not None:
            return self._rows(first, tensors)
        if self.graph == "sample":
            return self._draw(request, tensors)
        if not inputs:
            raise Refusal(400, "missing_input", f"inputs: {self.first} is missing")
        raise Refusal(400, "unknown_input", f"inputs: {self.first} is missing, and there is {', '.join(tensors)}")

    def run(self, works: Sequence[Rows | Draw]) -> np.ndarray:
        """The answers of a `Draw`, or of several `Rows`, one after the other; many rows in blocks, on the threads."""
        draw = works[0]
        if isinstance(draw, Draw):
            return self.model.sample(draw.each, draw.context, draw.seed, draw.temperature)
        count = sum([work.count for work in works])
        flat = self._flat(works)
        context = None
        if self.model.context_size:
            width = self.model.context_size
            contexts = [np.broadcast_to(w.context, (w.count, width)) for w in works if w.context is not None]
            context = contexts[0] if len(works) == 1 else np.concatenate(contexts)
        return self.answer(flat.reshape(count, *self.row), context)

    def fault_of(self, work: Rows | Draw, answer: np.ndarray) -> Refusal | None:
        """The refusal of rows with a NaN, told by the answer: finite numbers come of nothing else."""
        if isinstance(work, Draw) or np.isfinite(answer).all():
            return None
        given = self._flat([work]).reshape(work.count, self.width)
        bad = np.isnan(given) if self.graph == "log_prob" else ~np.isfinite(given)
        if not bad.any():
            return None
        row, column = np.argwhere(bad)[0]
        where = f"{self.first}: row {row + 1}, column {column + 1} is {given[row, column]}"
        return Refusal(400, "missing_value", f"{where}, not a number")

    def seconds(self, work: Rows | Draw) -> float:
        """What a run takes, as rows took when the model was opened; the noise of a draw costs about as much again."""
        return (self.run_seconds + self.row_seconds * work.count) * (2 if type(work) is Draw else 1)

    def rows_within(self, seconds: float) -> int:
        """How many rows are run in so long."""
        return int((seconds - self.run_seconds) / self.row_seconds)

    def metadata(self) -> Metadata:
        """The model metadata of the protocol."""
        model = self.model
        inputs: list[TensorMetadata] = [{"name": self.first, "datatype": self.datatype, "shape": [-1, *self.row]}]
        if model.context_size:
            inputs.append({"name": "context", "datatype": self.datatype, "shape": [-1, model.context_size]})
        properties = {
            "description": model.manifest.description or "",
            "digest": model.bundle.sha256,
            "features": ",".join(model.features),
        }
        for feature in model.context_features:
            properties[f"context.{feature.name}"] = ",".join(feature.categories or []) or self.datatype
        return {
            "name": self.name,
            "versions": [VERSION],
            "platform": "onnxruntime_onnx",
            "inputs": inputs,
            "outputs": [{"name": self.output, "datatype": self.datatype, "shape": [-1, *self.output_row]}],
            "properties": properties,
        }

    def _flat(self, works: Sequence[Rows | Draw]) -> np.ndarray:
        """The numbers of works, one after the other; of a type that does not hold them, they are infinite."""
        values = [work.values for work in works if isinstance(work, Rows)]
        lists = [each for each in values if type(each) is list]
        if len(lists) == len(values):
            # By numpy a list takes half as long again.
            numbers: array[float] = array(self.dtype.char)
            for each in lists:
                numbers.fromlist(each)
            return np.frombuffer(numbers, self.dtype)
        views = [each for each in values if isinstance(each, memoryview)]
        if len(views) == len(values):
            # Joined, they are aligned too, which behind a request's JSON they need not be.
            return np.frombuffer(b"".join(views), self.wire)
        return np.concatenate([self._flat([work]) for work in works])

    def _rows(self, tensor: Tensor, others: dict[str, Tensor] | None) -> Rows:
        data = tensor.data
        if isinstance(data, memoryview) and not (tensor.datatype or tensor.shape):  # a raw body: no more than bytes
            size = self.width * self.dtype.itemsize
            tensor = Tensor(self.first, [len(data) // size, *self.row], self.datatype, data)
        count = rows_of(tensor, self.row, self.datatype, self.limits.rows)
        values = numbers_of(tensor, count * self.width, self.dtype)
        if count > self.most_rows:
            raise self._too_many(count)
        context = None
        if self.model.context_size or others:
            context = context_of(self.model, others or {}, count, self.datatype)
        return Rows(count, values, context)

    def _draw(self, request: Inference, tensors: dict[str, Tensor]) -> Draw:
        given = {name: value for name, value in (request.parameters or {}).items() if name in SAMPLING}
        if "num_samples" not in given:
            raise Refusal(400, "missing_input", "inputs: z is missing; or ask by the parameter num_samples, with seed")
        each = whole(given, "num_samples", self.limits.rows)
        seed = whole(given, "seed", 2**64 - 1) if given.get("seed") is not None else secrets.randbits(64)
        temperature = given.get("temperature", 1.0)
        if isinstance(temperature, bool) or not isinstance(temperature, int | float):
            raise Refusal(400, "wrong_argument", f"temperature: expected a number, got {temperature!r}")
        context = None
        if self.model.context_size or tensors:
            context = context_of(self.model, tensors, None, self.datatype)
        count = each * (1 if context is None else len(context))
        if count > self.limits.rows:
            raise Refusal(413, "too_large", f"num_samples: {count:,} rows in all, more than the {self.limits.rows:,}")
        if count > self.most_rows:
            raise self._too_many(count)
        return Draw(count, each, context, seed, float(temperature), b'{"seed":"%d"}' % seed)

    def _too_many(self, rows: int) -> Refusal:
        return Refusal(413, "too_large", f"{rows:,} rows make an answer of more than {self.limits.body_bytes:,} bytes")

    def _costs(self) -> tuple[float, float]:
        """Seconds of a run, and of each of its rows."""
        quickest = []
        for count in (1, TRIAL_ROWS):
            context = None if not self.model.context_size else np.zeros((count, self.model.context_size), self.dtype)
            work = Rows(count, memoryview(bytes(count * self.width * self.dtype.itemsize)), context)
            seconds = []
            for _ in range(TRIALS):
                began = time.perf_counter()
                self.run([work])
                seconds.append(time.perf_counter() - began)
            quickest.append(min(seconds))
        of_row = max(quickest[1] - quickest[0], 1e-9) / (TRIAL_ROWS - 1)
        return max(quickest[0] - of_row, 0.0), of_row


def whole(given: Mapping[str, object], name: str, most: int) -> int:
    """A parameter that is a whole number, or the text of one: 64 bits are more than JavaScript and gRPC's int64 hold.

    Raises:
        Refusal: for anything else.
    """
    value = given[name]
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise Refusal(400, "wrong_argument", f"{name}: expected a whole number from 0 to {most}, got {value!r}")
    return value
