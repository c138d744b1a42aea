"""``golden``: replays a bundle's golden cases, figure against bound."""

from __future__ import annotations

__all__ = ["judge", "read_inputs", "replay"]

from collections.abc import Iterator
from typing import Any

import numpy as np
from flowbundle import Bundle, BundleError, InputError, Model, normals
from flowbundle.manifest import Case, Graph
from numpy.typing import ArrayLike, NDArray

ATOL, RTOL = 1e-4, 1e-5
"""The most that is allowed: a bundle can ask for less and never for more."""

DIRECTION_ATOL, DIRECTION_RTOL = 1e-2, 1e-3
"""Nats, and relative: the gradient of the density magnifies the rounding of a sample."""

MULTIPLE, SHARE = 4.0, 1e-3
"""How often its own float32 rounding a number may differ by, and up to which share of it and of its unit."""

NOISE_ATOL = 9.5e-7
"""Two units in the last place of the largest normal, 6.66: logarithm and cosine differ between platforms."""

Line = tuple[str, str, str, bool]
"""A name, what was found, what it was held to, and whether it passed."""


def replay(model: Model) -> Iterator[Line]:
    """Runs every golden case, each as one batch, then the check of direction, then the noise.

    Raises:
        BundleError: for a case that contradicts its files.
    """
    manifest, bundle = model.manifest, model.bundle
    for case in manifest.cases:
        yield replay_case(model, case)
    expected = bundle.array(manifest.log_prob_of_sample)
    whole = next((inputs for inputs in sample_inputs(bundle) if len(inputs["z"]) == len(expected)), None)
    if whole is None:
        raise BundleError(f"{bundle.path / 'flow.json'}: golden.log_prob_of_sample: no sample case has as many rows")
    found = model.log_prob(model.sample_from(whole["z"], whole.get("context")), whole.get("context"))
    file = manifest.log_prob_of_sample_rounding
    own = MULTIPLE * (np.zeros(()) if file is None else bundle.array(file).astype(np.float64))
    yield compare("log_prob_of_sample", found, expected, DIRECTION_ATOL, DIRECTION_RTOL, own)
    for noise in manifest.noise:
        expected = bundle.array(noise.file).reshape(-1)
        yield compare(f"noise {noise.seed}", normals(noise.seed, noise.start, len(expected)), expected, NOISE_ATOL, 0)


def replay_case(model: Model, case: Case) -> Line:
    inputs = read_inputs(model.bundle, case)
    try:
        found = run(model, case.graph, inputs)
    except InputError as error:
        code = error.code
    else:
        code = "none"
    if case.expected is None or code != "none":
        wanted = case.error or "none"
        return case.name, code, wanted, code == wanted
    return judge(model.bundle, case, found)


def judge(bundle: Bundle, case: Case, found: NDArray[Any]) -> Line:
    """What a graph gave for a case, against what it should have given; samples in units of the scale."""
    manifest = bundle.manifest
    expected = read_rows(bundle, case, case.expected or "")
    atol, rtol = manifest.tolerance[case.graph]
    unit = np.ones(()) if case.graph == "log_prob" else np.reshape(manifest.scale, manifest.event_shape)
    if found.shape != expected.shape:
        return different_shapes(case.name, found, expected)
    rounding = np.zeros(()) if case.rounding is None else read_rows(bundle, case, case.rounding).astype(np.float64)
    own = np.minimum(MULTIPLE * rounding / unit, SHARE * (1 + np.abs(expected / unit)))
    return compare(case.name, found / unit, expected / unit, min(atol, ATOL), min(rtol, RTOL), own)


def compare(
    name: str,
    found: NDArray[Any],
    expected: NDArray[Any],
    atol: float,
    rtol: float,
    own: NDArray[Any] = np.zeros(()),  # noqa: B008 - nothing writes to it
) -> Line:
    """|Δ| ≤ atol + rtol · |expected| + own everywhere, in a form that NaN fails; own is what rounding may cost.

    The figures are those of the number that comes nearest to its bound, or goes farthest over it.
    """
    if found.shape != expected.shape or found.size == 0 or own.shape not in ((), found.shape):
        return different_shapes(name, found, expected)
    with np.errstate(invalid="ignore"):
        # Equal infinities (−inf outside the support) differ by nothing, and an infinity has no bound of its own.
        difference = np.where(found == expected, 0.0, np.abs(found - expected))
        bound = atol + rtol * np.where(np.isfinite(expected), np.abs(expected), 0.0)
        bound = bound + np.where(np.isfinite(expected), own, 0.0)
        ratio = np.nan_to_num(difference / np.maximum(bound, np.finfo(np.float64).tiny), nan=np.inf)
    worst = np.unravel_index(np.argmax(np.where(np.isnan(difference), np.inf, ratio)), ratio.shape)
    return name, f"{difference[worst]:.3g}", f"{bound[worst]:.3g}", bool((difference <= bound).all())


def different_shapes(name: str, found: NDArray[Any], expected: NDArray[Any]) -> Line:
    return name, f"shape {list(found.shape)}", f"shape {list(expected.shape)}", False


def run(model: Model, graph: Graph, inputs: dict[str, NDArray[Any]]) -> NDArray[Any]:
    context: ArrayLike | None = inputs.get("context")
    return model.log_prob(inputs["x"], context) if graph == "log_prob" else model.sample_from(inputs["z"], context)


def sample_inputs(bundle: Bundle) -> Iterator[dict[str, NDArray[Any]]]:
    """The inputs of every sample case that expects samples."""
    for case in bundle.manifest.cases:
        if case.graph == "sample" and case.expected is not None:
            yield read_inputs(bundle, case)


def read_inputs(bundle: Bundle, case: Case) -> dict[str, NDArray[Any]]:
    """The inputs of a case, tensor → rows."""
    return {name: read_rows(bundle, case, file) for name, file in case.inputs.items()}


def read_rows(bundle: Bundle, case: Case, file: str) -> NDArray[Any]:
    """The rows of a file that a case is about."""
    array = bundle.array(file)
    if array.ndim == 0:
        raise BundleError(f"{bundle.path / file}: has no rows")
    start, stop = case.rows or (0, len(array))
    if not start < stop <= len(array):
        where = f"{bundle.path / 'flow.json'}: golden.cases: {case.name}: rows"
        raise BundleError(f"{where}: {start} to {stop} of {file}, which has {len(array)}")
    return array[start:stop]
