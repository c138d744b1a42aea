"""Float64 references of a trained model: those that a bundle carries, or fresh ones that export makes."""

from __future__ import annotations

__all__ = ["ReferenceCase", "References", "references_of"]

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from flowexport.bundle import Bundle
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
        z, context: latents for the direction check, and the context of each.
        log_prob_of_sample: base(z) − ln |det ∂x/∂z| in float64, ``[rows]``, nats.
        latent: the trained model's x → u in float64, where there is one at hand.
        target: the latent u that each z becomes at its base, ``[rows, features]``; needed with ``latent``.
        rounding: how far float32 alone may take log_prob_of_sample, ``[rows]``, nats.
        said: checks of what a bundle says beside numbers, where there is something at hand to hold it to.
    """

    cases: list[ReferenceCase]
    z: np.ndarray
    context: np.ndarray | None
    log_prob_of_sample: np.ndarray
    latent: Callable[[np.ndarray, np.ndarray | None], np.ndarray] | None = None
    target: np.ndarray | None = None
    rounding: np.ndarray | None = None
    said: Callable[[Bundle], list[Check]] | None = None

    def scale(self, model: Model) -> np.ndarray:
        """The unit of each feature's bound: the bundle's ``scale``, and no more than the samples' own deviation.

        Otherwise a bundle could loosen its bounds by calling its features wide.
        """
        samples = max((case.expected for case in self.cases if case.graph == "sample"), key=len)
        own = samples.std(axis=0)
        declared = np.array(model.manifest.scale).reshape(model.event_shape)
        scale: np.ndarray = np.minimum(declared, np.where(own > 0, own, declared))
        return scale

    def exact(self) -> References:
        """The same without what float32 costs."""
        cases = [replace(case, rounding=None) for case in self.cases]
        return replace(self, cases=cases, rounding=None)


def references_of(bundle: Bundle) -> References:
    """The references that a bundle carries in its golden cases.

    Raises:
        BundleError: for a file that is not there or has another hash, a case that does not fit, or no sample case.
    """
    arrays: dict[str, np.ndarray] = {}

    def array(file: str, rows: list[int] | None) -> np.ndarray:
        if file not in arrays:
            arrays[file] = bundle.array(file)
        start, stop = rows or (0, len(arrays[file]))
        if not 0 <= start < stop <= len(arrays[file]):
            raise BundleError(
                f"{bundle.path / 'flow.json'}: golden: rows {rows} of {file}, which has {len(arrays[file])}"
            )
        return arrays[file][start:stop]

    cases = []
    for case in bundle.manifest.golden.cases:
        if case.expected is not None:
            inputs = {name: array(file, case.rows) for name, file in case.inputs.items()}
            expected = array(next(iter(case.expected.values())), case.rows)
            rounding = None
            if case.rounding is not None:
                rounding = sound(bundle, file := next(iter(case.rounding.values())), array(file, case.rows), expected)
            cases.append(ReferenceCase(case.name, case.graph, inputs, expected, rounding))
    log_prob_of_sample = bundle.array(bundle.manifest.golden.log_prob_of_sample)
    own = bundle.manifest.golden.log_prob_of_sample_rounding
    rounding = sound(bundle, own, bundle.array(own), log_prob_of_sample) if isinstance(own, str) else None
    whole = [case for case in cases if case.graph == "sample" and len(case.expected) == len(log_prob_of_sample)]
    if not whole or not any(case.graph == "log_prob" for case in cases):
        raise BundleError(
            f"{bundle.path / 'flow.json'}: golden.cases: needs log_prob cases and a sample case of all rows"
        )
    latents = whole[0].inputs
    return References(cases, latents["z"], latents.get("context"), log_prob_of_sample, rounding=rounding)


def sound(bundle: Bundle, file: str, rounding: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The rounding of an array of numbers.

    Raises:
        BundleError: where it has another shape, or is negative or no number.
    """
    if rounding.shape != expected.shape or not (rounding >= 0).all():
        raise BundleError(f"{bundle.path / file}: expected {expected.shape} numbers from 0, got shape {rounding.shape}")
    return rounding
