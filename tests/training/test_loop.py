"""Fitting in memory: it learns, stops early, keeps the best, and touches nothing that is the caller's."""

import math

import numpy as np
import pytest
import torch

import flowexport
from flowexport.errors import ArgumentError, DataError, TrainingError
from flowexport.flows import Flow
from flowexport.training import epoch, load_checkpoint, loop, train_recipe
from flowexport.training.data import make_rows
from flowexport.training.epoch import log_prob_of, nll_of, schedule
from flowexport.training.loop import TrainingSpec
from tests.flows.cases import CASES, make
from tests.reference_page import reference_flow

BANANA_ENTROPY = math.log(2 * math.pi * math.e) + math.log(2)
"""Of x2 ~ N(0, variance 4), x1 | x2 ~ N(x2^2 / 4, 1): two normals' entropies, nats."""


def banana(rows: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x2 = rng.normal(0, 2, rows)
    return np.stack([rng.normal(x2**2 / 4, 1), x2], axis=1)


def small(features: int = 2, seed: int = 0, **arguments: object) -> Flow:
    torch.manual_seed(seed)
    return reference_flow(features, **{"transforms": 2, "hidden_features": (8,)} | arguments)


def held_out_nll(flow: Flow, x: np.ndarray, fraction: float = 0.1, seed: int = 0) -> float:
    return -flow().log_prob(torch.from_numpy(make_rows(x).split(fraction, seed)[1].x).float()).mean().item()


def weights_of(flow: Flow) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in flow.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# Learning


@pytest.mark.thorough
def test_it_learns_the_banana_to_near_its_entropy():
    flow = small(transforms=4, hidden_features=(16,), activation="SiLU")
    epochs = flowexport.fit(flow, banana(4000), epochs=20, batch_size=128, learning_rate=1e-2)
    x = banana(20_000, seed=1)
    nll = -flow().log_prob(torch.from_numpy(x).float()).mean().item()
    true_nll = np.mean(0.5 * (x[:, 0] - x[:, 1] ** 2 / 4) ** 2 + x[:, 1] ** 2 / 8) + math.log(4 * math.pi)
    gaussian = 0.5 * math.log(np.linalg.det(2 * math.pi * math.e * np.cov(x.T)))
    assert true_nll == pytest.approx(BANANA_ENTROPY, abs=0.03)  # three standard errors of 20,000 rows
    assert -0.005 < nll - true_nll < 0.03
    assert nll < gaussian - 0.4
    assert epochs[-1].validation_nll < epochs[0].validation_nll


@pytest.mark.parametrize("name", CASES)
def test_every_flow_can_be_fitted(name):
    flow = make(name, dtype=torch.float32)
    rng = np.random.default_rng(0)
    x = rng.normal(5, 3, (200, 1)) + rng.normal(size=(200, flow.features))  # what each feature says of the others
    c = rng.normal(size=(200, flow.context)) if flow.context else None
    before = weights_of(flow)
    epochs = flowexport.fit(flow, x, c, epochs=5, batch_size=50, learning_rate=1e-2, schedule="constant")
    assert epochs[-1].training_nll < epochs[0].training_nll
    moved = [name for name, tensor in flow.state_dict().items() if not torch.equal(tensor, before[name])]
    assert {name for name, _ in flow.named_parameters()} <= set(moved)


def test_nll_is_in_the_units_of_the_data():
    # x in other units by 1000: the density is 1000 times smaller, in each of two features.
    x = banana(500)
    nlls = []
    for unit in (1.0, 1000.0):
        nlls.append([epoch.validation_nll for epoch in flowexport.fit(small(), x * unit, epochs=2)])
    np.testing.assert_allclose(np.subtract(*nlls[::-1]), 2 * math.log(1000), rtol=1e-5)


def test_standardisation_is_that_of_the_training_rows():
    x = banana(300) * [10, 1] + [1000, 0]
    flow = small().double()
    flowexport.fit(flow, x, epochs=1, validation=0.2, seed=7)
    training, _ = make_rows(x).split(0.2, 7)
    np.testing.assert_allclose(flow.standardize.mean.numpy(), training.x.mean(0), rtol=1e-12)
    np.testing.assert_allclose(flow.standardize.scale.numpy(), training.x.std(0), rtol=1e-12)


@pytest.mark.parametrize("context", [0, 1])
def test_a_trained_flow_is_trained_on_from_the_density_that_it_has(context):
    x, other = banana(300), banana(300, seed=1) * [2, 1] + [1, -1]
    c, other_c = (torch.arange(300.0)[:, None] / unit if context else None for unit in (300, 200))
    flow = small(context=context)
    flowexport.fit(flow, x, c, epochs=2)
    expected = -flow(other_c).log_prob(torch.from_numpy(other).float()).mean().item()
    units = {name: tensor for name, tensor in weights_of(flow).items() if "standardize" in name}
    # A learning rate that moves nothing, so that what is evaluated first is where training starts.
    (first,) = flowexport.fit(flow, other, other_c, epochs=1, learning_rate=1e-12, validation=0)
    assert first.validation_nll == pytest.approx(expected, rel=1e-5)
    assert len(units) == 3 + 3 * context
    assert all(torch.equal(flow.state_dict()[name], tensor) for name, tensor in units.items())


def test_a_flow_of_a_run_folder_is_trained_on_from_the_density_that_it_has(write_recipe, rows, tmp_path):
    flow = load_checkpoint(train_recipe(write_recipe(), tmp_path / "run").folder).flow
    other = rows * 2
    expected = -flow().log_prob(torch.from_numpy(other).float()).mean().item()
    (first,) = flowexport.fit(flow, other, epochs=1, learning_rate=1e-12, validation=0)
    assert first.validation_nll == pytest.approx(expected, rel=1e-5)


def test_returns_an_epoch_for_every_pass_in_order():
    seen = []
    epochs = flowexport.fit(small(), banana(300), epochs=4, on_epoch=seen.append)
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3, 4]
    assert seen == epochs
    assert all(epoch.gradient_norm > 0 and epoch.seconds > 0 for epoch in epochs)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy, lambda x: x.tolist()], ids=["numpy", "torch", "list"])
