"""Models trained in zuko, nflows and normflows: adopted and exported they say what their own library says."""

import copy
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import flowexport
from flowexport.errors import ArgumentError, CheckFailed
from flowexport.flows import CouplingFlow, RealNVP, architecture_of, build
from flowexport.interop import nflows, original
from flowexport.lowering import lower
from flowexport.lowering.passes import PASSES
from flowexport.runtime import normals
from tests.lowering.programs import assert_same, of_flow, of_program

from .trained import CASES, NORMFLOWS, STEPS, Trained, contexts, rows, train

Train = Callable[[str], Trained]
Bundle = Callable[[str], Path]

EXACT = {"rtol": 1e-12, "atol": 1e-12}

EXPORTED = (
    "zuko RealNVP",
    "zuko NICE, context, random masks, LayerNorm",
    "zuko coupling NSF",
    "nflows SimpleRealNVP",
    "nflows SimpleRealNVP, volume preserving, batch norm",
    "nflows splines, permutations, LU",
    "normflows blocks, exp",
    "normflows blocks, sigmoid",
    "normflows MaskedAffineFlow",
    "normflows split and merge",
)
"""Each library, each univariate map, and each layer that a fold works on."""

ONE_EACH = (
    "zuko NICE, context, random masks, LayerNorm",
    "nflows splines, permutations, LU",
    "normflows blocks, sigmoid",
)
"""Of each library the one with the most layers of its own; the others' exports take a minute."""

TRAINED_ON = (
    "zuko RealNVP",
    "zuko NICE, context, random masks, LayerNorm",
    "nflows splines, permutations, LU",
    "normflows blocks, exp",
)
"""Each library, a context, ActNorm; BatchNorm's moments move whatever the learning rate."""


