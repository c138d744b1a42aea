"""A part of the proof that takes milliseconds: what a server asks of a bundle before it answers with it."""

from __future__ import annotations

__all__ = ["prove_quickly"]

from dataclasses import replace

import numpy as np

from flowexport.runtime import Model

from .checks import Report
from .direction import direction_check
from .gate import device_check
from .parity import parity_check
from .references import References, references_of

ROWS = 64
"""Of a golden case, and of the direction check: a wrong graph is wrong in every row, or in one of the tails' 64."""


def prove_quickly(model: Model) -> Report:
    """The hashes of all files, parity and direction on few rows of the bundle's own references, and the device.

    Arguments:
        model: as it is going to be used, on its own device.

    Raises:
        BundleError: for a file that is not there or has another hash.
    """
    bundle = model.bundle
    for name in bundle.manifest.files:
        bundle.read(name)
    golden = references_of(bundle)
    if bundle.manifest.dtype == "float64":
        golden = golden.exact()
    scale = golden.scale(model)
    few = first_rows(golden)
    checks = [
        *(parity_check(model, case, scale) for case in few.cases),
        direction_check(model, few),
        device_check(model),
    ]
    return Report(str(bundle.path), str(model.device), tuple(checks), bundle.sha256, model.engine.name)


def first_rows(references: References) -> References:
    """References with no more than `ROWS` rows of anything."""
    cases = [
        replace(
            case,
            inputs={name: array[:ROWS] for name, array in case.inputs.items()},
            expected=case.expected[:ROWS],
            rounding=first(case.rounding),
        )
        for case in references.cases
    ]
    return replace(
        references,
        cases=cases,
        z=first(references.z),
        context=first(references.context),
        log_prob_of_sample=first(references.log_prob_of_sample),
        rounding=first(references.rounding),
    )


def first(array: np.ndarray | None) -> np.ndarray | None:
    return None if array is None else array[:ROWS]
