"""The proof: a bundle's graphs against float64 references of the trained model.

Seven checks, each with its figure against its bound: structure, parity, rounding, direction, round trip, mass and
device.
The bounds of `flowexport.runtime.bounds` are the most that is allowed; a bundle can ask for less and never for more.
"""

from __future__ import annotations

__all__ = ["References", "references_of", "verify"]

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from flowexport.bundle import Bundle, open_archive, settled
from flowexport.bundle.schema import Case
from flowexport.errors import BundleError, InputError

from .bounds import (
    COMMON_SHARE,
    LOG_PROB_ATOL,
    LOG_PROB_RTOL,
    NOISE_ATOL,
    SAMPLE_ATOL,
    SAMPLE_RTOL,
    allowance,
    cost_of_most,
    direction_bound,
    finite_size,
)
from .checks import Check, Report, Status, compare
from .cures import with_cure
from .engines import candidates_of, open_engine
from .mass import mass_checks
from .model import Model
from .noise import normals
from .substance import substance_checks

SHOWN = 64
"""Numbers of a row that a failure shows."""


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


def verify(
    path: str | os.PathLike[str],
    device: str = "cpu",
    references: References | None = None,
    threads: int | None = None,
    digest: str | None = None,
    engine: str = "auto",
) -> Report:
    """Verifies a bundle.

    Arguments:
        path: the folder, a zip of it, or the name of a zoo model.
        device: where its graphs run.
        references: of the trained model; by default those that the bundle carries.
        threads: over blocks of rows.
        digest: the bundle's, as `flowexport inspect` shows it; any other bundle is refused.
        engine: that runs its graphs: as `flowexport.load` takes it.

    Returns:
        The report; its ``passed`` says whether all figures are within their bounds.

    Raises:
        BundleError: for a fault in format, path or hash.
        DeviceError, EngineError: for a device or an engine that cannot be had.
    """
    candidates_of(engine, device)  # a wrong name is said before anything is read

    def report(bundle: Bundle) -> Report:
        return proved(bundle, engine, device, references, threads)

    if Path(path).is_file():
        return report(open_archive(path, digest))
    return settled(path, report, digest)


def proved(bundle: Bundle, engine: str, device: str, references: References | None, threads: int | None) -> Report:
    """The report of an open bundle."""
    for name in bundle.manifest.files:
        bundle.read(name)
    model = Model(bundle, open_engine(bundle, engine, device), threads)
    golden = references_of(bundle)
    references = references or golden
    if bundle.manifest.dtype == "float64":
        # What float32 costs is nothing that a graph in float64 could ask for.
        references = references.exact()
    scale = references.scale(model)
    checks = [
        *structure_checks(bundle, model),
        *(references.said(bundle) if references.said else []),
        *substance_checks(bundle, model, golden),
        *(parity_check(model, case, scale) for case in references.cases),
        *rounding_checks(references, scale),
        direction_check(model, references),
        round_trip_check(model, references),
    ]
    if any(check.status == "failed" for check in checks):
        # A graph that is wrong may have no integral, and to find that out takes minutes.
        checks.append(Check("mass", "integral of the density", "not run", detail="a check before it failed"))
    else:
        checks += mass_checks(model, golden.context)
    checks.append(device_check(model))
    return Report(str(bundle.path), str(model.device), tuple(map(with_cure, checks)), bundle.sha256, model.engine.name)


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
        checks.append(compare("structure", f"noise of seed {noise.seed}", found, expected, NOISE_ATOL, "normals"))
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


def direction_check(model: Model, references: References) -> Check:
    """log_prob of sample(z) against base(z) − ln |det ∂x/∂z|: that the two graphs are inverse to each other."""
    subject = "log_prob of sample"
    found = attempt(lambda: model.log_prob(model.sample_from(references.z, references.context), references.context))
    if isinstance(found, str):
        return Check("direction", subject, "failed", detail=found)
    bound = direction_bound(references.rounding, references.log_prob_of_sample)
    return compare("direction", subject, found, references.log_prob_of_sample, bound, "nats")


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
    """That all graphs run on the device that was asked for, as what runs them says itself."""
    providers = {graph.provider for graph in model.graphs.values()}
    status: Status = "passed" if providers == {model.engine.provider} else "failed"
    return Check("device", str(model.device), status, detail=", ".join(sorted(providers)))


def attempt(run: Callable[[], np.ndarray]) -> np.ndarray | str:
    """The result, or the reason why there is none."""
    try:
        return run()
    except (BundleError, InputError) as error:
        return str(error)