def test_rows_may_be_arrays_tensors_or_lists(kind):
    x = banana(100)
    flow, reference = small(), small()
    flowexport.fit(flow, kind(x), epochs=1)
    flowexport.fit(reference, x, epochs=1)
    assert same(flow.state_dict(), reference.state_dict())


# The best is kept


def overfitted() -> tuple[Flow, np.ndarray, list[loop.Epoch]]:
    """A flow trained until its held-out NLL has risen again."""
    flow, x = small(hidden_features=(32, 32)), banana(40)
    settings = {"epochs": 40, "learning_rate": 3e-2, "schedule": "constant", "validation": 0.5, "weight_decay": 0.1}
    return flow, x, flowexport.fit(flow, x, **settings)


def test_the_best_weights_are_left_in_the_flow():
    flow, x, epochs = overfitted()
    best = min(epoch.validation_nll for epoch in epochs)
    assert epochs[-1].validation_nll > best + 0.1
    assert held_out_nll(flow, x, 0.5) == pytest.approx(best, rel=1e-5)
    assert not flow.training


def test_stops_after_patience_epochs_without_a_better_one():
    flow, x = small(hidden_features=(32, 32)), banana(40)
    settings = {"epochs": 400, "learning_rate": 3e-2, "schedule": "constant", "validation": 0.5}
    epochs = flowexport.fit(flow, x, patience=5, **settings)
    nlls = [epoch.validation_nll for epoch in epochs]
    assert len(nlls) < 400
    assert len(nlls) - (int(np.argmin(nlls)) + 1) == 5
    assert held_out_nll(flow, x, 0.5) == pytest.approx(min(nlls), rel=1e-5)
    longer = flowexport.fit(small(hidden_features=(32, 32)), x, **settings | {"epochs": len(nlls) + 3})
    assert [epoch.validation_nll for epoch in longer[: len(nlls)]] == nlls
    assert len(longer) == len(nlls) + 3