def asked(model: Trained, count: int = 500) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Held-out data, noise and contexts, in float64."""
    context = contexts(count, model.context, seed=5)
    noise = torch.randn(count, model.features, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    return rows(count, model.features, seed=4).double(), noise, None if context is None else context.double()


@pytest.mark.parametrize("name", CASES)
def test_the_library_has_trained_it(name: str, trained: Train) -> None:
    model = trained(name)
    assert STEPS >= 200
    assert model.after < model.before - 0.3


@torch.no_grad()
@pytest.mark.parametrize("name", CASES)
def test_the_same_density_and_samples_as_in_the_library(name: str, trained: Train) -> None:
    model = trained(name)
    exact = model.exact()
    flow = model.library.adopt(exact)
    x, noise, context = asked(model)
    sample = model.library.sample(exact, noise, context)
    torch.testing.assert_close(flow.sample_from(noise, context), sample, **EXACT)
    for points in (x, sample):
        log_prob = model.library.log_prob(exact, points, context)
        torch.testing.assert_close(flow.log_prob(points, context), log_prob, **EXACT)


@torch.no_grad()
@pytest.mark.parametrize("name", CASES)
def test_float32_weights_stay_float32_and_differ_by_rounding(name: str, trained: Train) -> None:
    model = trained(name)
    flow = model.library.adopt(model.module)
    assert {parameter.dtype for parameter in flow.parameters()} == {torch.float32}
    x, _, context = asked(model)
    expected = model.library.log_prob(model.exact(), x, context)
    torch.testing.assert_close(flow.double().log_prob(x, context), expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", CASES)
def test_an_adopted_flow_is_built_again_from_its_name(name: str, trained: Train) -> None:
    model = trained(name)
    flow = model.library.adopt(model.exact())
    again = build(json.loads(json.dumps(architecture_of(flow)))).double().eval()
    again.load_state_dict(flow.state_dict())
    x, _, context = asked(model)
    assert torch.equal(again.log_prob(x, context), flow.log_prob(x, context))


@pytest.mark.parametrize("name", TRAINED_ON)
def test_an_adopted_flow_is_trained_on_from_the_density_that_was_adopted(name: str, trained: Train) -> None:
    model = trained(name)
    flow = model.library.adopt(model.module)
    again = build(architecture_of(flow))
    again.load_state_dict(flow.state_dict())
    x, context = rows(400, model.features, seed=4), contexts(400, model.context, seed=5)
    with torch.no_grad():
        expected = -float(model.library.log_prob(model.module, x, context).mean())
    for each in (flow, again):
        # A learning rate that moves nothing, so that what is evaluated first is where training starts.
        (first,) = flowexport.fit(each, x, context, epochs=1, learning_rate=1e-12, validation=0)
        assert first.validation_nll == pytest.approx(expected, abs=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("name", CASES)
def test_its_program_and_every_pass_say_the_same(name: str, trained: Train) -> None:
    model = trained(name)
    flow = model.library.adopt(model.exact())
    given = asked(model)
    expected, program = of_flow(flow, *given), lower(flow)
    assert_same(of_program(program, *given), expected)
    for each in PASSES:
        program = each(program)
        assert_same(of_program(program, *given), expected, each.__name__)


def test_what_is_a_realnvp_becomes_one(trained: Train) -> None:
    for name in CASES:
        model = trained(name)
        flow = model.library.adopt(model.module)
        stacks = ("nflows splines", "nflows mixed", "normflows")
        assert type(flow) is (CouplingFlow if name.startswith(stacks) else RealNVP), name


@pytest.mark.parametrize("name", ["nflows mixed layers", "normflows blocks, exp", "zuko RealNVP"])
def test_the_original_is_neither_changed_nor_shared(name: str, trained: Train) -> None:
    model = trained(name)
    before = copy.deepcopy(model.module.state_dict())
    training = model.module.training
    flow = model.library.adopt(model.module)
    assert model.module.training == training
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.module.state_dict().items())
    theirs = {parameter.data_ptr() for parameter in model.module.parameters()}
    assert not theirs & {parameter.data_ptr() for parameter in flow.parameters()}


def test_an_adopted_flow_can_be_trained_on(trained: Train) -> None:
    model = trained("nflows splines, permutations, LU")
    flow = model.library.adopt(model.module)
    x = rows(1000, model.features, seed=8)
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
    losses = []
    for _ in range(20):
        loss = -flow.train().log_prob(x).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(parameter.grad is not None for parameter in flow.parameters())
    assert losses[-1] < losses[0]


# The bundle ----------------------------------------------------------------------------------------------


@torch.no_grad()
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in ONE_EACH else pytest.mark.slow) for name in EXPORTED]
)
def test_a_bundle_says_what_the_library_says(name: str, trained: Train, bundle: Bundle) -> None:
    model, exact = trained(name), trained(name).exact()
    loaded = flowexport.load(bundle(name), device="cpu")
    x, _, context = asked(model)
    x = x.float().double()
    expected = model.library.log_prob(exact, x, context).numpy()
    rows_of_context = None if context is None else context.float().numpy()
    measured = loaded.log_prob(x.float().numpy(), rows_of_context)
    assert (abs(measured - expected) <= 1e-4 + 1e-5 * abs(expected)).all()

    one = None if context is None else context[0].float()
    sample = loaded.sample(500, context=None if one is None else one.numpy(), seed=11)
    noise = torch.from_numpy(normals(11, 0, 500 * model.features).reshape(500, -1)).double()
    repeated = None if one is None else one.double().expand(500, -1)
    of_library = model.library.sample(exact, noise, repeated).numpy()
    assert (abs(sample - of_library) <= 1e-4 * of_library.std(axis=0)).all()


def test_the_golden_cases_are_the_librarys_own_numbers(trained: Train, bundle: Bundle) -> None:
    name = "normflows blocks, sigmoid"
    model, path = trained(name), bundle(name)
    x = torch.from_numpy(np.load(path / "golden/tail_x.npy")).double()
    with torch.no_grad():
        expected = model.library.log_prob(model.exact(), x, None).numpy()
    assert (np.load(path / "golden/tail_log_prob.npy") == expected).all()
    assert flowexport.load(path).manifest.provenance["adopted_from"].startswith("normflows 1.")


@torch.no_grad()
def test_the_weights_in_a_bundle_build_the_flow_again(trained: Train, bundle: Bundle) -> None:
    path = bundle("nflows splines, permutations, LU")
    flow = build(flowexport.load(path).manifest.architecture)
    flow.load_state_dict(load_file(path / "model.safetensors"))
    model = trained("nflows splines, permutations, LU")
    x, _, _ = asked(model)
    expected = model.library.log_prob(model.exact(), x, None)
    torch.testing.assert_close(flow.double().eval().log_prob(x), expected, rtol=1e-5, atol=1e-5)


def test_a_bundle_that_differs_from_the_library_is_not_put_in_place(trained: Train, tmp_path: Path) -> None:
    model = trained("zuko additive")
    numbers = model.library.numbers(model.module)
    shifted = original.Original(
        numbers.library, numbers.features, 0, lambda x, c: numbers.log_prob(x, c) + 1e-3, numbers.sample_and_log_prob
    )
    with pytest.raises(CheckFailed, match="parity, log_prob"):
        flowexport.export(model.library.adopt(model.module), tmp_path / "bundle", original=shifted)
    assert list(tmp_path.iterdir()) == []


def test_a_library_that_computes_otherwise_is_found_out(trained: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nflows, "OFFSET", 2.001)
    model = trained("nflows SimpleRealNVP")
    with pytest.raises(ArgumentError, match=r"nflows 0\.14: the adopted flow's sample differs .* in float64"):
        model.library.adopt(model.module)


def test_a_diverged_model_is_refused(trained: Train) -> None:
    module = copy.deepcopy(trained("normflows MaskedAffineFlow").module)
    with torch.no_grad():
        next(module.parameters()).fill_(torch.nan)
    with pytest.raises(ArgumentError, match="NaN"):
        NORMFLOWS.adopt(module)


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize("name", CASES)
def test_every_case_after_a_thousand_steps(name: str, tmp_path: Path) -> None:
    model = train(name, 1000)
    numbers = model.library.numbers(model.module)
    x, context = rows(1200, model.features, seed=2), contexts(1200, model.context, seed=3)
    # Nothing bounds the scale: ten deviations out its density is exp(-1e72), of which float32 has no number.
    dtype = "float64" if name == "normflows blocks, exp" else "float32"
    flow = model.library.adopt(model.module)
    assert flowexport.export(flow, tmp_path / "bundle", x, context, original=numbers, dtype=dtype).passed
