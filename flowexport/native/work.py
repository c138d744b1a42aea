"""What is left to compute, gathered as a graph is walked: constants fold here, and what is computed gets a buffer."""

from __future__ import annotations

__all__ = ["Work", "bounded"]

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from functools import reduce

import numpy as np
import numpy.typing as npt

from .fold import FOLDS
from .form import Apply, Constant, Elementwise, Expression, Linear, Load, Operation, Run, Softmax
from .references import References, constants, load_at, places, values
from .runs import beside, one_run, runs_of, scattered, side_by_side

Floats = npt.NDArray[np.floating]

NEUTRAL = {
    "add": int(constants(0.0)),
    "sub": int(constants(0.0)),
    "mul": int(constants(1.0)),
    "div": int(constants(1.0)),
}
"""The second operand that leaves the first as it is."""

NEUTRAL_PLACES = {"add": ((0, 1), (1, 0)), "mul": ((0, 1), (1, 0)), "sub": ((0, 1),), "div": ((0, 1),)}
"""Which operand is kept where which is neutral."""

SUMS = 64
"""Up to so many inputs, a product of which each output has at most two terms is written as sums: masks, mixtures of
pairs and rotations of neighbours are such."""

SPARSE = 32
"""From so many inputs on, looking for the zeros of a ReLU pays."""

MOST = 1 << 22
"""Numbers of one tensor of one row: a file that asks for more is not meant well."""


def bounded(shape: Iterable[int]) -> None:
    """Holds the shape of a tensor of one row to `MOST`.

    Raises:
        ValueError: where it has more numbers.
    """
    size = math.prod(shape)
    if size > MOST:
        raise ValueError(f"a row of {size} numbers")


