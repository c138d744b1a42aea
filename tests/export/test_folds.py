"""A fold moves work into the weights and changes no number: 1e-12, relative, in float64."""

from itertools import permutations
from random import Random

import pytest
import torch
from torch import Tensor, nn

from flowexport.export.diagonals import fold_diagonals
from flowexport.export.folds import (
    FOLDS,
    fold_all,
    fold_context_scale,
    fold_elementwise,
    fold_embeddings,
    fold_identity,
    fold_linear,
    fold_masks,
    fold_univariates,
)
from flowexport.export.lean import DenseLinear, Diagonal, LeanFlow
from flowexport.export.univariates import ClampedAffine, UnitSpline
from flowexport.flows import (
    Affine,
    Flow,
    HalvesStack,
    Inverse,
    LULinear,
    Permutation,
    PerPart,
    RationalQuadraticSpline,
    SigmoidAffine,
    WholeStack,
)
from flowexport.flows.conditioner import MaskedConditioner
from flowexport.flows.diagonal import Elementwise
from tests.flows.cases import ALL, CASES, context, make, rows, standardised
from tests.reference_page import reference_flow


def units(name: str, own: bool = True) -> Flow:
    """A case, with random means and scales of its features and context unless ``own`` is False."""
    flow = make(name, seed=3)
    return standardised(flow) if own else flow


def numbers(lean: LeanFlow, x: Tensor, z: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
    return lean.log_prob(x, c), lean.sample(z, c)


def assert_same(measured: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor], after: str = "") -> None:
    """Relative to the number itself, and for numbers that cancel to nearly 0, to the largest of them.

    Arguments:
        after: what was done, for the message.
    """
    for one, other in zip(measured, expected, strict=True):
        close = {"rtol": 1e-12, "atol": 1e-12 * float(other.abs().max())}
        torch.testing.assert_close(one, other, **close, msg=lambda found: f"{after}: {found}")


@pytest.mark.parametrize("own", [True, False], ids=["in units of its own", "as built"])
@pytest.mark.parametrize("name", ALL)
def test_a_fold_changes_no_number(name, own):
    flow = units(name, own)
    x, z, c = rows(flow, 50), torch.randn(50, flow.latent_size, dtype=torch.float64), context(flow, 50)
    expected = numbers(LeanFlow(flow), x, z, c)
    for fold in [*FOLDS, fold_all]:
        lean = LeanFlow(flow)
        with torch.no_grad():
            fold(lean)
        assert_same(numbers(lean, x, z, c), expected, fold.__name__)


@pytest.mark.parametrize("name", ALL)
def test_the_lean_form_is_the_flow(name):
    flow = units(name)
    x, z, c = rows(flow, 50), torch.randn(50, flow.latent_size, dtype=torch.float64), context(flow, 50)
    expected = flow(c).log_prob(x).detach(), flow.sample_from(z, c).detach()
    assert_same(numbers(LeanFlow(flow), x, z, c), expected)
    assert_same(numbers(fold_all(LeanFlow(flow)), x, z, c), expected)


@pytest.mark.parametrize("name", ["standardised, context", "random masks, odd features, context"])
def test_any_two_folds_may_come_in_any_order(name):
    flow = units(name)
    x, z, c = rows(flow, 50), torch.randn(50, flow.latent_size, dtype=torch.float64), context(flow, 50)
    expected = numbers(LeanFlow(flow), x, z, c)
    for order in permutations(FOLDS, 2):
        lean = LeanFlow(flow)
        with torch.no_grad():
            for fold in order:
                fold(lean)
        assert_same(numbers(lean, x, z, c), expected, " then ".join(fold.__name__ for fold in order))


@pytest.mark.parametrize("name", ALL)
def test_the_folds_may_come_in_any_order(name):
    flow = units(name)
    x, z, c = rows(flow, 50), torch.randn(50, flow.latent_size, dtype=torch.float64), context(flow, 50)
    expected = numbers(LeanFlow(flow), x, z, c)
    order = list(FOLDS)
    for seed in range(3):
        Random(seed).shuffle(order)
        lean = LeanFlow(flow)
        with torch.no_grad():
            for fold in order:
                fold(lean)
        assert_same(numbers(lean, x, z, c), expected)


@pytest.mark.parametrize("name", ALL)
def test_folding_leaves_the_trained_flow_alone(name):
    flow = units(name)
    before = {key: tensor.clone() for key, tensor in flow.state_dict().items()}
    fold_all(LeanFlow(flow))
    assert all(torch.equal(tensor, before[key]) for key, tensor in flow.state_dict().items())
    assert all(parameter.requires_grad for parameter in flow.parameters())


# What each fold takes away


def kinds(lean: LeanFlow, attribute: str) -> set[type[nn.Module]]:
    return {type(getattr(coupling, attribute)) for coupling in lean.stack.couplings}


