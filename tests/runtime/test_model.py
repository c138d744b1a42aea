"""A loaded model: its numbers are the trained flow's, whatever the batch, the threads and the shape of the call."""

import copy
import gc
import os
import pickle
import threading
import weakref
from typing import Any

import numpy as np
import pytest
import torch

import flowexport
from flowexport.errors import ArgumentError, BundleError, DeviceError, InputError
from flowexport.runtime import Model, normals
from flowexport.runtime.blocks import BLOCK_ROWS
from flowexport.runtime.device import cuda_fault, resolve
from flowexport.runtime.processors import available_threads
from tests.conftest import Exported, exported, rows_of, small_flow

NATS = {"atol": 1e-4, "rtol": 1e-5}


@pytest.fixture(scope="module")
def model(plain: Exported) -> Model:
    return flowexport.load(plain.path, device="cpu")


@pytest.fixture(scope="module")
def given(conditional: Exported) -> Model:
    return flowexport.load(conditional.path, device="cpu")


def exact_log_prob(case: Exported, x: np.ndarray, context: np.ndarray | None = None) -> np.ndarray:
    """The trained flow's word, in float64."""
    with torch.no_grad():
        return copy.deepcopy(case.flow).double().log_prob(*doubles(x, context)).numpy()


def exact_sample(case: Exported, z: np.ndarray, context: np.ndarray | None = None) -> np.ndarray:
    """The trained flow's map of latents, in float64."""
    with torch.no_grad():
        return copy.deepcopy(case.flow).double().inverse_and_log_det(*doubles(z, context))[0].numpy()


def doubles(rows: np.ndarray, context: np.ndarray | None) -> tuple[torch.Tensor, torch.Tensor | None]:
    return torch.as_tensor(rows).double(), None if context is None else torch.as_tensor(context).double()


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 7, 255, BLOCK_ROWS, BLOCK_ROWS + 1, 5 * BLOCK_ROWS + 13])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_log_prob_is_the_flows(plain: Exported, rows: int, threads: int) -> None:
    x = np.resize(plain.x, (rows, 2)).astype(np.float32)
    found = flowexport.load(plain.path, device="cpu", threads=threads).log_prob(x)
    assert found.shape == (rows,)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact_log_prob(plain, x), **NATS)


def test_a_model_goes_with_its_last_reference(plain: Exported) -> None:
    # A server that replaces a bundle every so often would keep sessions until cycles are collected.
    gc.disable()
    try:
        model = flowexport.load(plain.path, device="cpu", engine="onnxruntime")
        model.log_prob(plain.x)
        model.sample(3, seed=0)
        gone = weakref.ref(model)
        del model
        assert gone() is None
    finally:
        gc.enable()


CONVERSIONS = {
    "float64": np.float64,
    "float16": np.float16,
    "int32": np.int32,
    "column by column": lambda x: np.asfortranarray(np.float32(x)),
    "a view with gaps": lambda x: np.repeat(np.float32(x), 2, axis=0)[::2],
    "lists": lambda x: x.tolist(),
    "a tensor that requires a gradient": lambda x: torch.tensor(x, requires_grad=True),
    "a tensor of bfloat16": lambda x: torch.tensor(x, dtype=torch.bfloat16),
    "a tensor of float16": lambda x: torch.tensor(x, dtype=torch.float16),
}


@pytest.mark.parametrize("convert", CONVERSIONS.values(), ids=CONVERSIONS)
def test_rows_may_come_in_any_type_and_order_of_memory(model: Model, plain: Exported, convert: Any) -> None:
    x = np.round(plain.x[:300])
    np.testing.assert_allclose(model.log_prob(convert(x)), exact_log_prob(plain, x), **NATS)


def test_leading_axes_come_back(model: Model, plain: Exported) -> None:
    x = plain.x[:24].reshape(2, 3, 4, 2)
    assert model.log_prob(x).shape == (2, 3, 4)
    assert model.log_prob(plain.x[0]).shape == ()
    assert model.log_prob(plain.x[0]) == model.log_prob(plain.x[:1])[0]


