"""Answers requests over standard input: ../../README.md, "The mode run"."""

from __future__ import annotations

__all__ = ["run"]

import sys
import time
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from flowbundle import BundleError, InputError, Model, normals
from numpy.typing import NDArray

Numbers = NDArray[Any]


def run(path: str, digest: str | None = None) -> int:
    """Opens a bundle and answers until there are no more requests; the exit status."""
    try:
        model = Model(path, digest=digest)
    except BundleError as error:
        answer_error("bad_bundle", error)
        return 2
    answer(np.empty(0, np.float32))
    for line in iter(sys.stdin.buffer.readline, b""):
        words, arrays = receive(line.decode().split())
        try:
            answer(respond(model, words, arrays))
        except InputError as error:
            answer_error(error.code, error)
        except BundleError as error:
            answer_error("bad_bundle", error)
    return 0


def receive(line: list[str]) -> tuple[list[str], list[Numbers | None]]:
    """The words of a request, and its arrays in their order; None where there is none."""
    words: list[str] = []
    arrays: list[Numbers | None] = []
    for word in line:
        kind, colon, axes = word.partition(":")
        if colon:
            shape = [int(axis) for axis in axes.split(",")]
            data = sys.stdin.buffer.read(prod(shape) * int(kind[1:]))
            arrays.append(np.frombuffer(data, f"<{kind}").reshape(shape))
        elif word == "-":
            arrays.append(None)
        else:
            words.append(word)
    return words, arrays


def respond(model: Model, words: list[str], arrays: list[Numbers | None]) -> Numbers:
    """What a request asks for."""
    match words:
        case ["time", calls, *rest]:
            call = call_of(model, rest, arrays)
            return np.array([microseconds(call) for _ in range(int(calls))])
        case ["percentile"]:
            return model.percentile(arrays[0] if arrays[0] is not None else ())
        case ["normals", seed, start, count]:
            return normals(int(seed), int(start), int(count))
        case ["category"]:
            column, label = (b"" if each is None else each.tobytes() for each in arrays)
            return np.array([model.category(column.decode(), label.decode())], np.float32)
        case _:
            return call_of(model, words, arrays)()


def call_of(model: Model, words: list[str], arrays: list[Numbers | None]) -> Callable[[], Numbers]:
    """A call of a model."""
    given = arrays[0] if arrays[0] is not None else ()
    match words:
        case ["sample", rows, seed, first, temperature]:
            return lambda: model.sample(int(rows), int(seed), float(temperature), arrays[0], int(first))
        case ["log_prob"]:
            return lambda: model.log_prob(given, arrays[1])
        case _:
            return lambda: model.sample_from(given, arrays[1])


def microseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e6


def answer(numbers: Numbers) -> None:
    sys.stdout.buffer.write(f"f{numbers.dtype.itemsize}:{numbers.size}\n".encode() + numbers.tobytes())
    sys.stdout.buffer.flush()


def answer_error(code: str, error: Exception) -> None:
    sys.stdout.buffer.write(f"error {code} {' '.join(str(error).split())}\n".encode(errors="replace"))
    sys.stdout.buffer.flush()
