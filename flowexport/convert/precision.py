"""What a converted model costs, in nats: its answers beside the trained model's in float64."""

from __future__ import annotations

__all__ = ["Answers", "Precision", "answers_of", "costs_of", "precision_json", "precision_of", "said"]

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from flowexport.bundle import Bundle
from flowexport.errors import ArgumentError, CheckFailed
from flowexport.native.form import Form
from flowexport.native.interpret import interpret
from flowexport.proof.bounds import parity_bound
from flowexport.proof.references import references_of


@dataclass(frozen=True)
class Answers:
    """Rows, what is expected of them, and how far from that each number may be.

    Arguments:
        graph: that they are asked of.
        inputs: ``[rows, …]`` each, in the bundle's type.
        expected, allowed: ``[rows]`` or ``[rows, *event]`` float64.
    """

    graph: str
    inputs: Mapping[str, np.ndarray]
    expected: np.ndarray
    allowed: np.ndarray

    def share_of_bound(self, found: np.ndarray) -> float:
        """The worst number as a share of what is allowed; NaN is infinite."""
        with np.errstate(invalid="ignore"):
            shares = np.where(found == self.expected, 0.0, np.abs(found - self.expected) / self.allowed)
        return float(np.where(np.isnan(shares), np.inf, shares).max())

    def first(self, rows: int) -> Answers:
        """The first of them."""
        inputs = {name: array[:rows] for name, array in self.inputs.items()}
        return Answers(self.graph, inputs, self.expected[:rows], self.allowed[:rows])


@dataclass(frozen=True)
class Precision:
    """|Δ log_prob| against float64, nats, on rows of one kind.

    Arguments:
        rows: how many.
        mean, p99, most: of |Δ|.
        share: the most as a share of max(1, |log_prob|), as one tells rows far out.
        ranks: the mean and
        most_ranks: the most by which a row moves in the order of scores, as shares of the rows.
    """

    rows: int
    mean: float
    p99: float
    most: float
    share: float
    ranks: float
    most_ranks: float


def answers_of(bundle: Bundle) -> dict[str, Answers]:
    """The bundle's largest golden cases: of log_prob ``data`` and ``tails``, of sample ``noise``."""
    manifest = bundle.manifest
    scale = np.array(manifest.scale).reshape(manifest.event_shape)
    found: dict[str, Answers] = {}
    for case in references_of(bundle).cases:
        kind = "noise" if case.graph == "sample" else "tails" if case.in_the_tails else "data"
        if kind not in found or len(found[kind].expected) < len(case.expected):
            inputs = {name: array.astype(manifest.dtype) for name, array in case.inputs.items()}
            allowed = parity_bound(case.graph, manifest.tolerance[case.graph], case.expected, case.rounding, scale)
            found[kind] = Answers(case.graph, inputs, case.expected, allowed)
    return found


def said(form: Form, answers: Answers) -> Answers:
    """The answers of a form itself, to be held to as the trained model's are."""
    found = interpret(form, answers.inputs)
    return replace(answers, expected=found.astype(np.float64))


def precision_of(found: np.ndarray, answers: Answers) -> Precision:
    """What log_prob costs that was found ``[rows]`` in float64."""
    same = found == answers.expected
    with np.errstate(invalid="ignore"):
        off = np.where(same, 0.0, np.abs(found - answers.expected))
    off = np.where(np.isnan(off), np.inf, off)
    moved = np.abs(places(found) - places(answers.expected)) / len(off)
    size = np.where(np.isfinite(answers.expected), np.maximum(1.0, np.abs(answers.expected)), 1.0)
    return Precision(
        rows=len(off),
        mean=float(off.mean()),
        p99=float(np.quantile(off, 0.99, method="higher")),
        most=float(off.max()),
        share=float((off / size).max()),
        ranks=float(moved.mean()),
        most_ranks=float(moved.max()),
    )


def places(scores: np.ndarray) -> np.ndarray:
    """Where each row stands in the order of scores."""
    order = np.empty(len(scores))
    order[np.argsort(scores, kind="stable")] = np.arange(len(scores))
    return order


def costs_of(
    answers: Mapping[str, Answers], found: Callable[[Answers], np.ndarray], weights: str, max_nats: float | None
) -> dict[str, Precision]:
    """What log_prob costs on each kind of rows, once a form with its weights in float32 is within the golden bounds.

    Of a bundle of samples alone that is nothing.

    Raises:
        ArgumentError: where there is no log_prob that could tell what fewer bits cost.
        CheckFailed: where a form is not within the bounds, or costs more than it may.
    """
    if "data" not in answers and (weights != "float32" or max_nats is not None):
        given = f"--weights {weights}" if max_nats is None else "--max-nats"
        raise ArgumentError("what a form costs is told by log_prob, which the bundle does not hold", key=given)
    costs: dict[str, Precision] = {}
    for rows, each in answers.items():
        numbers = found(each).astype(np.float64)
        share = each.share_of_bound(numbers)
        if weights == "float32" and not share <= 1:
            raise CheckFailed(f"{each.graph}, golden rows of {rows}: {share:.2g} times what verify allows")
        if each.graph == "log_prob":
            costs[rows] = precision_of(numbers, each)
    if costs:
        require_nats(costs["data"], max_nats)
    return costs


def require_nats(precision: Precision, most: float | None) -> None:
    """Holds what a form costs on data to what it may.

    Raises:
        CheckFailed: where the 99th percentile of |Δ log_prob| is larger.
    """
    if most is not None and not precision.p99 <= most:
        raise CheckFailed(
            f"the 99th percentile of |Δ log_prob| on {precision.rows} rows of data is {precision.p99:.2g} nats",
            key=f"--max-nats {most:g}",
            cure="keep the weights in more bits",
        )


def precision_json(weights: str, costs: Mapping[str, Precision]) -> str:
    """``precision.json``: what a converted model costs, by the kind of rows; a number that is not finite is a text."""
    told = {
        rows: {
            name: value if isinstance(value, int) or math.isfinite(value) else str(value)
            for name, value in dataclasses.asdict(cost).items()
        }
        for rows, cost in costs.items()
    }
    return json.dumps({"weights": weights, "unit": "nats", "log_prob": told}, indent=2) + "\n"
