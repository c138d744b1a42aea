"""Checks: a figure against its bound, and the report that they make."""

from __future__ import annotations

__all__ = ["Check", "Report", "Status", "compare"]

import json
from dataclasses import asdict, dataclass
from html import escape
from typing import Literal

import numpy as np

Status = Literal["passed", "failed", "reported", "not run"]


@dataclass(frozen=True)
class Check:
    """One line of a report.

    Arguments:
        name: which of the checks: structure, parity, rounding, direction, round trip, mass, device.
        subject: what was looked at.
        status: ``passed``, ``failed``, ``reported`` (a figure without a bound) or ``not run``.
        figure, bound: what was found, and what it may be at most.
        detail: the unit, or the reason.
        row: of a comparison, which row came nearest to its bound, counted from 0.
        found, expected: of that row, the number of the graph and that of the trained model, in the bundle's units.
        inputs: of a failed comparison, the numbers that this row gave the graph, by the input's name.
        cure: of a failed check, what is likely to help.
    """

    name: str
    subject: str
    status: Status
    figure: float | None = None
    bound: float | None = None
    detail: str = ""
    row: int | None = None
    found: float | None = None
    expected: float | None = None
    inputs: dict[str, list[float]] | None = None
    cure: str | None = None

    def worst(self) -> str:
        """The worst row with its values, in a line; empty where there is none."""
        if self.row is None:
            return ""
        given = [f"{name} = [{', '.join(f'{v:.6g}' for v in row)}]" for name, row in (self.inputs or {}).items()]
        return "; ".join([f"row {self.row}: {self.found:.9g} for {self.expected:.9g}", *given])


@dataclass(frozen=True, repr=False)
class Report:
    """All checks of a bundle, its digest, and the engine that ran it."""

    path: str
    device: str
    checks: tuple[Check, ...]
    digest: str = ""
    engine: str = ""

    def __repr__(self) -> str:
        said = f"{len(self.checks)} checks passed" if self.passed else f"failed: {self.fault()}"
        return f"Report({self.path!r} on {self.device}, {said})"

    def _repr_html_(self) -> str:
        """What a notebook shows: each figure against its bound."""

        def number(value: float | None) -> str:
            return "" if value is None else f"{value:.3g}"

        head = "".join(
            f"<th>{name}</th>" for name in ("check", "subject", "figure", "bound", "result", "unit or reason")
        )
        body = "".join(
            f"<tr><td>{escape(c.name)}</td><td>{escape(c.subject)}</td><td>{number(c.figure)}</td>"
            f"<td>{number(c.bound)}</td><td>{c.status}</td><td>{escape(c.detail)}</td></tr>"
            for c in self.checks
        )
        return f"<p>{escape(repr(self))}</p><table><tr>{head}</tr>{body}</table>"

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    @property
    def failures(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks if check.status == "failed"]

    def fault(self) -> str:
        """The first failure in one line."""
        first = self.failures[0]
        over = "" if first.figure is None else f" {first.figure:.3g} over the bound {first.bound:.3g}"
        more = f" (and {len(self.failures) - 1} more)" if len(self.failures) > 1 else ""
        where = "" if first.row is None else f"; row {first.row}: {first.found:.9g} for {first.expected:.9g}"
        cure = "" if first.cure is None else f"; {first.cure}"
        line = f"{self.path}: {first.name}, {first.subject}:{over} {first.detail}{where}{more}{cure}"
        return line.replace(":  ", ": ")

    def to_dict(self) -> dict[str, object]:
        """Plain values; a figure that is not finite becomes its name, since JSON has none."""
        checks = [asdict(check) for check in self.checks]
        for check in checks:
            for key in ("figure", "bound", "found", "expected"):
                if check[key] is not None and not np.isfinite(check[key]):
                    check[key] = str(check[key])
        return {
            "path": self.path,
            "digest": self.digest,
            "device": self.device,
            "engine": self.engine,
            "passed": self.passed,
            "checks": checks,
        }

    def to_json(self) -> str:
        """The report as one JSON document."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)


def compare(
    name: str,
    subject: str,
    found: np.ndarray,
    expected: np.ndarray,
    bound: float | np.ndarray,
    detail: str,
    unit: float | np.ndarray = 1.0,
) -> Check:
    """|Δ| ≤ bound everywhere, in a form that NaN fails.

    The figure and the bound are those of the element that comes nearest to its bound, or goes furthest over.

    Arguments:
        found, expected: of equal shape, the first axis rows.
        bound: of each element.
        detail: the name of the unit.
        unit: what figure and bound of an element are given in.
    """
    if found.shape != expected.shape:
        return Check(name, subject, "failed", detail=f"shape {found.shape}, expected {expected.shape}")
    if found.size == 0:
        return Check(name, subject, "failed", detail="nothing to compare")
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    bounds, units = np.broadcast_to(bound, found.shape), np.broadcast_to(unit, found.shape)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        # Equal infinities (−inf outside the support) differ by nothing.
        difference = np.where(found == expected, 0.0, np.abs(found - expected))
        ratio = np.where(difference == 0, 0.0, difference / bounds)
    worst = np.unravel_index(int(np.argmax(np.where(np.isnan(ratio), np.inf, ratio))), ratio.shape)
    passed = bool((difference <= bounds).all())
    return Check(
        name,
        subject,
        "passed" if passed else "failed",
        float(difference[worst] / units[worst]),
        float(bounds[worst] / units[worst]),
        detail,
        int(worst[0]),
        float(found[worst]),
        float(expected[worst]),
    )