def test_inputs_are_left_as_they_were_and_results_are_the_callers(model: Model, plain: Exported) -> None:
    x = plain.x[:10].astype(np.float32)
    before = x.copy()
    first = model.log_prob(x)
    kept = first.copy()
    model.log_prob(x + 1)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(first, kept)
    first[:] = 0  # writable


def test_not_a_number_stays_not_a_number(model: Model) -> None:
    assert np.isnan(model.log_prob([[np.nan, 0.0]])).all()


@pytest.mark.parametrize("seed", [0, 1, 2**63 + 5, 2**64 - 1])
def test_samples_are_the_flows_map_of_the_noise(model: Model, plain: Exported, seed: int) -> None:
    rows = BLOCK_ROWS + 77
    z = normals(seed, 0, rows * 2).reshape(rows, 2)
    np.testing.assert_allclose(model.sample(rows, seed=seed), exact_sample(plain, z), atol=1e-4, rtol=1e-5)


def test_samples_do_not_depend_on_how_many_are_drawn_or_in_what_pieces(model: Model) -> None:
    whole = model.sample(3 * BLOCK_ROWS, seed=3)
    np.testing.assert_allclose(model.sample(10, seed=3), whole[:10], atol=1e-5)
    np.testing.assert_array_equal(np.concatenate(list(model.iterate_samples(3 * BLOCK_ROWS, seed=3))), whole)


def test_no_seed_means_other_samples_each_time(model: Model) -> None:
    assert not np.array_equal(model.sample(5), model.sample(5))


def test_temperature_scales_the_noise(model: Model, plain: Exported) -> None:
    z = normals(4, 0, 20).reshape(10, 2)
    found = model.sample(10, seed=4, temperature=0.5)
    np.testing.assert_allclose(found, exact_sample(plain, np.float32(0.5) * z), atol=1e-4, rtol=1e-5)
    cold = model.sample(3, seed=4, temperature=0.0)
    np.testing.assert_array_equal(cold[0], cold[1])


def test_sample_and_log_prob_agree_with_each_alone(model: Model, given: Model, conditional: Exported) -> None:
    x, log_prob = model.sample_and_log_prob(50, seed=1)
    np.testing.assert_array_equal(x, model.sample(50, seed=1))
    np.testing.assert_array_equal(log_prob, model.log_prob(x))
    contexts = conditional.context[:3]
    x, log_prob = given.sample_and_log_prob(20, contexts, seed=1)
    np.testing.assert_array_equal(log_prob, given.log_prob(x, np.repeat(contexts, 20, axis=0)))


def test_importance_weights_of_the_models_own_density_are_one(model: Model) -> None:
    """E over samples of p(x) / p(x): the two directions agree on which density they are of."""
    x, log_prob = model.sample_and_log_prob(4000, seed=2)
    entropy = -log_prob.astype(np.float64).mean()
    again = -model.log_prob(model.sample(4000, seed=5)).astype(np.float64)
    assert abs(entropy - again.mean()) < 5 * np.sqrt(2) * again.std() / np.sqrt(4000)
    assert x.shape == (4000, 2)


def test_a_context_for_each_row(given: Model, conditional: Exported) -> None:
    found = given.log_prob(conditional.x, conditional.context)
    np.testing.assert_allclose(
        found, exact_log_prob(conditional, np.float32(conditional.x), np.float32(conditional.context)), **NATS
    )


def test_one_context_for_all_rows(given: Model, conditional: Exported) -> None:
    context = conditional.context[5]
    repeated = np.repeat(context[None], len(conditional.x), axis=0)
    np.testing.assert_array_equal(given.log_prob(conditional.x, context), given.log_prob(conditional.x, repeated))