def test_without_held_out_rows_the_training_rows_judge():
    flow, x = small(), banana(100)
    epochs = flowexport.fit(flow, x, epochs=3, validation=0)
    measured = -flow().log_prob(torch.from_numpy(x).float()).mean().item()
    assert measured == pytest.approx(min(epoch.validation_nll for epoch in epochs), rel=1e-5)


def test_ctrl_c_leaves_the_best_so_far_and_reaches_the_caller():
    flow, x = small(), banana(300)
    nlls = []

    def stop(epoch):
        nlls.append(epoch.validation_nll)
        if epoch.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        flowexport.fit(flow, x, epochs=10, on_epoch=stop)
    assert held_out_nll(flow, x) == pytest.approx(min(nlls), rel=1e-5)


# A loss that is not finite


def test_loss_that_is_not_finite_stops_and_keeps_the_best():
    flow, x = small(), banana(300)
    epochs = []

    def poison(epoch):
        epochs.append(epoch)
        if epoch.epoch == 3:
            with torch.no_grad():
                next(flow.parameters()).fill_(math.nan)

    with pytest.raises(TrainingError) as caught:
        flowexport.fit(flow, x, epochs=10, on_epoch=poison)
    best = min(epochs, key=lambda epoch: epoch.validation_nll)
    message = f"epoch 4: the loss is not finite; the best is epoch {best.epoch}, NLL {best.validation_nll:.4f}"
    assert str(caught.value).startswith(message)
    assert caught.value.exit_code == 1
    assert held_out_nll(flow, x) == pytest.approx(best.validation_nll, rel=1e-5)


def test_a_learning_rate_out_of_this_world_stops_in_the_first_epoch():
    with pytest.raises(
        TrainingError, match=r"^epoch 1: the loss is not finite; the best is epoch 0, NLL .*; lower the learning rate"
    ):
        flowexport.fit(small(), banana(300), learning_rate=1e30, clip=0, epochs=5)


# The caller's generator


def test_the_callers_random_numbers_go_on_undisturbed():
    flow = small()
    torch.manual_seed(11)
    expected = torch.rand(5)
    torch.manual_seed(11)
    flowexport.fit(flow, banana(200), epochs=2, noise=0.1)
    assert torch.equal(torch.rand(5), expected)


def test_what_the_caller_draws_between_epochs_changes_nothing():
    flows = small(), small()
    flowexport.fit(flows[0], banana(200), epochs=3, noise=0.1)
    flowexport.fit(flows[1], banana(200), epochs=3, noise=0.1, on_epoch=lambda epoch: torch.manual_seed(epoch.epoch))
    assert same(flows[0].state_dict(), flows[1].state_dict())


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
def test_the_seed_alone_decides(seed):
    results = []
    for callers in (1, 2):
        flow = small()
        torch.manual_seed(callers)
        flowexport.fit(flow, banana(200), epochs=2, seed=seed, noise=0.1)
        results.append(weights_of(flow))
    assert same(*results)
    other = small()
    flowexport.fit(other, banana(200), epochs=2, seed=5, noise=0.1)
    assert not same(results[0], other.state_dict())


# Weights weigh


def full_batch(x: np.ndarray, weights: np.ndarray | None = None) -> Flow:
    """Ten steps over all rows at once, in float64, so that the order of rows is rounding only."""
    flow = small().double()
    # By default the decay goes by the number of rows, whatever they weigh.
    settings = {"epochs": 10, "batch_size": 10_000, "learning_rate": 1e-2, "weight_decay": 0.1}
    flowexport.fit(flow, x, weights=weights, validation=0, **settings)
    return flow