class Work:
    """Buffers, and the operations that fill them.

    Arguments:
        most_runs: as `flowexport.native.read.form_of` takes it.
    """

    def __init__(self, most_runs: int | None = None) -> None:
        self.most_runs = most_runs
        self.sizes: list[int] = []
        self.operations: list[Operation] = []
        self.copies: dict[tuple[int, ...], int] = {}
        """Numbers from here and there → the first of their copy."""
        self.products: dict[int, int] = {}
        """Buffer → the place of the `Linear` that fills it."""

    def buffer(self, size: int) -> int:
        """A new buffer."""
        self.sizes.append(size)
        return len(self.sizes) - 1

    def apply(self, function: str, *arguments: References) -> References:
        """A function of numbers; operands are broadcast. What is known is folded, what is neutral is passed on."""
        shape = np.broadcast(*arguments).shape
        bounded(shape)
        flat = [(each if each.shape == shape else np.broadcast_to(each, shape)).ravel() for each in arguments]
        numbers = [each.tolist() for each in flat]
        constant = [min(each, default=0) < 0 for each in numbers]
        neutral = [
            (kept, other)
            for kept, other in NEUTRAL_PLACES.get(function, ())
            if constant[other] and NEUTRAL[function] in numbers[other]
        ]
        if numbers[0] and not neutral and not all(constant):
            return self.computed(function, numbers).reshape(shape)
        left = np.ones(len(flat[0]), np.bool_)
        result = np.empty(len(flat[0]), np.int64)
        if all(constant):
            known = reduce(np.logical_and, [each < 0 for each in flat])
            with np.errstate(all="ignore"):
                result[known] = constants(FOLDS[function](*(values(each[known]) for each in flat)))
            left = ~known
        for kept, other in neutral:
            passed = left & (flat[other] == NEUTRAL[function])
            result[passed] = flat[kept][passed]
            left &= ~passed
        if left.any():
            result[left] = self.computed(function, [each[left].tolist() for each in flat])
        return result.reshape(shape)

    def computed(self, function: str, operands: Sequence[list[int]]) -> References:
        """A function of numbers of which none is known beforehand."""
        return self.elementwise(operands, lambda parts: Apply(function, parts), copy=True)

    def elementwise(
        self,
        arguments: Sequence[list[int]],
        make: Callable[[tuple[Load | Constant, ...]], Expression],
        copy: bool = False,
    ) -> References:
        """A new buffer of one expression of the operands, with ``copy`` from where they lie side by side."""
        parts = one_run(arguments) or runs_of(
            [beside(self.stretch(each), len(each)) if copy and scattered(each) else each for each in arguments]
        )
        runs = tuple(Run(start, count, make(operands)) for start, count, operands in parts)
        out = self.buffer(len(arguments[0]))
        self.operations.append(Elementwise(out, runs))
        return places(out, self.sizes[out])

    def stretch(self, numbers: list[int]) -> int:
        """Where numbers begin to lie side by side: as they are, or copied, once."""
        if side_by_side(numbers):
            return numbers[0]
        key = tuple(numbers)
        if key not in self.copies:
            self.copies[key] = int(self.elementwise([numbers], lambda operands: operands[0])[0])
        return self.copies[key]

    def linear(self, x: References, weights: Floats, bias: Floats) -> References:
        """``bias + x · weights``: what is known goes into the bias, what is zero goes.

        Arguments:
            x: ``[groups, K]``.
            weights: ``[K, N]``.
            bias: ``[N]``.

        Returns:
            ``[groups, N]``.
        """
        weights, bias = weights.astype(np.float64), bias.astype(np.float64)
        if len(x) > 1 and (np.minimum(x, 0) != np.minimum(x[0], 0)).any():
            return np.concatenate([self.linear(each[None], weights, bias) for each in x])
        known = x[0] < 0
        if known.any():
            with np.errstate(invalid="ignore"):
                bias = bias + values(x[0][known]).astype(np.float64) @ weights[known]
        kept = ~known & weights.any(axis=1)
        if not kept.all():
            x, weights = x[:, kept], weights[kept]
        computed = weights.any(axis=0)
        if computed.all():
            return self.product(x, weights, bias)
        result = np.repeat(constants(bias)[None], len(x), 0)
        if computed.any():
            result[:, computed] = self.product(x, weights[:, computed], bias[computed])
        return result

    def product(self, x: References, weights: Floats, bias: Floats) -> References:
        """`linear` of which every number counts."""
        filled = weights != 0
        few = np.count_nonzero(filled) <= 2 * len(bias) and (np.count_nonzero(filled, axis=0) <= 2).all()
        if few and 2 < len(weights) <= SUMS and self.few_runs(filled):
            return self.sums(x, weights, bias)
        sources = self.sources(x)
        behind = self.behind(sources[0])
        sparse = behind is not None and behind.relu and len(weights) >= SPARSE
        out = self.buffer(len(x) * len(bias))
        self.products[out] = len(self.operations)
        self.operations.append(Linear(out, sources, weights.astype(np.float32), bias.astype(np.float32), sparse=sparse))
        return places(out, self.sizes[out]).reshape(len(x), len(bias))

    def sources(self, rows: References) -> tuple[Load, ...]:
        """Where each of some rows lies side by side."""
        return tuple([load_at(self.stretch(row)) for row in rows.tolist()])

    def behind(self, load: Load) -> Linear | None:
        """The product that makes what is loaded."""
        if load.buffer not in self.products:
            return None
        operation = self.operations[self.products[load.buffer]]
        assert isinstance(operation, Linear)
        return operation

    def rectified(self, x: References) -> References:
        """ReLU of a whole product that nothing else reads, as part of it; of anything else, by itself."""
        computed = x[x >= 0]
        product = self.behind(load_at(int(computed[0]))) if len(computed) else None
        if product is None or not np.array_equal(computed, places(product.out, self.sizes[product.out])):
            return self.apply("relu", x)
        self.operations[self.products[product.out]] = dataclasses.replace(product, relu=True)
        known = self.apply("relu", np.minimum(x, -1))
        return np.where(x < 0, known, x)

    def few_runs(self, filled: npt.NDArray[np.bool_]) -> bool:
        """Whether a product with these weights in it comes to no more runs of sums than wanted."""
        if self.most_runs is None:
            return True
        ends = np.stack([filled.argmax(axis=0), filled[::-1].argmax(axis=0)])
        return int(np.count_nonzero((np.abs(np.diff(ends)) != 1).any(axis=0))) < self.most_runs

    def sums(self, x: References, weights: Floats, bias: Floats) -> References:
        """A product of which each output has one or two terms, without the zeros."""
        columns = np.arange(weights.shape[1])
        filled = weights != 0
        first, last = filled.argmax(axis=0), len(weights) - 1 - filled[::-1].argmax(axis=0)
        two = first != last
        total = self.apply("mul", x[:, first], constants(weights[first, columns]))
        if two.any():
            other = np.where(two, x[:, last], constants(0.0))
            total = self.apply("add", total, self.apply("mul", other, constants(weights[last, columns] * two)))
        return self.apply("add", total, constants(bias))

    def softmax(self, rows: References) -> References:
        """Softmax of each row of ``[groups, count]``."""
        sources = self.sources(rows)
        out = self.buffer(rows.size)
        self.operations.append(Softmax(out, sources, rows.shape[1]))
        return places(out, rows.size).reshape(rows.shape)
