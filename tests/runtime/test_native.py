"""The prebuilt kernel behind the door: proved like ONNX Runtime, taken by auto, passed over where it cannot."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import flowexport
from flowexport.errors import BundleError, EngineError, InputError, MissingExtra
from flowexport.runtime import native
from tests.conftest import Exported, rows_of, small_flow
from tests.native.golden import VECTORS, zoo
from tests.native.kernel import LEVELS, kernel

IMAGES = zoo("digits").path


@pytest.mark.parametrize("which", ["plain", "conditional"])
def test_every_check_holds_that_holds_for_onnx_runtime(which: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(which).path
    ours, theirs = (flowexport.verify(path, device="cpu", engine=name) for name in ("native", "onnxruntime"))
    assert ours.passed, ours.fault()
    assert [(check.name, check.subject, check.status) for check in ours.checks] == [
        (check.name, check.subject, check.status) for check in theirs.checks
    ]
    assert ours.checks[-1].detail == LEVELS[0]


@pytest.mark.parametrize("name", VECTORS)
def test_scores_and_samples_are_those_of_onnx_runtime(name: str) -> None:
    ours, theirs = (flowexport.load(zoo(name).path, "cpu", engine=engine) for engine in ("native", "onnxruntime"))
    context = None
    if ours.context_size:
        columns = [[0] if feature.categories is None else [1] for feature in ours.context_features]
        context = np.concatenate(columns).astype(np.float64)
    x = theirs.sample(3000, context, seed=2)
    scale = np.array(ours.manifest.scale)
    np.testing.assert_allclose(ours.sample(3000, context, seed=2) / scale, x / scale, atol=2e-3)
    np.testing.assert_allclose(ours.log_prob(x, context), theirs.log_prob(x, context), rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(ours.log_prob(x[:0], context), theirs.log_prob(x[:0], context))


def test_auto_takes_it_where_it_can_and_says_why_where_it_cannot(plain: Exported) -> None:
    assert flowexport.load(plain.path, "cpu").engine.name == "native"
    images = flowexport.load(IMAGES, "cpu").engine
    assert images.name == "onnxruntime"
    assert "native on cpu cannot" in images.why
    with pytest.raises(EngineError, match="vectors of float32"):
        flowexport.load(IMAGES, engine="native")


def test_without_the_package_auto_is_onnx_runtime_and_says_which_extra_brings_it(
    plain: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    native.kernel_module.cache_clear()
    monkeypatch.setitem(sys.modules, "flowexport_native", None)
    with pytest.raises(MissingExtra, match=r"pip install 'flowexport\[native\]'"):
        flowexport.load(plain.path, engine="native")
    engine = flowexport.load(plain.path, "cpu").engine
    assert engine.name == "onnxruntime"
    assert "flowexport[native]" in engine.why
    native.kernel_module.cache_clear()


def test_a_model_is_used_from_several_threads_at_once(plain: Exported) -> None:
    model = flowexport.load(plain.path, "cpu", threads=2, engine="native")
    expected = model.log_prob(plain.x)
    found: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: found.extend(model.log_prob(plain.x) for _ in range(50))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 200
    for each in found:
        np.testing.assert_array_equal(each, expected)


def test_it_needs_neither_onnx_runtime_nor_torch(plain: Exported) -> None:
    program = (
        "import sys, numpy, flowexport\n"
        f"model = flowexport.load({str(plain.path)!r}, 'cpu', engine='native')\n"
        "assert numpy.isfinite(model.log_prob(model.sample(7, seed=0))).all()\n"
        "assert not {'onnxruntime', 'onnx', 'torch'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize("level", LEVELS)
def test_an_instruction_set_is_named_by_the_environment(
    plain: Exported, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(native.LEVEL, level)
    native.kernel_module.cache_clear()
    try:
        report = flowexport.verify(plain.path, engine="native")
    finally:
        monkeypatch.delenv(native.LEVEL)
        native.kernel_module.cache_clear()
        # It is the process's: other tests compare with processes that have the best.
        kernel().level(LEVELS[0])
    assert report.passed, report.fault()
    assert report.checks[-1].detail == level


def test_the_quick_way_says_what_the_long_one_says(plain: Exported) -> None:
    """Rows as they are go straight to the kernel; the same in another type, order or number take the long way round."""
    model = flowexport.load(plain.path, "cpu", threads=1, engine="native")
    x = plain.x[:1000].astype(np.float32)
    x[3], x[5], x[7] = np.nan, [np.inf, 0], [3e38, -3e38]
    expected = model.log_prob(x.astype(np.float64))
    assert np.isnan(expected[3])
    assert (expected[[5, 7]] == -np.inf).all()
    np.testing.assert_array_equal(model.log_prob(x), expected)
    np.testing.assert_array_equal(model.log_prob(np.asfortranarray(x)), expected)
    one = np.array([model.log_prob(row[None])[0] for row in x])
    np.testing.assert_allclose(one, expected, rtol=1e-5, atol=1e-4)
    many = np.resize(x, (3000, 2))
    np.testing.assert_allclose(model.log_prob(many), np.resize(expected, 3000), rtol=1e-5, atol=1e-4)
    assert model.log_prob(x[:0]).shape == (0,)


@pytest.mark.parametrize("temperature", [1.0, 0.3])
@pytest.mark.parametrize("name", ["mixture", "banana"])
def test_noise_made_in_the_kernel_is_that_of_the_contract(name: str, temperature: float) -> None:
    """Any slice of a draw; the last latent of a mixture has no temperature."""
    ours, theirs = (flowexport.load(zoo(name).path, "cpu", engine=engine) for engine in ("native", "onnxruntime"))
    expected = theirs.sample(3000, seed=2**64 - 1, temperature=temperature)
    np.testing.assert_allclose(ours.sample(3000, seed=2**64 - 1, temperature=temperature), expected, atol=1e-3)
    for rows in (range(0, 1), range(1234, 1300), range(5, 2905)):
        parts = list(ours.iterate_samples(3000, seed=2**64 - 1, temperature=temperature, rows=rows))
        np.testing.assert_allclose(np.concatenate(parts), expected[rows.start : rows.stop], atol=1e-3)


@pytest.mark.parametrize("name", ["noisy_ring", "diamonds"])
def test_a_context_goes_the_quick_way_too_and_is_held_to_its_codes(name: str) -> None:
    model = flowexport.load(zoo(name).path, "cpu", threads=1, engine="native")
    x = model.sample(50, np.ones(model.context_size), seed=0)
    context = np.ones((50, model.context_size), np.float32)
    expected = model.log_prob(x.astype(np.float64), context.astype(np.float64))
    np.testing.assert_array_equal(model.log_prob(x, context), expected)
    score = model.engine.quick.score
    assert score is not None
    np.testing.assert_array_equal(score(x, context), expected)
    np.testing.assert_allclose(score(x[:1], context[0]), expected[:1], rtol=1e-5, atol=1e-4)
    for wrong in (None, context[:49], context[0], context.astype(np.float64), context.tolist()):
        assert score(x, wrong) is None
    with pytest.raises(InputError, match="this model needs"):
        model.log_prob(x)
    coded = [column for column, feature in enumerate(model.context_features) if feature.categories]
    for code in (-1, 0.5, 99, np.nan):
        for column in coded:
            wrong = context.copy()
            wrong[7, column] = code
            assert score(x, wrong) is None
            with pytest.raises(InputError, match="context: row 8"):
                model.log_prob(x, wrong)


def test_a_context_where_none_is_expected_is_refused_as_ever(plain: Exported) -> None:
    model = flowexport.load(plain.path, "cpu", engine="native")
    with pytest.raises(InputError, match="this model takes none"):
        model.log_prob(np.zeros((3, 2), np.float32), np.zeros((3, 1), np.float32))


@pytest.mark.parametrize("verb", ["log_prob", "sample_from"])
def test_rows_on_an_odd_byte_of_a_message_are_taken(plain: Exported, verb: str) -> None:
    call = getattr(flowexport.load(plain.path, "cpu", engine="native"), verb)
    x = plain.x[:20].astype(np.float32)
    odd = np.frombuffer(b"\0" + x.tobytes(), np.float32, offset=1).reshape(x.shape)
    assert not odd.flags.aligned
    np.testing.assert_array_equal(call(odd), call(x))


def test_export_proves_a_bundle_in_the_engine_that_other_languages_have(tmp_path: Path) -> None:
    flow = small_flow(features=2)
    report = flowexport.export(flow, tmp_path / "bundle", rows_of(flow)[0])
    assert report.engine == "onnxruntime"


@pytest.mark.parametrize("graph", ["log_prob", "sample"])
def test_a_bundle_of_one_direction_has_its_quick_way(graph: str, tmp_path: Path) -> None:
    flowexport.export(small_flow(features=2), tmp_path / "half", graphs=[graph])
    ours, theirs = (flowexport.load(tmp_path / "half", "cpu", engine=name) for name in ("native", "onnxruntime"))
    quick = ours.engine.quick
    assert (quick.score is not None, quick.draw is not None) == (graph == "log_prob", graph == "sample")
    verbs = {
        "log_prob": lambda model: model.log_prob(np.ones((9, 2), np.float32)),
        "sample": lambda model: model.sample(9, seed=1),
    }
    held = verbs.pop(graph)
    np.testing.assert_allclose(held(ours), held(theirs), rtol=1e-4, atol=1e-4)
    (missing,) = verbs.values()
    with pytest.raises(BundleError, match=f"holds {graph} alone"):
        missing(ours)
