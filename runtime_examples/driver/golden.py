"""``golden``: replays a bundle's golden cases, figure against bound."""

from __future__ import annotations

__all__ = ["Line", "judge", "read_inputs", "replay"]

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle, repeat

from .arrays import Array
from .bundle import GRAPHS, Bundle, Case
from .errors import Failure, Refusal
from .program import Program

ATOL, RTOL = 1e-4, 1e-5
"""The most that is allowed: a bundle can ask for less and never for more."""

DIRECTION_ATOL, DIRECTION_RTOL = 1e-2, 1e-3
"""Nats, and relative: the gradient of the density magnifies the rounding of a sample."""

MULTIPLE, SHARE = 4.0, 1e-3
"""How often its own float32 rounding a number may differ by, and up to which share of it and of its unit."""

NOISE_ATOL = 9.5e-7
"""Two units in the last place of the largest normal, 6.66: logarithm and cosine differ between platforms."""


@dataclass(frozen=True)
class Line:
    """What became of a case: what was found, what it was held to, and whether that is good."""

    name: str
    found: str
    bound: str
    passed: bool

    def __str__(self) -> str:
        return "\t".join([" ".join(self.name.split()), self.found, self.bound, "passed" if self.passed else "failed"])


def replay(program: Program, bundle: Bundle) -> Iterator[Line]:
    """Runs every golden case, each as one batch, then, where there are two, the check of direction, then the noise.

    Raises:
        Failure: for a case that contradicts its files.
    """
    bundle.check()
    cases, noise = bundle.cases(), bundle.noise()
    golden = bundle.document["golden"]
    both = len(bundle.graphs) == len(GRAPHS)
    direction = bundle.file(golden["log_prob_of_sample"]) if both else None
    rounding = golden.optional("log_prob_of_sample_rounding")
    for case in cases:
        yield replay_case(program, bundle, case)
    if direction is not None:
        expected = bundle.array(direction)
        own = read_like(bundle.array(bundle.file(rounding)), expected) if rounding else None
        yield replay_direction(program, bundle, cases, expected, own)
    for each in noise:
        normals = bundle.array(each.file)
        found = program.normals(each.seed, each.start, len(normals.values))
        yield compare(f"noise {each.seed}", found.values, normals.values, NOISE_ATOL, 0, repeat(0.0), repeat(1.0))


def replay_case(program: Program, bundle: Bundle, case: Case) -> Line:
    rows, context = read_inputs(bundle, case)
    wanted = case.error or "none"
    try:
        found = (program.log_prob if case.graph == "log_prob" else program.sample_from)(rows, context)
    except Refusal as refusal:
        if refusal.code not in ("wrong_shape", "missing_context", "wrong_dtype", "unknown_category", "wrong_value"):
            raise
        return Line(case.name, refusal.code, wanted, refusal.code == wanted)
    if case.expected is None:
        return Line(case.name, "none", wanted, False)
    return judge(bundle, case, found)


def judge(bundle: Bundle, case: Case, found: Array) -> Line:
    """What a graph gave for a case, flat, against what it should have given; samples in units of the scale."""
    expected = read_rows(bundle, case, case.expected or "")
    event = () if case.graph == "log_prob" else bundle.event_shape
    if expected.shape[1:] != event:
        return Line(case.name, f"shape {list(event)}", f"shape {list(expected.shape[1:])}", False)
    own = None if case.rounding is None else read_like(read_rows(bundle, case, case.rounding), expected)
    atol, rtol = bundle.tolerance(case.graph)
    units = [1.0] if case.graph == "log_prob" else bundle.scale()
    allowed = (
        min(MULTIPLE * each, SHARE * (unit + abs(number)))
        for each, unit, number in zip(own.values if own else repeat(0.0), cycle(units), expected.values, strict=False)
    )
    return compare(case.name, found.values, expected.values, min(atol, ATOL), min(rtol, RTOL), allowed, cycle(units))


def replay_direction(program: Program, bundle: Bundle, cases: list[Case], expected: Array, own: Array | None) -> Line:
    """log_prob of sample, whose expected value goes by the Jacobian of the sampler alone."""
    for case in cases:
        if case.graph == "sample" and case.expected is not None:
            z, context = read_inputs(bundle, case)
            if z.shape[0] == expected.shape[0]:
                break
    else:
        raise Failure(f"{bundle.path}/flow.json: golden.log_prob_of_sample: no sample case has as many rows")
    x = program.sample_from(z, context)
    found = program.log_prob(Array(x.kind, (z.shape[0], *bundle.event_shape), x.values), context)
    allowed = (MULTIPLE * each for each in own.values) if own else repeat(0.0)
    return compare(
        "log_prob_of_sample", found.values, expected.values, DIRECTION_ATOL, DIRECTION_RTOL, allowed, repeat(1.0)
    )


def compare(
    name: str,
    found: Iterable[float],
    expected: Iterable[float],
    atol: float,
    rtol: float,
    own: Iterable[float],
    units: Iterable[float],
) -> Line:
    """|Δ| ≤ atol · unit + rtol · |expected| + own everywhere, in a form that NaN fails.

    The figures are those of the number that comes nearest to its bound, or goes farthest over it, in its unit.
    """
    found, expected, passed, worst = list(found), list(expected), True, (-1.0, 0.0, 0.0)
    if len(found) != len(expected) or not found:
        return Line(name, f"{len(found)} numbers", f"{len(expected)} numbers", False)
    for one, other, extra, unit in zip(found, expected, own, units, strict=False):
        # Equal infinities (−inf outside the support) differ by nothing, and an infinity has no bound of its own.
        difference = 0.0 if one == other else abs(one - other)
        bound = atol * unit + (rtol * abs(other) + extra if math.isfinite(other) else 0.0)
        passed &= difference <= bound
        ratio = difference / max(bound, 5e-324)
        ratio = math.inf if math.isnan(ratio) else ratio
        if ratio > worst[0]:
            worst = ratio, difference / unit, bound / unit
    return Line(name, f"{worst[1]:.3g}", f"{worst[2]:.3g}", passed)


def read_inputs(bundle: Bundle, case: Case) -> tuple[Array, Array | None]:
    """The rows of x or z, and their context or None."""
    rows, context = case.inputs
    return read_rows(bundle, case, rows), None if context is None else read_rows(bundle, case, context)


def read_rows(bundle: Bundle, case: Case, file: str) -> Array:
    """The rows of a file that a case is about."""
    found = bundle.array(file)
    start, stop = case.rows or (0, found.shape[0])
    if not start < stop <= found.shape[0]:
        where = f"{bundle.path}/flow.json: golden.cases: {case.name}: rows"
        raise Failure(f"{where}: {start} to {stop} of {file}, which has {found.shape[0]}")
    return found.rows(start, stop)


def read_like(rounding: Array, expected: Array) -> Array:
    """A rounding for each expected number."""
    if rounding.shape != expected.shape:
        raise Failure(f"a rounding of shape {list(rounding.shape)} for numbers of {list(expected.shape)}")
    return rounding