def test_weight_two_is_a_row_twice():
    x = banana(60)
    weights = np.random.default_rng(0).integers(0, 4, 60)
    one, other = full_batch(x, weights), full_batch(np.repeat(x, weights, axis=0))
    for name, tensor in one.state_dict().items():
        torch.testing.assert_close(tensor, other.state_dict()[name], rtol=1e-8, atol=1e-8)
    plain = full_batch(x)
    assert not torch.allclose(plain().log_prob(torch.zeros(2).double()), one().log_prob(torch.zeros(2).double()))


def test_rows_of_weight_zero_do_not_matter():
    x, weights = banana(60), np.ones(60)
    weights[:20] = 0
    elsewhere = x.copy()
    elsewhere[:20] += 1000
    assert same(full_batch(x, weights).state_dict(), full_batch(elsewhere, weights).state_dict())


def test_held_out_nll_is_weighted():
    flow = small().double()
    x, weights = torch.randn(30, 2, dtype=torch.float64), torch.rand(30, dtype=torch.float64)
    expected = -(weights * flow().log_prob(x)).sum() / weights.sum()
    assert nll_of(log_prob_of(flow, x, None), weights) == pytest.approx(expected.item(), rel=1e-12)


def test_held_out_nll_of_weight_two_is_a_row_twice_and_of_weight_zero_no_row():
    flow = small(context=1).double()
    x, c = torch.randn(30, 2, dtype=torch.float64), torch.randn(30, 1, dtype=torch.float64)
    weights = torch.arange(30) % 3
    repeated = nll_of(log_prob_of(flow, x.repeat_interleave(weights, 0), c.repeat_interleave(weights, 0)), None)
    assert nll_of(log_prob_of(flow, x, c), weights.double()) == pytest.approx(repeated, rel=1e-12)
    assert nll_of(log_prob_of(flow, x, c), None) != pytest.approx(repeated, rel=1e-3)


def test_held_out_nll_does_not_depend_on_the_blocks(monkeypatch):
    flow = small(context=1).double()
    x, c = torch.randn(31, 2, dtype=torch.float64), torch.randn(31, 1, dtype=torch.float64)
    expected = -flow(c).log_prob(x).mean().item()
    monkeypatch.setattr(epoch, "EVALUATION_ROWS", 7)
    assert nll_of(log_prob_of(flow, x, c), None) == pytest.approx(expected, rel=1e-12)


# Schedule, clipping, noise


def test_constant_schedule():
    spec = TrainingSpec(schedule="constant", epochs=3)
    assert [schedule(spec, step, 5) for step in range(15)] == [1.0] * 15


def test_cosine_schedule_falls_from_one_to_zero():
    spec = TrainingSpec(schedule="cosine", epochs=4)
    factors = [schedule(spec, step, 5) for step in range(21)]
    np.testing.assert_allclose(factors, [(1 + math.cos(math.pi * step / 20)) / 2 for step in range(21)], rtol=1e-12)
    assert (factors[0], factors[20]) == (1.0, 0.0)


@pytest.mark.parametrize("kind", ["constant", "cosine"])
def test_warmup_rises_evenly_and_ends_at_the_learning_rate(kind):
    spec = TrainingSpec(schedule=kind, epochs=4, warmup_epochs=1.0)
    np.testing.assert_allclose([schedule(spec, step, 4) for step in range(5)], [0.2, 0.4, 0.6, 0.8, 1.0], rtol=1e-12)


def test_learning_rate_is_reported_as_it_was():
    epochs = flowexport.fit(small(), banana(100), epochs=4, batch_size=90, learning_rate=0.1, warmup_epochs=1)
    # 90 training rows are one step an epoch: half the rate, then the cosine over three steps.
    expected = [0.05, *(0.05 * (1 + math.cos(math.pi * step / 3)) for step in range(3))]
    np.testing.assert_allclose([epoch.learning_rate for epoch in epochs], expected, rtol=1e-12)


