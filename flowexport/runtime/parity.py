"""The proof: a bundle's graphs against float64 references of the trained model.

Six checks, each with its figure against its bound: structure, parity, direction, round trip, mass, device.
The bounds of this module are the most that is allowed; a bundle can ask for less and never for more.
"""

from __future__ import annotations

__all__ = ["References", "references_of", "verify"]

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from flowexport.bundle import Bundle, open_bundle
from flowexport.bundle.schema import Case
from flowexport.errors import BundleError, InputError

from .checks import Check, Report, Status, compare
from .device import resolve
from .mass import mass_checks
from .model import Model
from .noise import normals

LOG_PROB_ATOL, LOG_PROB_RTOL = 1e-4, 1e-5
"""Nats, and relative, for log_prob."""

SAMPLE_ATOL, SAMPLE_RTOL = 1e-4, 1e-5
"""Standard deviations of each feature, and relative, for samples."""

DIRECTION_ATOL, DIRECTION_RTOL = 1e-2, 1e-3
"""Nats, and relative. Here the rounding of a float32 sample is magnified by the gradient of the density, so the
bound is wider than parity's; a sampler in the wrong direction is off by nats."""

NOISE_ATOL = 2.0**-20
"""Two units in the last place of the largest normal (6.66): logarithm and cosine differ between platforms."""


@dataclass(frozen=True)
class ReferenceCase:
    """Inputs of a graph, and what the trained model says of them in float64."""

    name: str
    graph: str
    inputs: Mapping[str, np.ndarray]
    expected: np.ndarray


@dataclass(frozen=True)
class References:
    """Float64 references of a trained model.

    Arguments:
        cases: inputs and outputs of both graphs, at several batch sizes.
        z, context: latents for the direction check, and the context of each.
        log_prob_of_sample: base(z) − ln |det ∂x/∂z| in float64, ``[rows]``, nats.
        latent: the trained model's x → u in float64, where there is one at hand.
        target: the latent u that each z becomes at its base, ``[rows, features]``; needed with ``latent``.
    """

    cases: list[ReferenceCase]
    z: np.ndarray
    context: np.ndarray | None
    log_prob_of_sample: np.ndarray
    latent: Callable[[np.ndarray, np.ndarray | None], np.ndarray] | None = None
    target: np.ndarray | None = None

    def scale(self, model: Model) -> np.ndarray:
        """The unit of each feature's bound: the bundle's ``scale``, and no more than the samples' own deviation.

        Otherwise a bundle could loosen its bounds by calling its features wide.
        """
        samples = max((case.expected for case in self.cases if case.graph == "sample"), key=len)
        own = samples.std(axis=0)
        declared = np.array(model.manifest.scale).reshape(model.event_shape)
        scale: np.ndarray = np.minimum(declared, np.where(own > 0, own, declared))
        return scale


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
            cases.append(ReferenceCase(case.name, case.graph, inputs, expected))
    log_prob_of_sample = bundle.array(bundle.manifest.golden.log_prob_of_sample)
    whole = [case for case in cases if case.graph == "sample" and len(case.expected) == len(log_prob_of_sample)]
    if not whole or not any(case.graph == "log_prob" for case in cases):
        raise BundleError(
            f"{bundle.path / 'flow.json'}: golden.cases: needs log_prob cases and a sample case of all rows"
        )
    latents = whole[0].inputs
    return References(cases, latents["z"], latents.get("context"), log_prob_of_sample)


def verify(
    path: str | os.PathLike[str], device: str = "cpu", references: References | None = None, threads: int | None = None
) -> Report:
    """Verifies a bundle.

    Arguments:
        path: the folder, or the name of a zoo model.
        device: where its graphs run.
        references: of the trained model; by default those that the bundle carries.
        threads: over blocks of rows.

    Returns:
        The report; its ``passed`` says whether all figures are within their bounds.

    Raises:
        BundleError: for a fault in format, path or hash.
        DeviceError: for a device that cannot be had.
    """
    bundle = open_bundle(path)
    for name in bundle.manifest.files:
        bundle.read(name)
    model = Model(bundle, resolve(device), threads)
    golden = references_of(bundle)
    references = references or golden
    scale = references.scale(model)
    checks = [
        *structure_checks(bundle, model),
        *(parity_check(model, case, scale) for case in references.cases),
        direction_check(model, references),
        round_trip_check(model, references),
        *mass_checks(model, golden.context),
        device_check(model),
    ]
    return Report(str(bundle.path), str(model.device), tuple(checks))