def test_samples_of_several_contexts_are_context_major(given: Model, conditional: Exported) -> None:
    contexts, n = conditional.context[:3].astype(np.float32), BLOCK_ROWS - 5
    z = normals(9, 0, 3 * n * 5).reshape(3 * n, 5)
    expected = exact_sample(conditional, z, np.repeat(contexts, n, axis=0))
    np.testing.assert_allclose(given.sample(n, contexts, seed=9), expected, atol=1e-3, rtol=1e-4)
    assert given.sample(0, contexts).shape == (0, 5)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda m, g: m.log_prob(np.zeros((3, 3))), "wrong_shape"),
        (lambda m, g: m.log_prob(0.0), "wrong_shape"),
        (lambda m, g: m.log_prob([[0.0, 1.0], [2.0]]), "wrong_shape"),
        (lambda m, g: m.log_prob([["a", "b"]]), "wrong_dtype"),
        (lambda m, g: m.log_prob(np.zeros((3, 2), complex)), "wrong_dtype"),
        (lambda m, g: m.log_prob(np.zeros((3, 2)), [0.0]), "wrong_shape"),
        (lambda m, g: g.log_prob(np.zeros((3, 5))), "missing_context"),
        (lambda m, g: g.log_prob(np.zeros((3, 5)), np.zeros((4, 2))), "wrong_shape"),
        (lambda m, g: g.log_prob(np.zeros((3, 5)), np.zeros(3)), "wrong_shape"),
        (lambda m, g: g.sample(3), "missing_context"),
        (lambda m, g: g.sample(3, np.zeros((1, 1, 2))), "wrong_shape"),
        (lambda m, g: m.sample_from(np.zeros((3, 4))), "wrong_shape"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_by_code(model: Model, given: Model, call: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        call(model, given)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("n", value) for value in (-1, 1.5, True)),
        *(("seed", value) for value in (-1, 2**64, 0.5)),
        *(("temperature", value) for value in (-1.0, np.nan, np.inf, "hot", None)),
    ],
)
def test_arguments_that_cannot_be_are_refused_by_name(model: Model, name: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"^{name}: "):
        model.sample(**{"n": 1, name: value})


def test_percentiles_are_those_of_the_reference_rows(model: Model, plain: Exported) -> None:
    scores = np.sort(model.log_prob(plain.x).astype(np.float64))
    quantiles = np.asarray(model.manifest.reference.log_prob_quantiles)
    np.testing.assert_allclose(model.percentile(quantiles[[0, 5, 50, 100]]), [0, 5, 50, 100])
    assert model.percentile(np.array([-np.inf, np.inf])).tolist() == [0, 100]
    assert abs(model.percentile(np.median(scores)) - 50) < 1
    assert np.isnan(model.percentile(np.array([np.nan]))).all()


def test_threads_at_once_get_what_one_gets(model: Model, plain: Exported) -> None:
    expected = model.log_prob(np.tile(plain.x, (4, 1)))
    samples = model.sample(3000, seed=0)
    failures: list[str] = []

    def work() -> None:
        for _ in range(5):
            if not np.array_equal(model.log_prob(np.tile(plain.x, (4, 1))), expected):
                failures.append("log_prob")
            if not np.array_equal(model.sample(3000, seed=0), samples):
                failures.append("sample")

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_model_survives_a_fork_with_its_threads(plain: Exported) -> None:
    model = flowexport.load(plain.path, device="cpu", threads=2)
    x = np.tile(plain.x, (4, 1))
    expected = model.log_prob(x)  # the threads are there before the fork
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, model.log_prob(x).tobytes()[:64] or b"nothing")
        os._exit(0)
    os.close(writer)
    found = os.read(reader, 64)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert found == expected.tobytes()[:64]


def test_a_model_can_be_sent_to_another_process(model: Model, plain: Exported) -> None:
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.log_prob(plain.x), model.log_prob(plain.x))


