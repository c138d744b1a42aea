"""A graph against the trained model in float64, and what float32 itself costs."""

from __future__ import annotations

__all__ = ["parity_check", "rounding_checks"]

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from flowexport.runtime import Model

from .bounds import (
    COMMON_SHARE,
    LOG_PROB_ATOL,
    LOG_PROB_RTOL,
    SAMPLE_ATOL,
    SAMPLE_RTOL,
    allowance,
    cost_of_most,
    direction_bound,
    finite_size,
)
from .checks import Check, Status, compare
from .references import ReferenceCase, References
from .running import attempt, run_case

SHOWN = 64
"""Numbers of a row that a failure shows."""


def parity_check(model: Model, case: ReferenceCase, scale: np.ndarray) -> Check:
    """A graph against the trained model in float64."""
    tolerance = getattr(model.manifest.tolerance, case.graph)
    subject = f"{case.graph}, {case.name}"
    found = attempt(lambda: run_case(model, case.graph, case.inputs))
    if isinstance(found, str):
        return Check("parity", subject, "failed", detail=found)
    if case.graph == "log_prob":
        atol, rtol = min(tolerance.atol, LOG_PROB_ATOL), min(tolerance.rtol, LOG_PROB_RTOL)
        bound = atol + rtol * finite_size(case.expected) + allowance(case.rounding, case.expected, 1.0)
        unit, told = (relative(case.expected), "of |log_prob|") if case.in_the_tails else (1.0, "nats")
        return with_inputs(compare("parity", subject, found, case.expected, bound, told, unit), case.inputs)
    atol, rtol = min(tolerance.atol, SAMPLE_ATOL), min(tolerance.rtol, SAMPLE_RTOL)
    bound = atol * scale + rtol * finite_size(case.expected) + allowance(case.rounding, case.expected, scale)
    # In units of the scale, so that figure and bound of different features can be compared.
    check = compare("parity", subject, found, case.expected, bound, "standard deviations", scale)
    return with_inputs(check, case.inputs)


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
    of = {graph: [case for case in references.cases if case.graph == graph] for graph in ("log_prob", "sample")}
    data, samples = (max(cases, key=lambda case: len(case.expected)) for cases in of.values())
    direction = references.log_prob_of_sample
    checks = []
    for subject, rounding, size, limit, detail in (
        ("log_prob", data.rounding, 1 + finite_size(data.expected), COMMON_SHARE, "of 1 + |log_prob|"),
        ("sample", samples.rounding, scale + finite_size(samples.expected), COMMON_SHARE, "of scale + |x|"),
        ("direction", references.rounding, direction_bound(None, direction), 1.0, "of its bound"),
    ):
        if rounding is not None:
            figure = cost_of_most(rounding, size)
            status: Status = "passed" if figure <= limit else "failed"
            checks.append(Check("rounding", f"{subject}, nine in ten", status, figure, limit, detail))
    for case in of["log_prob"]:
        if case.rounding is not None and (case is data or case.in_the_tails):
            cost = float((case.rounding / (relative(case.expected) if case.in_the_tails else 1.0)).max())
            where, unit = ("tails", "of |log_prob|") if case.in_the_tails else ("data", "nats")
            detail = f"{unit}: what float32 alone may cost the worst row"
            checks.append(Check("rounding", f"log_prob, {where}", "reported", cost, detail=detail))
    return checks
