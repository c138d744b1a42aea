"""Contexts with categories, and mixtures: names become codes, what is none is refused before anything runs."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import flowexport
from flowexport.errors import ArgumentError, BundleError, InputError
from flowexport.flows import RealNVP
from flowexport.runtime import Model, normals
from tests.conftest import small_flow

CUTS = ["fair", "good", "ideal"]
COLUMNS = [{"name": "cut", "categories": CUTS}, "angle", {"name": "color", "categories": ["D", "0", "1, rare"]}]
NATS = {"atol": 1e-4, "rtol": 1e-5}


def graded_flow() -> RealNVP:
    """Two features given a one-hot column, a number and an embedded column, with a mixture at the end."""
    flow = small_flow(
        features=2,
        context=3,
        categories=[3, 0, 3],
        embeddings=[0, 0, 2],
        base={"name": "GaussianMixture", "components": 3},
        transforms=2,
    )
    flow.standardize_context.fit(torch.tensor([0.0, 2.0, 0.0]), torch.tensor([1.0, 3.0, 1.0]))
    return flow


@pytest.fixture(scope="module")
def flow() -> RealNVP:
    return graded_flow()


@pytest.fixture(scope="module")
def model(flow: RealNVP, tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("graded") / "bundle"
    flowexport.export(flow, path, context_features=COLUMNS)
    return flowexport.load(path, device="cpu")


def exact(flow: RealNVP, x: np.ndarray, context: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        given = torch.from_numpy(np.broadcast_to(context, (len(x), 3)).astype(np.float64))
        return copy.deepcopy(flow).double().log_prob(torch.from_numpy(x).double(), given).numpy()


ROWS = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)

SPELLINGS: dict[str, Any] = {
    "names": ["ideal", 0.5, "D"],
    "codes": [2, 0.5, 0],
    "an array of texts": np.array(["ideal", "0.5", "D"]),
    "a mapping": {"cut": "ideal", "angle": 0.5, "color": "D"},
    "a mapping in another order, of codes": {"color": 0, "angle": np.float32(0.5), "cut": 2.0},
    "codes as text": ["2", " 0.5 ", " D "],
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_context_by_name_or_by_code_is_the_flows(model: Model, flow: RealNVP, spelling: str) -> None:
    given = SPELLINGS[spelling]
    assert model.context(given).tolist() == [2, 0.5, 0]
    np.testing.assert_allclose(model.log_prob(ROWS, given), exact(flow, ROWS, np.array([2, 0.5, 0])), **NATS)
    np.testing.assert_array_equal(model.sample(4, given, seed=1), model.sample(4, [2, 0.5, 0], seed=1))


def test_a_name_that_is_another_categorys_code_is_a_name(model: Model) -> None:
    assert model.context(["fair", 0, "0"])[2] == 1
    assert model.context(["fair", 0, 0])[2] == 0
    assert model.context(["fair", 0, "1, rare"])[2] == 2
    with pytest.raises(InputError, match="column 'color' holds '2', not one of"):
        model.context(["fair", 0, "2"])  # a code, where a label is a number


def test_columns_of_a_mapping_are_joined_and_single_values_repeated(model: Model, flow: RealNVP) -> None:
    context = {"cut": ["fair", "ideal", "good", "good", "fair"], "angle": 1.5, "color": np.array(list("D1D0D"))}
    codes = model.context(context | {"color": ["D", "1, rare", "D", "0", "D"]})
    assert codes.tolist() == [[0, 1.5, 0], [2, 1.5, 2], [1, 1.5, 0], [1, 1.5, 1], [0, 1.5, 0]]
    np.testing.assert_allclose(model.log_prob(ROWS, codes), exact(flow, ROWS, codes), **NATS)
    x, log_prob = model.sample_and_log_prob(2, {"cut": ["fair", "ideal"], "angle": 0, "color": "D"}, seed=0)
    np.testing.assert_array_equal(log_prob, model.log_prob(x, [[0, 0, 0], [0, 0, 0], [2, 0, 0], [2, 0, 0]]))


def test_every_category_has_its_own_density(model: Model, flow: RealNVP) -> None:
    found = {(cut, color): model.log_prob(ROWS, [cut, 0, color]) for cut in range(3) for color in range(3)}
    for context, log_prob in found.items():
        np.testing.assert_allclose(log_prob, exact(flow, ROWS, np.array([context[0], 0, context[1]])), **NATS)
    assert len({log_prob.tobytes() for log_prob in found.values()}) == 9


@pytest.mark.parametrize(
    ("context", "code", "words"),
    [
        (
            ["poor", 0, "D"],
            "unknown_category",
            "column 'cut' holds 'poor', not one of fair, good, ideal, nor a code from",
        ),
        (["Ideal", 0, "D"], "unknown_category", "'Ideal'"),
        ([3, 0, 0], "unknown_category", "row 1, column 'cut' holds 3, not a code from 0 to 2"),
        ([-1, 0, 0], "unknown_category", "holds -1"),
        ([0.5, 0, 0], "unknown_category", "holds 0.5"),
        ([np.nan, 0, 0], "unknown_category", "holds nan"),
        ([[0, 0, 0], [1, 0, 0], [0, 0, 7], [0, 0, 8], [0, 0, 0]], "unknown_category", "row 3, column 'color' holds 7"),
        (["fair", "steep", "D"], "wrong_dtype", "column 'angle' holds 'steep', not a finite number"),
        (["fair", None, "D"], "wrong_dtype", "column 'angle' holds None"),
        (["fair", 0], "wrong_shape", r"(cut, angle, color)"),
        ([["fair", 0, "D"], ["fair"]], "wrong_shape", "different lengths"),
        ("fair", "wrong_shape", "cut, angle, color"),
        ({"cut": "fair", "angle": 0}, "missing_context", "no value of 'color'"),
        ({"cut": ["fair"] * 2, "angle": [0] * 3, "color": "D"}, "wrong_shape", "different lengths"),
        (None, "missing_context", "3 context features (cut, angle, color)"),
    ],
)
def test_what_is_no_context_is_refused_before_the_session_runs(
    model: Model, monkeypatch: pytest.MonkeyPatch, context: Any, code: str, words: str
) -> None:
    monkeypatch.setattr(model, "graphs", None)
    for call in (
        lambda: model.log_prob(ROWS, context),
        lambda: model.sample(2, context),
        lambda: model.context(context),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code
        assert words in str(caught.value)


def test_an_unknown_code_is_found_far_into_the_rows(model: Model) -> None:
    context = np.zeros((200_000, 3), np.float32)
    context[140_000, 2] = 3
    with pytest.raises(InputError, match="row 140001, column 'color' holds 3"):
        model.log_prob(np.zeros((200_000, 2), np.float32), context)


def test_a_mixtures_last_noise_chooses_the_component_and_has_no_temperature(model: Model, flow: RealNVP) -> None:
    assert model.manifest.selector is True
    assert (model.latent_size, model.event_shape) == (3, (2,))
    z = normals(5, 0, 3 * 400).reshape(400, 3)
    z[:, :2] *= np.float32(0.1)
    context = np.array([1.0, -2.0, 2.0])
    with torch.no_grad():
        given = torch.from_numpy(np.broadcast_to(context, (400, 3)).copy())
        expected = copy.deepcopy(flow).double().sample_from(torch.from_numpy(z).double(), given).numpy()
        chosen = (torch.from_numpy(z[:, 2:]).double() > flow.base.thresholds().double()).sum(dim=1).bincount()
    found = model.sample(400, context, seed=5, temperature=0.1)
    np.testing.assert_allclose(found, expected, atol=1e-4 * expected.std(), rtol=1e-4)
    assert (chosen > 20).all()  # so that every component is met
    cold = model.sample(400, context, seed=5, temperature=0.0)
    assert len(np.unique(cold.round(4), axis=0)) == 3


# The export names them


def test_categories_without_names_are_called_by_their_codes(flow: RealNVP, tmp_path: Path) -> None:
    flowexport.export(flow, tmp_path / "bundle", context_features=["a", "b", "c"])
    features = flowexport.load(tmp_path / "bundle", device="cpu").context_features
    assert [(feature.name, feature.categories) for feature in features] == [
        ("a", ["0", "1", "2"]),
        ("b", None),
        ("c", ["0", "1", "2"]),
    ]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (["a", "b"], "context_features: expected 3 different names"),
        (["a", "a", "b"], "context_features: expected 3 different names"),
        ([{"name": "a", "categories": ["x", "y"]}, "b", "c"], "context_features[0]: 'a' has 3 different categories"),
        ([{"name": "a", "categories": ["x", "y", "x"]}, "b", "c"], "context_features[0]: 'a' has 3 different"),
        (
            ["a", {"name": "b", "categories": ["x", "y"]}, "c"],
            "context_features[1]: 'b' has no categories: it is a number",
        ),
        ([{"name": "a", "categories": ["x", "", "z"]}, "b", "c"], "context_features[0]: "),
        ([{"name": "a", "categories": [1, 2, 3]}, "b", "c"], "context_features[0]: "),
        ([{"name": 1}, "b", "c"], "context_features[0]: "),
    ],
)
def test_columns_that_do_not_fit_the_flow_are_refused(flow: RealNVP, tmp_path: Path, columns: Any, words: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        flowexport.export(flow, tmp_path / "bundle", context_features=columns)
    assert words in str(caught.value)


def test_codes_of_the_data_that_are_none_are_refused_at_the_export(flow: RealNVP, tmp_path: Path) -> None:
    context = np.zeros((5, 3))
    context[3, 0] = 4
    with pytest.raises(ArgumentError, match=r"context: row 4, column 'cut' holds 4, not a code from 0 to 2"):
        flowexport.export(flow, tmp_path / "bundle", ROWS, context, context_features=COLUMNS)


def test_a_step_of_what_is_no_feature_is_refused_at_the_export(flow: RealNVP, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="discrete: 'carats' is not a feature"):
        flowexport.export(flow, tmp_path / "bundle", discrete={"carats": 0.01})


# And the bundle keeps them


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda m: m["context_features"][0].update(categories=["a", "b", "a"]), "context_features[0].categories: 'a'"),
        (lambda m: m["context_features"][0].update(categories=["a", "b"]), "context_features: numbers of categories"),
        (lambda m: m["context_features"][0].pop("categories"), "context_features: numbers of categories"),
        (lambda m: m["context_features"][1].update(categories=["a", "b"]), "context_features: numbers of categories"),
        (lambda m: m.update(context_features=None), "context_features: numbers of categories"),
        (lambda m: m["context_features"][1].update(name="cut"), "'cut' is the name of two columns"),
        (lambda m: m["features"].__setitem__(0, "angle"), "'angle' is the name of two columns"),
        (lambda m: m["context_features"][0].update(categories=[1, 2, 3]), "context_features[0].categories[0]"),
        (lambda m: m["context_features"][0].update(categories=[]), "context_features[0].categories"),
        (
            lambda m: m["context_features"][0].update(categories=["a", "b", "x" * 256]),
            "context_features[0].categories[2]",
        ),
        (lambda m: m["context_features"][0].pop("name"), "`name`"),
        (lambda m: m["context_features"].__setitem__(0, "cut"), "context_features[0]"),
    ],
)
def test_a_bundle_whose_columns_contradict_each_other_is_refused(
    model: Model, tmp_path: Path, edit: Any, words: str
) -> None:
    from tests.planting import Planted

    planted = Planted(model.bundle.path, tmp_path / "bundle")
    planted.edit_manifest(edit)
    with pytest.raises(BundleError) as caught:
        flowexport.load(planted.path, device="cpu")
    assert words in str(caught.value)
    assert "flow.json" in str(caught.value)


def test_a_bundle_without_an_architecture_keeps_its_word_on_categories(model: Model, tmp_path: Path) -> None:
    from tests.planting import Planted

    planted = Planted(model.bundle.path, tmp_path / "bundle")
    planted.edit_manifest(lambda manifest: manifest.update(architecture={}))
    again = flowexport.load(planted.path, device="cpu")
    assert again.context(["ideal", 0, "D"]).tolist() == [2, 0, 0]


def test_the_golden_contexts_are_codes(model: Model) -> None:
    context = model.bundle.array("golden/context.npy")
    assert set(context[:, 0]) == set(context[:, 2]) == {0, 1, 2}
