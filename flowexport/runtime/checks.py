"""Checks: a figure against its bound, and the report that they make."""

from __future__ import annotations

__all__ = ["Check", "Report", "Status", "compare"]

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

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
    """

    name: str
    subject: str
    status: Status
    figure: float | None = None
    bound: float | None = None
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """All checks of a bundle."""

    path: str
    device: str
    checks: tuple[Check, ...]

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
        return f"{self.path}: {first.name}, {first.subject}:{over} {first.detail}{more}".replace(":  ", ": ")

    def to_dict(self) -> dict[str, Any]:
        """Plain values; a figure that is not finite becomes its name, since JSON has none."""
        checks = [asdict(check) for check in self.checks]
        for check in checks:
            figure = check["figure"]
            if figure is not None and not np.isfinite(figure):
                check["figure"] = str(figure)
        return {"path": self.path, "device": self.device, "passed": self.passed, "checks": checks}

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
) -> Check:
    """|Δ| ≤ bound everywhere, in a form that NaN fails.

    The figure and the bound are those of the element that comes nearest to its bound, or goes furthest over.
    """
    if found.shape != expected.shape:
        return Check(name, subject, "failed", detail=f"shape {found.shape}, expected {expected.shape}")
    if found.size == 0:
        return Check(name, subject, "failed", detail="nothing to compare")
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        # Equal infinities (−inf outside the support) differ by nothing.
        difference = np.where(found == expected, 0.0, np.abs(found - expected))
        bound = np.broadcast_to(bound, found.shape)
        ratio = np.where(difference == 0, 0.0, difference / bound)
    worst = np.unravel_index(int(np.argmax(np.where(np.isnan(ratio), np.inf, ratio))), ratio.shape)
    passed = bool((difference <= bound).all())
    return Check(name, subject, "passed" if passed else "failed", float(difference[worst]), float(bound[worst]), detail)