def test_a_float64_bundle_is_exact(tmp_path: Any) -> None:
    case = exported(tmp_path / "double", features=3, dtype="float64")
    model = flowexport.load(case.path, device="cpu")
    found = model.log_prob(case.x)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, exact_log_prob(case, case.x), rtol=1e-12)
    z = normals(0, 0, 30).reshape(10, 3)
    np.testing.assert_allclose(model.sample(10, seed=0), exact_sample(case, z), rtol=1e-10)


def test_without_data_a_bundle_has_no_percentiles(tmp_path: Any) -> None:
    flow = small_flow(features=2)
    flowexport.export(flow, tmp_path / "bundle")
    model = flowexport.load(tmp_path / "bundle", device="cpu")
    assert model.manifest.reference is None
    with pytest.raises(BundleError, match="reference"):
        model.percentile(np.zeros(1))
    x, _ = rows_of(flow, 10)
    assert model.log_prob(x).shape == (10,)


def test_auto_says_which_device_it_took(plain: Exported) -> None:
    model = flowexport.load(plain.path, device="auto")
    assert str(model.device) == ("cpu" if cuda_fault(0) else "cuda:0")


@pytest.mark.skipif(cuda_fault(0) is None, reason="there is a GPU here: nothing to refuse")
@pytest.mark.parametrize(("device", "named"), [("cuda", "cuda:0"), ("cuda:0", "cuda:0"), ("cuda:1", "cuda:1")])
def test_cuda_that_cannot_be_had_is_refused_with_the_reason(plain: Exported, device: str, named: str) -> None:
    with pytest.raises(DeviceError, match=f"device {named} cannot be had: .*(driver|CPU's)"):
        flowexport.load(plain.path, device=device)


def test_a_cuda_session_that_falls_back_is_refused(plain: Exported) -> None:
    """Past the driver's word too: ONNX Runtime itself must not fall back to the CPU in silence."""
    from flowexport.bundle import open_bundle
    from flowexport.runtime.device import Device, open_session

    if cuda_fault(0) is None:
        pytest.skip("there is a GPU here: nothing to refuse")
    data, _ = open_bundle(plain.path).graph("log_prob")
    with pytest.raises(DeviceError, match="cuda:0"):
        open_session(data, Device("cuda"), "log_prob.onnx")


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cpu:1", "", "CUDA"])
def test_a_device_that_does_not_exist_is_refused(device: str) -> None:
    with pytest.raises(ArgumentError, match="device"):
        resolve(device)


@pytest.mark.parametrize("threads", [0, -1, 1.5, True])
def test_threads_that_cannot_be_are_refused(plain: Exported, threads: Any) -> None:
    with pytest.raises(ArgumentError, match="threads"):
        flowexport.load(plain.path, device="cpu", threads=threads)


def test_threads_are_those_that_the_process_may_use(plain: Exported) -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system has no affinity")
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert available_threads() == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.cuda
@pytest.mark.parametrize("rows", [0, 1, 7, 5000])
def test_cuda_gives_the_flows_numbers(plain: Exported, rows: int) -> None:
    model = flowexport.load(plain.path, device="cuda")
    x = np.resize(plain.x, (rows, 2)).astype(np.float32)
    np.testing.assert_allclose(model.log_prob(x), exact_log_prob(plain, x), **NATS)
    assert flowexport.verify(plain.path, device="cuda").passed


@pytest.mark.slow
def test_ten_million_rows_in_bounded_memory(plain: Exported) -> None:
    """Beyond the input and the output, 64 MiB."""
    import resource

    model = flowexport.load(plain.path, device="cpu")
    x = np.zeros((10_000_000, 2), np.float32)
    x[:] = plain.x[0]
    model.log_prob(x[:5000])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = model.log_prob(x)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 <= found.nbytes + (64 << 20)
    np.testing.assert_allclose(found[[0, -1]], exact_log_prob(plain, x[:1])[0], **NATS)
