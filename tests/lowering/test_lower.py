"""A program says what the flow says that it was made of: 1e-12, relative, in float64."""

import pytest
import torch

from flowexport.lowering import lower
from tests.lowering.programs import EVERY, assert_same, flow_of, inputs, of_flow, of_program


@pytest.mark.parametrize("name", EVERY)
def test_a_program_is_its_flow(name: str) -> None:
    flow = flow_of(name)
    given = inputs(flow)
    assert_same(of_program(lower(flow), *given), of_flow(flow, *given))


@pytest.mark.parametrize("name", EVERY)
def test_lowering_leaves_the_flow_alone(name: str) -> None:
    flow = flow_of(name)
    before = {key: tensor.clone() for key, tensor in flow.state_dict().items()}
    lower(flow)
    assert all(torch.equal(tensor, before[key]) for key, tensor in flow.state_dict().items())
    assert all(parameter.requires_grad for parameter in flow.parameters())
