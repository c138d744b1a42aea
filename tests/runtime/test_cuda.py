"""The room of the GPU. Without one its logic is run on the processor's memory, and its refusals as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

import flowexport
from flowexport.bundle import open_bundle
from flowexport.errors import DeviceError, InputError
from flowexport.runtime import cuda
from flowexport.runtime.cuda import CAPTURED_ROWS, CudaGraph
from flowexport.runtime.device import Device
from flowexport.runtime.engine import Signature
from flowexport.runtime.graph import KEPT_SHAPES
from flowexport.runtime.tensors import CUDA, GpuTensors, off_host
from tests.conftest import Exported

SIGNATURE = Signature({"x": (2,)}, "log_prob", (), np.dtype(np.float32))
BLOCK = 1000

by_dlpack = pytest.mark.skipif(
    not hasattr(onnxruntime.OrtValue, "from_dlpack"), reason="[gpu] is ONNX Runtime 1.26 or later, this one is older"
)


class OnGpu:
    """A tensor of torch that says it is on a GPU."""

    __module__ = "torch"

    def __init__(self, tensor: torch.Tensor, index: int = 0) -> None:
        self.tensor, self.index = tensor, index

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tensor, name)

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, self.index


@pytest.fixture
def graph(plain: Exported, monkeypatch: pytest.MonkeyPatch) -> CudaGraph:
    """Of the GPU, with memory and provider of the CPU."""
    monkeypatch.setattr(cuda, "synchronize", lambda: None)
    return CudaGraph(open_bundle(plain.path).graph("log_prob")[0], Device("cpu"), SIGNATURE, "log_prob.onnx")


def rows_of(count: int) -> np.ndarray:
    return np.random.default_rng(count).standard_normal((count, 2), np.float32)


def of_session(graph: CudaGraph, x: np.ndarray) -> np.ndarray:
    return graph.session.run(["log_prob"], {"x": x})[0]


@pytest.mark.parametrize("rows", [1, 5, CAPTURED_ROWS, CAPTURED_ROWS + 1])
def test_arrays_come_back_as_arrays(graph: CudaGraph, rows: int) -> None:
    for x in (rows_of(rows), rows_of(rows) + 1):
        np.testing.assert_array_equal(graph.run(x), of_session(graph, x))


@by_dlpack
@pytest.mark.parametrize("rows", [1, 5, CAPTURED_ROWS + 1, 4 * BLOCK + 300])
def test_tensors_come_back_as_tensors_of_their_own(graph: CudaGraph, rows: int) -> None:
    first = graph.run_on_device([torch.from_numpy(rows_of(rows))], torch, BLOCK)
    kept = first.clone()
    graph.run_on_device([torch.from_numpy(rows_of(rows) + 1)], torch, BLOCK)
    assert torch.equal(first, kept)
    np.testing.assert_allclose(first.numpy(), of_session(graph, rows_of(rows)), rtol=1e-5, atol=1e-5)


@by_dlpack
def test_no_rows_give_no_rows(graph: CudaGraph) -> None:
    assert graph.run_on_device([torch.zeros(0, 2)], torch, BLOCK).shape == (0,)


def test_cuda_graphs_are_of_a_bounded_number_of_shapes(graph: CudaGraph) -> None:
    for rows in range(1, KEPT_SHAPES + 4):
        np.testing.assert_array_equal(graph.run(rows_of(rows)), of_session(graph, rows_of(rows)))
    assert list(graph._residents) == list(range(1, KEPT_SHAPES + 1))
    numbers = [each.options.get_run_config_entry("gpu_graph_id") for each in graph._residents.values()]
    assert numbers == [str(number) for number in range(1, KEPT_SHAPES + 1)]


def test_a_forked_child_is_refused(graph: CudaGraph) -> None:
    graph._process += 1
    with pytest.raises(DeviceError, match="fork"):
        graph.run(rows_of(1))


def test_what_is_on_a_gpu() -> None:
    assert off_host(OnGpu(torch.zeros(1)))
    for other in (np.zeros(1), torch.zeros(1), [0.0], None):
        assert not off_host(other)


@pytest.mark.parametrize("call", ["log_prob", "sample_from"])
def test_a_tensor_on_a_gpu_is_refused_by_a_model_on_the_cpu(plain: Exported, call: str) -> None:
    model = flowexport.load(plain.path, device="cpu")
    with pytest.raises(InputError, match=r"x: is on cuda:0, the model on cpu: load it there, or move x") as caught:
        getattr(model, call)(OnGpu(torch.zeros(3, 2)))
    assert caught.value.code == "wrong_device"


def test_a_tensor_on_another_gpu_or_of_another_library_is_refused() -> None:
    with pytest.raises(InputError, match="is on cuda:1, the model on cuda:0"):
        GpuTensors(OnGpu(torch.zeros(1), 1), Device("cuda"), {}, BLOCK)
    stranger = type("Array", (OnGpu,), {"__module__": "jaxlib.array"})(torch.zeros(1))
    with pytest.raises(InputError, match="expected a tensor of torch or cupy on a GPU, got jaxlib's"):
        GpuTensors(stranger, Device("cuda"), {}, BLOCK)


def test_tensors_that_do_not_fit_are_refused() -> None:
    tensors = GpuTensors(OnGpu(torch.zeros(1)), Device("cuda"), {}, BLOCK)
    for tensor, index, code, words in (
        (torch.zeros(3), 0, "wrong_shape", r"x: expected shape \[\*, 2\], got \[3\]"),
        (torch.zeros(3, 2).double(), 0, "wrong_dtype", "expected float32, got float64"),
        (torch.zeros(3, 2), 1, "wrong_device", "not on the GPU that x is on"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            tensors.rows("x", OnGpu(tensor, index), (2,), np.dtype(np.float32))
        assert caught.value.code == code
    transposed = torch.zeros(2, 6, requires_grad=True).T
    found = tensors.rows("x", OnGpu(transposed), (2,), np.dtype(np.float32))
    assert found.is_contiguous()
    assert not found.requires_grad


@pytest.mark.cuda
@pytest.mark.parametrize("rows", [0, 1, 7, CAPTURED_ROWS + 1, 200_000])
def test_tensors_on_a_gpu_stay_there(plain: Exported, rows: int) -> None:
    model = flowexport.load(plain.path, device="cuda")
    x = np.resize(plain.x, (rows, 2)).astype(np.float32)
    for _ in range(3):  # the first runs of a shape are captured, later ones replay it
        found = model.log_prob(torch.from_numpy(x).cuda())
        assert found.is_cuda
        np.testing.assert_allclose(found.cpu().numpy(), model.log_prob(x), atol=1e-5, rtol=1e-5)
        samples = model.sample_from(torch.from_numpy(x).cuda())
        np.testing.assert_allclose(samples.cpu().numpy(), model.sample_from(x), atol=1e-5, rtol=1e-5)


@pytest.mark.cuda
@pytest.mark.parametrize("rows", [1, 7, 5000])
def test_contexts_may_be_on_the_gpu_or_not(conditional: Exported, rows: int) -> None:
    model = flowexport.load(conditional.path, device="cuda")
    x = torch.from_numpy(np.resize(conditional.x, (rows, conditional.x.shape[1])).astype(np.float32)).cuda()
    context = np.resize(conditional.context, (rows, conditional.context.shape[1])).astype(np.float32)
    expected = model.log_prob(x.cpu().numpy(), context)
    for given in (context, torch.from_numpy(context).cuda()):
        np.testing.assert_allclose(model.log_prob(x, given).cpu().numpy(), expected, atol=1e-5, rtol=1e-5)