def test_weight_decay_shrinks_the_weights():
    norms = []
    for decay in (0.0, 10.0):
        flow, found = small(), []

        def after(_, flow=flow, found=found):
            # The weights of the last step: those that are kept may be the start's.
            found.append(sum(parameter.square().sum().item() for parameter in flow.parameters()))

        arguments = {"optimizer": "adamw", "weight_decay": decay, "epochs": 10, "learning_rate": 1e-2}
        flowexport.fit(flow, banana(200), on_epoch=after, **arguments)
        norms.append(found[-1])
    assert norms[1] < 0.5 * norms[0]


def test_clipping_bounds_the_step_but_not_the_report(monkeypatch):
    norms = []
    adam = torch._fused_adam_

    def watched(weights, gradients, *arguments, **options):
        norms.extend(gradient.norm().item() for gradient in gradients)
        adam(weights, gradients, *arguments, **options)

    monkeypatch.setattr(torch, "_fused_adam_", watched)
    epochs = flowexport.fit(small(), banana(200), optimizer="adam", epochs=2, clip=0.01)
    assert max(norms) <= 0.01 * (1 + 1e-4)
    assert all(epoch.gradient_norm > 0.1 for epoch in epochs)


def test_noise_widens_the_density_in_the_units_of_the_features():
    # Two narrow peaks, each of a thousandth: with noise of a tenth of the standard deviation they cannot be as sharp.
    x = np.sign(np.random.default_rng(0).normal(size=(400, 1))) * 1000 + np.random.default_rng(1).normal(size=(400, 1))
    x = np.hstack([x, x[::-1]])
    sharp, soft = (
        flowexport.fit(small(), x, epochs=10, learning_rate=1e-2, noise=noise)[-1].training_nll for noise in (0.0, 1.0)
    )
    assert soft > sharp + 0.3


def test_every_epoch_has_an_order_and_a_noise_of_its_own(monkeypatch):
    drawn = {"randperm": [], "randn_like": []}
    for name, results in drawn.items():
        draw = getattr(torch, name)
        monkeypatch.setattr(
            torch, name, lambda given, draw=draw, results=results: results.append(draw(given)) or results[-1]
        )
    flowexport.fit(small(), banana(100), epochs=3, batch_size=100, noise=0.1)
    for results in drawn.values():
        assert len(results) == 3
        assert not any(torch.equal(results[i], results[j]) for i, j in [(0, 1), (0, 2), (1, 2)])
    assert all(sorted(order.tolist()) == list(range(90)) for order in drawn["randperm"])


# Arguments


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"epochs": 0}, r"\$\.epochs"),
        ({"learning_rate": -1.0}, r"\$\.learning_rate"),
        ({"optimizer": "sgd"}, r"\$\.optimizer"),
        ({"lr": 1.0}, "`lr`"),
        ({"validation": 1.0}, "^validation: "),
        ({"validation": -0.1}, "^validation: "),
        ({"validation": math.nan}, "^validation: "),
        ({"context": np.zeros((20, 1))}, "^context: the flow has 0 context features, the rows have 1"),
    ],
    ids=str,
)
def test_wrong_argument_is_named_and_changes_nothing(arguments, key):
    flow = small()
    before = weights_of(flow)
    with pytest.raises(ArgumentError, match=key):
        flowexport.fit(flow, banana(20), **arguments)
    assert same(flow.state_dict(), before)


def test_rows_of_another_width():
    with pytest.raises(ArgumentError, match=r"^x: the flow has 3 features, the rows have 2"):
        flowexport.fit(small(3), banana(20))
    with pytest.raises(ArgumentError, match=r"^context: the flow has 2 context features, the rows have 0"):
        flowexport.fit(small(2, context=2), banana(20))


def test_rows_that_no_density_has_a_use_for():
    x = banana(20)
    x[4, 1] = math.nan
    with pytest.raises(DataError, match="row 5, column 'x1' holds nan"):
        flowexport.fit(small(), x)
    x[:, 1] = 2.5
    with pytest.raises(DataError, match=r"column 'x1' is constant \(2.5\)"):
        flowexport.fit(small(), x)