def structure_checks(bundle: Bundle, model: Model) -> list[Check]:
    """The files' form. Hashes, signatures, opset and external data have been held to the contract on opening."""
    checks = [
        Check("structure", "flow.json, hashes, signatures", "passed", detail=f"{len(bundle.manifest.files)} files")
    ]
    for name in ("log_prob", "sample"):
        checks.append(checker_check(bundle, name))
    for case in bundle.manifest.golden.cases:
        if case.error is not None:
            checks.append(refusal_check(bundle, model, case))
    for noise in bundle.manifest.golden.noise:
        expected = bundle.array(noise.file)
        found = normals(int(noise.seed), noise.start, expected.size).reshape(expected.shape)
        checks.append(compare("structure", f"noise of seed {noise.seed}", found, expected, NOISE_ATOL, 0.0, "normals"))
    return checks


def checker_check(bundle: Bundle, graph: str) -> Check:
    """The ONNX checker's word, where the package is installed."""
    subject = f"ONNX checker, {graph}"
    try:
        import onnx
    except ImportError:
        return Check("structure", subject, "not run", detail="the package onnx is not installed")
    try:
        onnx.checker.check_model(bundle.graph(graph)[0], full_check=True)
    except Exception as error:  # the checker has errors of several kinds
        return Check("structure", subject, "failed", detail=str(error).strip().splitlines()[0])
    return Check("structure", subject, "passed", detail=f"onnx {onnx.__version__}")


def refusal_check(bundle: Bundle, model: Model, case: Case) -> Check:
    """That an input which does not fit is refused as the golden case says."""
    subject = f"refuses {case.name}"
    inputs = {key: bundle.array(file) for key, file in case.inputs.items()}
    try:
        run_case(model, case.graph, inputs)
    except InputError as error:
        if error.code == case.error:
            return Check("structure", subject, "passed", detail=error.code)
        return Check("structure", subject, "failed", detail=f"gave {error.code}, expected {case.error}")
    return Check("structure", subject, "failed", detail=f"was accepted, expected {case.error}")


def run_case(model: Model, graph: str, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """A graph on the inputs of a case."""
    context = inputs.get("context")
    return model.log_prob(inputs["x"], context) if graph == "log_prob" else model.sample_from(inputs["z"], context)


def parity_check(model: Model, case: ReferenceCase, scale: np.ndarray) -> Check:
    """A graph against the trained model in float64."""
    tolerance = getattr(model.manifest.tolerance, case.graph)
    subject = f"{case.graph}, {case.name}"
    found = attempt(lambda: run_case(model, case.graph, case.inputs))
    if isinstance(found, str):
        return Check("parity", subject, "failed", detail=found)
    if case.graph == "log_prob":
        atol, rtol = min(tolerance.atol, LOG_PROB_ATOL), min(tolerance.rtol, LOG_PROB_RTOL)
        return compare("parity", subject, found, case.expected, atol, rtol, "nats")
    atol, rtol = min(tolerance.atol, SAMPLE_ATOL), min(tolerance.rtol, SAMPLE_RTOL)
    # In units of the scale, so that figure and bound of different features can be compared.
    return compare("parity", subject, found / scale, case.expected / scale, atol, rtol, "standard deviations")


def direction_check(model: Model, references: References) -> Check:
    """log_prob of sample(z) against base(z) − ln |det ∂x/∂z|: that the two graphs are inverse to each other."""
    subject = "log_prob of sample"
    found = attempt(lambda: model.log_prob(model.sample_from(references.z, references.context), references.context))
    if isinstance(found, str):
        return Check("direction", subject, "failed", detail=found)
    return compare("direction", subject, found, references.log_prob_of_sample, DIRECTION_ATOL, DIRECTION_RTOL, "nats")


def round_trip_check(model: Model, references: References) -> Check:
    """The float64 latent of sample(z) against that of z: reported, since float32 need not invert a clamped flow."""
    subject = "latent of sample"
    if references.latent is None:
        return Check("round trip", subject, "not run", detail="needs the trained model (--checkpoint)")
    found = attempt(lambda: model.sample_from(references.z, references.context))
    if isinstance(found, str):
        return Check("round trip", subject, "not run", detail=found)
    latent = references.latent(found.astype(np.float64), references.context)
    return Check(
        "round trip", subject, "reported", float(np.abs(latent - references.target).max()), detail="latent units"
    )


def device_check(model: Model) -> Check:
    """That both sessions run on the device that was asked for."""
    providers = {graph.session.get_providers()[0] for graph in model.graphs.values()}
    status: Status = "passed" if providers == {model.device.provider} else "failed"
    return Check("device", str(model.device), status, detail=", ".join(sorted(providers)))


def attempt(run: Callable[[], np.ndarray]) -> np.ndarray | str:
    """The result, or the reason why there is none."""
    try:
        return run()
    except (BundleError, InputError) as error:
        return str(error)
