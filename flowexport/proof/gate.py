"""The proof: a bundle's graphs against float64 references of the trained model, on any engine.

Seven checks, each with its figure against its bound: structure, parity, rounding, direction, round trip, mass and
device.
The bounds of `flowexport.proof.bounds` are the most that is allowed; a bundle can ask for less and never for more.
"""

from __future__ import annotations

__all__ = ["device_check", "verify"]

import os
from pathlib import Path

from flowexport.bundle import Bundle, both_directions, open_archive, settled
from flowexport.runtime import Model
from flowexport.runtime.engines import candidates_of, open_engine

from .checks import Check, Report, Status
from .cures import with_cure
from .direction import direction_check, round_trip_check
from .mass import mass_checks
from .parity import parity_check, rounding_checks
from .references import References, references_of
from .structure import structure_checks
from .substance import substance_checks


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
    references = (references or golden).held_by(model.graphs)
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
    elif not both_directions(model.graphs):
        checks.append(Check("mass", "integral of the density", "not run", detail="needs both graphs"))
    else:
        checks += mass_checks(model, golden.context)
    checks.append(device_check(model))
    return Report(str(bundle.path), str(model.device), tuple(map(with_cure, checks)), bundle.sha256, model.engine.name)


def device_check(model: Model) -> Check:
    """That all graphs run on the device that was asked for, as what runs them says itself."""
    providers = {graph.provider for graph in model.graphs.values()}
    status: Status = "passed" if providers == {model.engine.provider} else "failed"
    return Check("device", str(model.device), status, detail=", ".join(sorted(providers)))
