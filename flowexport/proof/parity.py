"""A graph against the trained model in float64, and what float32 itself costs."""

from __future__ import annotations

__all__ = ["parity_check", "rounding_checks"]

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from flowexport.bundle import GRAPHS
from flowexport.runtime import Model

from .bounds import (
    COMMON_SHARE,
    cost_of_most,
    direction_bound,
    finite_size,
    parity_bound,
)
from .checks import Check, Status, compare
from .references import ReferenceCase, References
from .running import attempt, run_case

UNITS = {"nats": "nats", "scale": "standard deviations", "latent": "latent units"}
"""How a figure is told, by the unit of a graph."""

SHOWN = 64
"""Numbers of a row that a failure shows."""


def parity_check(model: Model, case: ReferenceCase, scale: np.ndarray) -> Check:
    """A graph against the trained model in float64."""
    kind, tolerance = GRAPHS[case.graph], model.manifest.tolerance[case.graph]
    subject = f"{case.graph}, {case.name}"
    found = attempt(lambda: run_case(model, case.graph, case.inputs))
    if isinstance(found, str):
        return Check("parity", subject, "failed", detail=found)
    bound = parity_bound(case.graph, tolerance, case.expected, case.rounding, scale)
    unit = scale if kind.unit == "scale" else 1.0
    # In units of the scale, so that figure and bound of different features can be compared.
    told = UNITS[kind.unit]
    if case.in_the_tails:
        unit, told = relative(case.expected), "of |log_prob|"
    return with_inputs(compare("parity", subject, found, case.expected, bound, told, unit), case.inputs)


def relative(log_prob: np.ndarray) -> np.ndarray:
    """The unit of errors in the tails: |log_prob|, and no less than a nat.

    Ten deviations out a density may be e^−100,000: that float32 has its logarithm to a nat is nothing to a person, and
    to a hundred thousandth of itself is what can be had.
    """
    unit: np.ndarray = np.maximum(1.0, finite_size(log_prob))
    return unit


def with_inputs(check: Check, inputs: Mapping[str, np.ndarray]) -> Check:
    """A failed comparison with the numbers that its worst row gave the graph."""
    if check.status != "failed" or check.row is None:
        return check
    row = {name: array[check.row].ravel()[:SHOWN].tolist() for name, array in inputs.items()}
    return replace(check, inputs=row)


def rounding_checks(references: References, scale: np.ndarray) -> list[Check]:
    """What float32 itself costs, so that a person can tell it from an error.

    For nine numbers in ten it must be next to nothing: a bundle that claims more loosens its bounds with it. For the
    worst row, on data and in the tails, it is reported.
    """
    checks = []
    costs: list[tuple[str, np.ndarray | None, np.ndarray, float, str]] = []
    for kind in GRAPHS.values():
        case = references.largest(kind.name)
        if case is not None and "rounding" in kind.checks:
            unit, said = (scale, "scale") if kind.unit == "scale" else (1.0, "1")
            size = unit + finite_size(case.expected)
            costs.append((kind.name, case.rounding, size, COMMON_SHARE, f"of {said} + |{kind.output}|"))
    if references.log_prob_of_sample is not None:
        size = direction_bound(None, references.log_prob_of_sample)
        costs.append(("direction", references.rounding, size, 1.0, "of its bound"))
    for subject, rounding, size, limit, told in costs:
        if rounding is not None:
            figure = cost_of_most(rounding, size)
            status: Status = "passed" if figure <= limit else "failed"
            checks.append(Check("rounding", f"{subject}, nine in ten", status, figure, limit, told))
    data = references.largest("log_prob")
    for case in references.cases:
        if case.rounding is not None and (case is data or (case.graph == "log_prob" and case.in_the_tails)):
            cost = float((case.rounding / (relative(case.expected) if case.in_the_tails else 1.0)).max())
            where, of = ("tails", "of |log_prob|") if case.in_the_tails else ("data", "nats")
            detail = f"{of}: what float32 alone may cost the worst row"
            checks.append(Check("rounding", f"log_prob, {where}", "reported", cost, detail=detail))
    return checks
