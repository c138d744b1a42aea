"""A model: shapes, errors by their code, and the same rows whatever the pieces."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Tampered
from flowbundle import BundleError, InputError, Model, normals
from flowbundle.categories import code_of
from flowbundle.manifest import ContextFeature
from flowbundle.model import Floats, check_codes


@pytest.fixture
def model(banana: Path) -> Model:
    return Model(banana)


def test_log_prob_of_rows(model: Model) -> None:
    x = model.sample(3000, 0)
    found = model.log_prob(x)
    assert found.shape == (3000,)
    assert found.dtype == np.float32
    np.testing.assert_allclose(model.log_prob(x[2000:2001]), found[2000:2001], atol=1e-4)
    assert model.log_prob(np.empty((0, 2))).shape == (0,)
    # x2 ~ N(0, 4), x1 | x2 ~ N(x2² / 4, 1), which the model has learnt
    exact = -0.5 * (x[:, 1] ** 2 / 4 + (x[:, 0] - x[:, 1] ** 2 / 4) ** 2) - np.log(4 * np.pi)
    assert abs(np.mean(found - exact)) < 0.01


def test_numbers_of_any_type_are_taken(model: Model) -> None:
    expected = model.log_prob(np.ones((4, 2), np.float32))
    for given in (np.ones((4, 2)), np.ones((4, 2), int), [[1, 1]] * 4, np.asfortranarray(np.ones((4, 2), np.float32))):
        np.testing.assert_array_equal(model.log_prob(given), expected)


@pytest.mark.parametrize(
    ("x", "context", "code"),
    [
        (np.zeros((4, 3)), None, "wrong_shape"),
        (np.zeros(2), None, "wrong_shape"),
        (np.float32(0), None, "wrong_shape"),
        ([[1.0, 2.0], [3.0]], None, "wrong_shape"),
        (np.zeros((4, 2)), np.zeros((4, 1)), "wrong_shape"),
        ([["a", "b"]], None, "wrong_dtype"),
        (np.zeros((4, 2), complex), None, "wrong_dtype"),
    ],
)
def test_what_does_not_fit_is_told_apart(model: Model, x: Any, context: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        model.log_prob(x, context)
    assert caught.value.code == code


def test_samples_are_the_map_of_the_noise(model: Model) -> None:
    z = normals(2**63 + 5, 0, 6).reshape(3, 2)
    np.testing.assert_array_equal(model.sample(3, 2**63 + 5), model.sample_from(z))
    np.testing.assert_array_equal(model.sample(3, 2**63 + 5, 0.7), model.sample_from(z * np.float32(0.7)))
    np.testing.assert_allclose(model.sample(2100, 1)[:10], model.sample(10, 1), atol=1e-5)
    assert model.sample(0, 0).shape == (0, 2)
    np.testing.assert_allclose(model.sample(3, 1, first=2000), model.sample(2100, 1)[2000:2003], atol=1e-5)


@pytest.mark.parametrize(
    ("column", "label", "found"),
    [
        ("cut", " good ", 1),
        ("grade", "10.0", 2),
        ("grade", "01", 0),
        ("grade", "1e1", 2),
        ("cut", "0", "unknown_category"),
        ("cut", "", "unknown_category"),
        ("grade", "0", "unknown_category"),
        ("grade", "nan", "unknown_category"),
        ("angle", "1", "wrong_value"),
    ],
)
def test_a_category_is_known_by_its_label(column: str, label: str, found: int | str) -> None:
    columns = [
        ContextFeature("cut", ("fair", "good")),
        ContextFeature("grade", ("1", "2", "10")),
        ContextFeature("angle", None),
    ]
    if isinstance(found, int):
        assert code_of(columns, column, label) == found
        return
    with pytest.raises(InputError) as caught:
        code_of(columns, column, label)
    assert caught.value.code == found


def test_a_selector_takes_no_temperature(tampered: Tampered) -> None:
    tampered.set("selector", True)
    z = normals(4, 0, 6).reshape(3, 2)
    z[:, 0] *= np.float32(0.5)
    model = Model(tampered.path)
    np.testing.assert_array_equal(model.sample(3, 4, 0.5), model.sample_from(z))


@pytest.mark.parametrize("code", [-1, 0.5, 3, np.nan, np.inf])
def test_a_code_of_no_category_is_refused(code: float) -> None:
    check_codes(np.array([0, 1, 2], np.float32), "cut", 3)
    with pytest.raises(InputError, match="context: cut: expected a code from 0 to 2") as caught:
        check_codes(np.array([0, code], np.float32), "cut", 3)
    assert caught.value.code == "unknown_category"


@pytest.mark.parametrize(
    "arguments", [(-1, 0, 1.0), (1, -1, 1.0), (1, 2**64, 1.0), (1, 0, -0.5), (1, 0, 1e39), (1, 0, float("nan"))]
)
def test_an_argument_that_cannot_be_is_refused(model: Model, arguments: Any) -> None:
    with pytest.raises(InputError, match="out of range"):
        model.sample(*arguments)


def test_percentiles_are_linear_between_the_quantiles(model: Model) -> None:
    quantiles = model.manifest.quantiles
    assert quantiles is not None
    between = (quantiles[40] + quantiles[41]) / 2
    found = model.percentile([-np.inf, quantiles[0], between, quantiles[100], 99.0])
    np.testing.assert_allclose(found, [0, 0, 40.5, 100, 100])


def test_without_reference_rows_there_are_no_percentiles(tampered: Tampered) -> None:
    tampered.set("reference", None)
    with pytest.raises(BundleError, match=r"flow\.json: reference"):
        Model(tampered.path).percentile([0.0])


@pytest.mark.parametrize(("data", "words"), [(b"", "expected one graph"), (b"no graph", "not on the list")])
def test_what_is_no_graph_is_named(tampered: Tampered, data: bytes, words: str) -> None:
    tampered.write("sample.onnx", data)
    with pytest.raises(BundleError, match=rf"sample\.onnx: .*{words}"):
        Model(tampered.path)


def test_a_graph_of_the_other_direction_is_refused(tampered: Tampered) -> None:
    tampered.write("log_prob.onnx", (tampered.path / "sample.onnx").read_bytes())
    with pytest.raises(BundleError, match=r"log_prob\.onnx: graphs\.log_prob: its tensors are"):
        Model(tampered.path)


@pytest.mark.parametrize(("held", "other"), [("log_prob", "sample"), ("sample", "log_prob")])
def test_a_bundle_of_one_direction_says_what_it_cannot_do(tampered: Tampered, held: str, other: str) -> None:
    tampered.set(f"graphs.{other}", KeyError)
    model = Model(tampered.path)
    calls: dict[str, list[Callable[[], Floats]]] = {
        "log_prob": [lambda: model.log_prob(np.zeros((1, 2)))],
        "sample": [lambda: model.sample(0, 0), lambda: model.sample_from(np.zeros((1, 2)))],
    }
    for call in calls[held]:
        assert np.isfinite(call()).all()
    for call in calls[other]:
        with pytest.raises(
            BundleError, match=rf"flow\.json: graphs: the bundle holds {held} alone, and no {other}, so it"
        ):
            call()


def test_a_model_serves_several_threads(model: Model) -> None:
    x = model.sample(2000, 0)
    expected, found = model.log_prob(x), {}

    def work(number: int) -> None:
        found[number] = all(np.array_equal(model.log_prob(x), expected) for _ in range(20))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(4), True)
