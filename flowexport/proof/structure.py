"""The form of a bundle's files, and what its graphs refuse."""

from __future__ import annotations

__all__ = ["structure_checks"]

from flowexport.bundle import GRAPHS, Bundle
from flowexport.bundle.schema import Case
from flowexport.errors import InputError
from flowexport.runtime import Model, normals

from .bounds import NOISE_ATOL
from .checks import Check, compare
from .running import run_case


def structure_checks(bundle: Bundle, model: Model) -> list[Check]:
    """The files' form. Hashes, signatures, opset and external data have been held to the contract on opening."""
    checks = [
        Check("structure", "flow.json, hashes, signatures", "passed", detail=f"{len(bundle.manifest.files)} files")
    ]
    for name in bundle.manifest.graphs:
        if name in GRAPHS:
            checks.append(checker_check(bundle, name))
        else:
            checks.append(Check("structure", f"graph {name}", "not run", detail="this version does not know it"))
    for case in bundle.manifest.golden.cases:
        if case.error is not None and case.graph in GRAPHS:
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