def folded(name: str, fold, own: bool = True) -> LeanFlow:
    lean = LeanFlow(units(name, own))
    with torch.no_grad():
        fold(lean)
    return lean


@pytest.mark.parametrize("name", [name for name in CASES if "random masks" in name])
def test_fold_masks_leaves_no_mask(name):
    assert kinds(LeanFlow(units(name)), "conditioner") == {MaskedConditioner}
    assert MaskedConditioner not in kinds(folded(name, fold_masks), "conditioner")


@pytest.mark.parametrize("name", CASES)
def test_fold_univariates_leaves_no_division_by_the_cap(name):
    assert kinds(LeanFlow(units(name)), "univariate") == {Affine}
    lean = folded(name, fold_univariates)
    assert kinds(lean, "univariate") == {ClampedAffine}
    for coupling in lean.stack.couplings:
        a = torch.tensor([0.0, 1.0, -3.0], dtype=torch.float64)
        _, log_det = coupling.univariate.forward_and_log_det(a, a, a)
        expected = torch.tensor([0.0, 0.5, -0.75], dtype=torch.float64) * Affine().cap
        torch.testing.assert_close(log_det, expected, rtol=1e-15, atol=0)


@pytest.mark.parametrize("name", CASES)
def test_fold_diagonals_moves_the_scale_from_the_entrance_to_the_base(name):
    flow = units(name)
    lean = LeanFlow(flow)
    assert lean.entrance is not None
    assert lean.exit is None
    fold_diagonals(lean)
    assert lean.entrance is None
    assert torch.equal(lean.exit, 1 / flow.standardize.scale)
    assert torch.equal(lean.mean, flow.standardize.mean)


@pytest.mark.parametrize("name", [name for name in CASES if make(name).context])
def test_fold_context_scale_leaves_only_the_contexts_mean(name):
    flow = units(name)
    assert LeanFlow(flow).context_entrance is not None
    lean = folded(name, fold_context_scale)
    assert lean.context_entrance is None
    assert torch.equal(lean.context_mean, flow.standardize_context.mean)


@pytest.mark.parametrize("name", [name for name in CASES if "standardised" not in name])
def test_fold_identity_leaves_out_what_does_nothing(name):
    lean = folded(name, fold_identity, own=False)
    assert lean.mean is lean.entrance is lean.context_mean is lean.context_entrance is None


@pytest.mark.parametrize("name", CASES)
def test_fold_identity_keeps_what_does_something(name):
    lean = folded(name, fold_identity)
    has_context = units(name).context > 0
    assert lean.mean is not None
    assert lean.entrance is not None
    assert (lean.context_mean is not None) == has_context
    assert (lean.context_entrance is not None) == has_context


@pytest.mark.parametrize("name", CASES)
def test_all_folds_leave_one_subtraction_at_the_entrance(name):
    lean = folded(name, fold_all)
    assert lean.entrance is lean.context_entrance is None
    assert lean.mean is not None
    assert MaskedConditioner not in kinds(lean, "conditioner")
    assert kinds(lean, "univariate") == {ClampedAffine}


def test_the_mean_is_not_folded_where_it_would_cost_digits():
    flow = make("default")
    mean, scale = torch.full((4,), 1e4, dtype=torch.float64), torch.ones(4, dtype=torch.float64)
    flow.standardize.fit(mean, scale)
    lean = fold_all(LeanFlow(flow)).float()
    x = mean + torch.randn(200, 4, dtype=torch.float64)
    x = x.float().double()  # what float32 can hold, so that only the arithmetic is judged
    torch.testing.assert_close(lean.log_prob(x.float()).double(), flow().log_prob(x), rtol=1e-6, atol=1e-5)


# Layers between couplings


def maps_of(lean: LeanFlow) -> list[nn.Module]:
    return [each for layer in lean.stack.layers if hasattr(layer, "maps") for each in layer.maps]


def folded_all(**arguments: object) -> tuple[LeanFlow, list[nn.Module]]:
    torch.manual_seed(0)
    flow = reference_flow(4, hidden_features=(8,), **arguments).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    x = torch.randn(200, 4, dtype=torch.float64)
    flow.train().log_prob(x)
    lean = fold_all(LeanFlow(standardised(flow.eval())))
    return lean, maps_of(lean)


@pytest.mark.parametrize("masks", ["alternating", "random"])
@pytest.mark.parametrize("normalization", ["ActNorm", "BatchNorm"])
@pytest.mark.parametrize("univariate", ["Affine", "Additive", "SigmoidAffine"])
def test_normalisations_leave_no_node_in_affine_flows(univariate, normalization, masks):
    lean, maps = folded_all(univariate=univariate, normalization=normalization, masks=masks, scaling=True)
    assert maps == []
    assert lean.entrance is None


def test_permutations_leave_one_gather_for_the_noise():
    lean, maps = folded_all(mixing="Permutation", normalization="ActNorm")
    assert maps == []
    assert lean.order is not None
    lean, _ = folded_all(mixing="Permutation", base={"name": "GaussianMixture", "components": 2})
    assert lean.order is not None


