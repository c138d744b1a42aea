"""Steps on all weights as one vector, beside torch's own weight by weight."""

import copy
import subprocess
import sys

import pytest
import torch

from flowexport.flows import RealNVP
from flowexport.training.descent import Descent
from flowexport.training.recipe import TrainingSpec

DECAY, RATE = 0.1, 1e-2
OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def flow_and_rows():
    torch.manual_seed(0)
    return RealNVP(3, hidden_features=(8,)).double(), torch.randn(20, 5, 3, dtype=torch.float64)


def weight_by_weight(flow, batches, spec):
    """What torch's optimiser, its clip and an average of each weight do; the norms, the average and the state."""
    optimizer = OPTIMIZERS[spec.optimizer](flow.parameters(), lr=RATE, weight_decay=DECAY)
    average, norms = copy.deepcopy(flow), []
    for step, batch in enumerate(batches, 1):
        optimizer.zero_grad()
        (-flow.log_prob(batch).mean()).backward()
        norms.append(torch.nn.utils.clip_grad_norm_(flow.parameters(), spec.clip).item())
        optimizer.step()
        kept = min(spec.average, (step - 1) / (step + 9))
        with torch.no_grad():
            for mine, its in zip(average.parameters(), flow.parameters(), strict=True):
                mine.copy_(kept * mine + (1 - kept) * its)
    state = optimizer.state_dict()["state"]
    return norms, average, {f"{index}.{slot}": each for index, of in state.items() for slot, each in of.items()}


def as_vector(flow, batches, spec, state=None, done=0):
    averaged = copy.deepcopy(flow)
    descent = Descent(flow, averaged, spec, DECAY)
    if state is not None:
        descent.load(state)
    norms = []
    for step, batch in enumerate(batches, done + 1):
        norms.append(descent.gradient(-flow.log_prob(batch).mean()).item())
        descent.step(RATE, step)
    descent.write_average()
    return norms, averaged, descent.state()


def assert_same(ours, theirs):
    for name, expected in theirs.items():
        torch.testing.assert_close(ours[name], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_steps_clip_average_and_state_are_those_of_weight_by_weight(optimizer):
    spec = TrainingSpec(clip=6.0, average=0.5, optimizer=optimizer)
    theirs, batches = flow_and_rows()
    ours = copy.deepcopy(theirs)
    norms, average, state = weight_by_weight(theirs, batches, spec)
    found = as_vector(ours, batches, spec)
    assert min(norms) < spec.clip < max(norms)
    assert found[0] == pytest.approx(norms, rel=1e-10)
    assert found[2].keys() == state.keys()
    for mine, its in ((ours.state_dict(), theirs.state_dict()), (found[1].state_dict(), average.state_dict())):
        assert_same(mine, its)
    assert_same(found[2], state)


def test_a_state_that_was_kept_weight_by_weight_is_gone_on_from():
    spec = TrainingSpec(clip=6.0)
    whole, batches = flow_and_rows()
    broken = copy.deepcopy(whole)
    weight_by_weight(whole, batches, spec)
    # Its first half, then ours from the state of it.
    _, _, state = weight_by_weight(broken, batches[:10], spec)
    as_vector(broken, batches[10:], spec, state, 10)
    assert_same(broken.state_dict(), whole.state_dict())


def test_a_weight_that_asks_for_no_gradient_stays_and_keeps_its_number():
    flow, batches = flow_and_rows()
    frozen = next(flow.parameters()).requires_grad_(False)
    before = frozen.clone()
    _, _, state = as_vector(flow, batches, TrainingSpec())
    assert torch.equal(frozen, before)
    indices = {int(name.split(".")[0]) for name in state}
    assert indices == set(range(1, len([*flow.parameters()])))
    _, _, state = as_vector(flow, batches, TrainingSpec(), {k: v for k, v in state.items() if not k.startswith("2.")})
    assert "2.exp_avg" in state


def test_training_does_not_wait_for_the_import_of_the_compiler():
    program = (
        "import sys, torch, flowexport\n"
        "flowexport.fit(flowexport.RealNVP(2), torch.randn(60, 2), epochs=1)\n"
        "print('torch._dynamo' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
