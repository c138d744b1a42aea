"""Float64 references of a trained model: those that a bundle carries, or fresh ones that export makes."""

from __future__ import annotations

__all__ = ["ReferenceCase", "References", "references_of"]

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace

import numpy as np

from flowexport.bundle import GRAPHS, Bundle, both_directions, known
from flowexport.errors import BundleError
from flowexport.runtime import Model

from .checks import Check


@dataclass(frozen=True)
class ReferenceCase:
    """Inputs of a graph, what the trained model says of them in float64, and how far float32 alone may take that."""

    name: str
    graph: str
    inputs: Mapping[str, np.ndarray]
    expected: np.ndarray
    rounding: np.ndarray | None = None

    @property
    def in_the_tails(self) -> bool:
        """Whether the rows are far from the data, where log_prob is told as a share of itself."""
        return self.name.startswith("tails")


@dataclass(frozen=True)
class References:
    """Float64 references of a trained model.

    Arguments:
        cases: inputs and outputs of both graphs, at several batch sizes.
        z: latents for the direction check, where there is a graph that takes them.
        context: of each of these, or else of rows of data.
        log_prob_of_sample: base(z) − ln |det ∂x/∂z| in float64, ``[rows]``, nats; None where a direction is not there.
        latent: the trained model's x → u in float64, where there is one at hand.
        target: the latent u that each z becomes at its base, ``[rows, features]``; needed with ``latent``.
        rounding: how far float32 alone may take log_prob_of_sample, ``[rows]``, nats.
        said: checks of what a bundle says beside numbers, where there is something at hand to hold it to.
    """

    cases: list[ReferenceCase]
    z: np.ndarray | None
    context: np.ndarray | None
    log_prob_of_sample: np.ndarray | None
    latent: Callable[[np.ndarray, np.ndarray | None], np.ndarray] | None = None
    target: np.ndarray | None = None
    rounding: np.ndarray | None = None
    said: Callable[[Bundle], list[Check]] | None = None

    def scale(self, model: Model) -> np.ndarray:
        """The unit of each feature's bound: the bundle's ``scale``, and no more than the samples' own deviation.

        Otherwise a bundle could loosen its bounds by calling its features wide.
        """
        declared = np.array(model.manifest.scale).reshape(model.event_shape)
        samples = self.largest("sample")
        if samples is None:
            return declared
        own = samples.expected.std(axis=0)
        scale: np.ndarray = np.minimum(declared, np.where(own > 0, own, declared))
        return scale

    def largest(self, graph: str) -> ReferenceCase | None:
        """The case of most rows of a graph, the first of them, or None where there is none."""
        cases = [case for case in self.cases if case.graph == graph]
        return max(cases, key=lambda case: len(case.expected), default=None)

    def held_by(self, graphs: Container[str]) -> References:
        """Those of the graphs that a bundle holds."""
        kept = replace(self, cases=[case for case in self.cases if case.graph in graphs])
        if "sample" not in graphs:
            kept = replace(kept, z=None, log_prob_of_sample=None, rounding=None)
        return kept if "log_prob" in graphs else replace(kept, log_prob_of_sample=None, rounding=None)

    def exact(self) -> References:
        """The same without what float32 costs."""
        cases = [replace(case, rounding=None) for case in self.cases]
        return replace(self, cases=cases, rounding=None)


def references_of(bundle: Bundle) -> References:
    """The references that a bundle carries in its golden cases.

    Raises:
        BundleError: for a file that is not there or has another hash, or a case that does not fit or is not there.
    """
    arrays: dict[str, np.ndarray] = {}

    def array(file: str, rows: list[int] | None) -> np.ndarray:
        if file not in arrays:
            arrays[file] = bundle.array(file)
        start, stop = rows or (0, len(arrays[file]))
        if not 0 <= start < stop <= len(arrays[file]):
            raise BundleError(
                f"rows {rows} of {file}, which has {len(arrays[file])}", file=bundle.path / "flow.json", key="golden"
            )
        return arrays[file][start:stop]

    cases = []
    for case in bundle.manifest.golden.cases:
        if case.expected is not None and case.graph in GRAPHS:
            inputs = {name: array(file, case.rows) for name, file in case.inputs.items()}
            expected = array(next(iter(case.expected.values())), case.rows)
            rounding = None
            if case.rounding is not None:
                rounding = sound(bundle, file := next(iter(case.rounding.values())), array(file, case.rows), expected)
            cases.append(ReferenceCase(case.name, case.graph, inputs, expected, rounding))
    held = {kind.name for kind in known(bundle.manifest.graphs)}
    without = sorted(held - {case.graph for case in cases})
    if without:
        raise BundleError(f"needs cases of {', '.join(without)}", file=bundle.path / "flow.json", key="golden.cases")
    references = References(cases, None, None, None)
    whole = references.largest("sample") or references.largest("log_prob") or cases[0]
    golden = bundle.manifest.golden
    if isinstance(golden.log_prob_of_sample, str) and both_directions(held):
        log_prob_of_sample = bundle.array(golden.log_prob_of_sample)
        own = golden.log_prob_of_sample_rounding
        rounding = sound(bundle, own, bundle.array(own), log_prob_of_sample) if isinstance(own, str) else None
        of_all = [case for case in cases if case.graph == "sample" and len(case.expected) == len(log_prob_of_sample)]
        if not of_all:
            raise BundleError("needs a sample case of all rows", file=bundle.path / "flow.json", key="golden.cases")
        whole = of_all[0]
        references = replace(references, log_prob_of_sample=log_prob_of_sample, rounding=rounding)
    return replace(references, z=whole.inputs.get("z"), context=whole.inputs.get("context"))


def sound(bundle: Bundle, file: str, rounding: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The rounding of an array of numbers.

    Raises:
        BundleError: where it has another shape, or is negative or no number.
    """
    if rounding.shape != expected.shape or not (rounding >= 0).all():
        raise BundleError(
            f"expected {expected.shape} numbers from 0, got shape {rounding.shape}", file=bundle.path / file
        )
    return rounding