def test_linear_layers_take_in_the_scales_before_them():
    lean, maps = folded_all(mixing="LULinear", normalization="ActNorm")
    assert {type(each) for each in maps} == {DenseLinear}
    assert len(maps) == 2
    assert lean.entrance is None


def test_a_scale_stops_at_a_spline_and_nowhere_else():
    lean, maps = folded_all(univariate=RationalQuadraticSpline(4), normalization="ActNorm", masks="random")
    # One before each spline, which takes in the ActNorm of the one before, and one at the end.
    assert [type(each) for each in maps] == [Diagonal] * 4
    assert lean.exit is None


def test_a_mixture_takes_in_the_last_scale():
    lean, maps = folded_all(normalization="ActNorm", base={"name": "GaussianMixture", "components": 2})
    assert maps == []
    assert lean.exit is None


def test_an_embedding_becomes_columns_of_the_first_linear():
    torch.manual_seed(0)
    flow = reference_flow(3, context=2, categories=[5, 0], embeddings=[2, 0], hidden_features=(8,)).double()
    lean = LeanFlow(flow)
    before = {c.conditioner.trunk[0].in_features - 3 for c in lean.stack.couplings}
    with torch.no_grad():
        fold_embeddings(lean)
    after = {c.conditioner.trunk[0].weight.shape[1] for c in lean.stack.couplings}
    assert len(lean.encoder.tables) == 0
    assert max(after) == max(before) + 3 + 3


def test_folded_kinds_are_gone():
    for name in ALL:
        lean = fold_all(LeanFlow(units(name)))
        assert not any(isinstance(each, (Elementwise, LULinear, Permutation)) for each in lean.modules()), name
        for coupling in lean.stack.couplings:
            inner = coupling.univariate.univariate if isinstance(coupling.univariate, Inverse) else coupling.univariate
            assert not isinstance(inner, (Affine, SigmoidAffine)), name
            assert not isinstance(coupling.conditioner, MaskedConditioner), name


def test_fold_elementwise_and_fold_linear_put_log_determinants_into_the_constant():
    torch.manual_seed(0)
    flow = reference_flow(4, hidden_features=(8,), mixing="LULinear", base="DiagonalNormal").double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    lean = LeanFlow(flow)
    before = lean.constant.clone()
    with torch.no_grad():
        fold_linear(lean)
        fold_elementwise(lean)
    linear = [each for each in flow.modules() if isinstance(each, LULinear)]
    expected = sum(torch.linalg.slogdet(each.weight())[1] for each in linear)
    expected = expected + sum(-each.log_scale.sum() for each in flow.modules() if isinstance(each, Elementwise))
    torch.testing.assert_close(lean.constant - before, expected.detach(), rtol=1e-12, atol=1e-12)


def test_fold_splines_leaves_one_head_and_no_scale_between_splines():
    flow = reference_flow(
        features=5, transforms=6, hidden_features=(8,), univariate={"name": "RationalQuadraticSpline", "bound": 3.3}
    )
    lean = fold_all(LeanFlow(standardised(flow)))
    assert kinds(lean, "univariate") == {UnitSpline}
    assert all(list(coupling.conditioner.heads) == ["bins"] for coupling in lean.stack.couplings)
    # One scale at the entrance of each half, and none between splines.
    assert sum(isinstance(layer, PerPart) for layer in lean.stack.layers) == 2


@pytest.mark.parametrize("direction", ["forward_and_log_det", "inverse_and_log_det"])
def test_a_unit_spline_keeps_the_digits_of_the_middle(direction):
    """In float32, a rounding of numbers near a half costs 3e-8 each time; here they are near nought."""
    torch.manual_seed(0)
    spline = UnitSpline(RationalQuadraticSpline())
    x, raw = 0.2 * torch.rand(10_000, 1) - 0.1, 0.1 * torch.randn(10_000, 1, 4 * spline.bins)
    found = getattr(spline.float(), direction)(x, raw)[0]
    expected = getattr(UnitSpline(RationalQuadraticSpline()).double(), direction)(x.double(), raw.double())[0]
    assert (found - expected).abs().mean() < 2.5e-8


@pytest.mark.parametrize(
    ("features", "univariate", "stack"),
    [
        (16, "Affine", WholeStack),
        (16, {"name": "Inverse", "univariate": "Additive"}, WholeStack),
        (17, "Affine", HalvesStack),
        (4, "SigmoidAffine", HalvesStack),
        (4, "RationalQuadraticSpline", HalvesStack),
    ],
    ids=str,
)
def test_fold_halves_makes_one_tensor_of_what_is_short_and_affine(features, univariate, stack):
    flow = reference_flow(features, hidden_features=(8,), univariate=univariate)
    assert type(fold_all(LeanFlow(flow)).stack) is stack
