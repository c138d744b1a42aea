"""Units: a flow that is trained by a loop of one's own learns its rows as `fit` does, and what cannot is said."""

import inspect
import warnings
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

import flowexport
from flowexport.errors import ArgumentError, DataError
from flowexport.flows import RealNVP
from flowexport.training import History, TrainingSpec

RNG = np.random.default_rng(0)
RAW = np.column_stack([5e3 + 40 * RNG.normal(size=400), np.exp(3 + 0.2 * RNG.normal(size=400))])
CONTEXT = np.column_stack([RNG.integers(0, 3, 400), 100 + RNG.normal(size=400)])
WEIGHTS = RNG.uniform(size=400)


def new_flow() -> RealNVP:
    torch.manual_seed(0)
    bounds = [(None, None), (0, None)]
    return RealNVP(2, context=2, categories=[3, 0], transforms=2, hidden_features=(8,), bounds=bounds)


def test_a_mean_that_fits_nothing_is_set_as_fit_sets_it() -> None:
    """Bounds, categories and weights respected."""
    own, fitted = new_flow(), new_flow()
    assert own.standardize_by(RAW, CONTEXT, WEIGHTS) is own
    flowexport.fit(fitted, RAW, CONTEXT, weights=WEIGHTS, validation=0, epochs=1, progress=False)
    for layer in ("standardize", "standardize_context"):
        for name, expected in getattr(fitted, layer).state_dict().items():
            np.testing.assert_allclose(getattr(own, layer).state_dict()[name], expected, rtol=1e-6, err_msg=name)
    assert own.standardize_context.mean[0] == 0
    assert own.standardize_context.scale[0] == 1


@pytest.mark.thorough
def test_a_loop_of_ones_own_gets_where_fit_gets() -> None:
    """Within half a nat of a Gaussian's NLL; without units it is nats away."""
    x = torch.tensor(RAW[:, :1] * [[1.0, 1e-3]] + [[0.0, 7.0]] + 0.01 * RNG.normal(size=(400, 2)), dtype=torch.float32)
    best = float(0.5 * np.linalg.slogdet(2 * np.pi * np.e * np.cov(x.numpy().T.astype(float)))[1])
    nlls = []
    for units in (True, False):
        torch.manual_seed(0)
        flow = RealNVP(2, transforms=2, hidden_features=(16,))
        if units:
            flow.standardize_by(x)
        optimizer = torch.optim.Adam(flow.parameters(), lr=1e-2)
        for _ in range(150):
            loss = -flow().log_prob(x).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        nlls.append(loss.item())
    assert nlls[0] < best + 0.5
    assert nlls[1] > best + 2


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.ones((5, 2)), "column 0 is constant"),
        (np.array([[1.0, np.nan], [2.0, 3.0]]), "column 1 is not finite"),
        (np.ones((5, 3)), r"expected \[rows, 2\]"),
        ([["a", "b"]], "array or a tensor"),
    ],
)
def test_units_of_rows_that_have_none_are_refused(x: object, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        RealNVP(2).standardize_by(x)


def test_an_export_of_raw_rows_without_units_warns(tmp_path: Path) -> None:
    flow = RealNVP(2, transforms=1, hidden_features=(4,))
    with pytest.warns(
        UserWarning,
        match=r"column 'x0' has mean 4999 and deviation 39.8, and the flow's units were never set",
    ):
        flowexport.export(flow, tmp_path / "raw", RAW)
    flow.standardize_by(RAW)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*never set")
        flowexport.export(flow, tmp_path / "raw", RAW)


@pytest.mark.parametrize("kind", ["masked", "dates", "complex", "texts"])
def test_fit_coerces_nothing(kind: str) -> None:
    x = {
        "masked": np.ma.masked_greater(RAW, 5e3),
        "dates": np.array([["2020-01-01", "2020-01-02"], ["2020-01-03", "2020-01-05"]], "datetime64[D]"),
        "complex": RAW + 1j,
        "texts": np.array([["1", "2"], ["3", "5"]]),
    }[kind]
    with pytest.raises(DataError, match="masked" if kind == "masked" else "expected numbers, got"):
        flowexport.fit(RealNVP(2), x, epochs=1)


def test_values_that_collapse_in_float32_are_said_by_column() -> None:
    times = 1.7e9 + np.arange(4000.0)
    x = np.column_stack([np.random.default_rng(0).normal(size=4000), times])
    left = len(np.unique(times.astype(np.float32)))
    with pytest.warns(UserWarning, match=rf"column 'x1': of 4000 different values float32 keeps {left} apart"):
        flowexport.fit(RealNVP(2, transforms=1, hidden_features=(4,)), x, epochs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flowexport.fit(RealNVP(2, transforms=1, hidden_features=(4,)), RAW, epochs=1)
        flowexport.fit(RealNVP(2, transforms=1, hidden_features=(4,)).double(), x, epochs=1)


def test_the_hyperparameters_of_fit_are_in_its_signature() -> None:
    found = inspect.signature(flowexport.fit).parameters
    for each in msgspec.structs.fields(TrainingSpec):
        assert found[each.name].default == each.default
    assert not any(each.kind is each.VAR_KEYWORD for each in found.values())
    assert list(inspect.signature(flowexport.export).parameters)[:4] == ["flow", "path", "data", "context"]


def test_progress_is_silent_where_nobody_looks_and_shown_where_it_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flow = RealNVP(2, transforms=1, hidden_features=(4,))
    history = flowexport.fit(flow, RAW, epochs=3)
    assert capsys.readouterr() == ("", "")
    assert isinstance(history, History)
    assert repr(history) == f"History(3 epochs, best {history.best.epoch}: NLL {history.best.validation_nll:.4f} nats)"
    assert history._repr_html_().count("<tr>") in (3, 4)
    flowexport.fit(flow, RAW, epochs=2, progress=True)
    assert capsys.readouterr().err.splitlines()[1].startswith("epoch 2 of 2: held-out NLL ")
    with pytest.raises(ArgumentError, match="progress"):
        flowexport.fit(flow, RAW, epochs=1, progress="always")
