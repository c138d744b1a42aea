"""What tests share: small trained-looking flows, and bundles of them, exported once a session."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

import flowexport
from flowexport.bundle.place import alone
from flowexport.flows import RealNVP
from flowexport.runtime.device import cuda_fault
from tests.loops import left_out_of_quick, sort_into_loops
from tests.reference_page import reference_flow


@dataclass(frozen=True)
class Exported:
    """A flow, the rows that it was exported with, and its bundle."""

    flow: RealNVP
    x: np.ndarray
    context: np.ndarray | None
    path: Path


def small_flow(seed: int = 0, **arguments: object) -> RealNVP:
    """A flow with weights as training leaves them: different in every layer, and not large."""
    torch.manual_seed(seed)
    flow = reference_flow(**{"hidden_features": (16, 16), "transforms": 4} | arguments).eval()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    flow.standardize.fit(torch.randn(flow.features), torch.rand(flow.features) + 0.5)
    if flow.standardize_context is not None:
        flow.standardize_context.fit(torch.randn(flow.context), torch.rand(flow.context) + 0.5)
    return flow


def rows_of(flow: RealNVP, count: int = 1200) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows that the flow itself calls likely, and their contexts."""
    torch.manual_seed(7)
    context = None
    if flow.standardize_context is not None:
        context = flow.standardize_context.inverse(torch.randn(count, flow.context))
        return flow(context).sample().numpy().astype(np.float64), context.numpy().astype(np.float64)
    return flow().sample((count,)).numpy().astype(np.float64), None


def exported(path: Path, seed: int = 0, dtype: str = "float32", **arguments: object) -> Exported:
    """A small flow as a bundle."""
    flow = small_flow(seed, **arguments)
    x, context = rows_of(flow)
    if not path.exists():
        flowexport.export(flow, path, x, context, name=path.name, dtype=dtype)
    return Exported(flow, x, context, path)


def exported_once(tmp_path_factory: pytest.TempPathFactory, name: str, **arguments: object) -> Exported:
    """A small flow as a bundle, exported by the first worker of pytest-xdist that needs it, for all."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with alone(root):
        return exported(root / "bundles" / name / name, **arguments)


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Two features, no context."""
    return exported_once(tmp_path_factory, "plain", features=2)


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Another model with the same shapes as ``plain``."""
    return exported_once(tmp_path_factory, "other", seed=1, features=2)


@pytest.fixture(scope="session")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Five features given two."""
    return exported_once(tmp_path_factory, "conditional", features=5, context=2, randmask=True)


EXPORTS = "exports a flow"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out what exports a flow, and long tests")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Not opened at all: what they import, Ray and scikit-learn among it, takes seconds of each worker."""
    return True if config.option.quick and left_out_of_quick(collection_path) else None


@pytest.fixture(scope="session", autouse=True)
def exports(request: pytest.FixtureRequest) -> Iterator[None]:
    """What exports a flow, where --quick was given, is skipped when it comes to it: no list of such tests ages."""

    def skip(*given: object, **named: object) -> None:
        pytest.skip(EXPORTS)

    with pytest.MonkeyPatch.context() as patch:
        if request.config.option.quick:
            patch.setattr(import_module("flowexport.export.export"), "lowered", skip)
            patch.setattr(torch.onnx, "export", skip)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A command that a test runs takes the skip for a fault of its own; the test is skipped all the same."""
    report: pytest.TestReport = yield
    if report.failed and f"Skipped: {EXPORTS}" in report.longreprtext:
        report.outcome, report.longrepr = "skipped", (str(item.path), 0, EXPORTS)
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a GPU are skipped where there is none, with the driver's reason."""
    sort_into_loops(items)
    marked = [item for item in items if item.get_closest_marker("cuda")]
    fault = cuda_fault(0) if marked else None
    for item in marked:
        if fault:
            item.add_marker(pytest.mark.skip(reason=f"CUDA cannot be had: {fault}"))


def pytest_report_header() -> str:
    return f"FLOWEXPORT_REQUIRE_ALL={os.environ.get('FLOWEXPORT_REQUIRE_ALL', '')}"
