"""A small config.json that asks for more than its weights hold is refused, and takes no memory before it is."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from flowexport.errors import ArgumentError, CheckpointError
from flowexport.flows import architecture_of, build
from flowexport.flows.room import TENSOR, Room, room_beside
from flowexport.training.checkpoint import flow_of

PLAIN: dict[str, Any] = {"features": 4, "transforms": 3, "hidden_features": [8, 8]}
GRADED: dict[str, Any] = PLAIN | {"context": 3, "categories": [5, 0, 7], "embeddings": [0, 0, 3]}
IMAGE: dict[str, Any] = {"shape": [1, 64, 64], "scales": 3, "couplings": 2, "hidden_channels": 8}
TABLES, IMAGES = "RealNVP", "MultiScaleRealNVP"

BUILT: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": (TABLES, PLAIN),
    "no hidden layer": (TABLES, PLAIN | {"hidden_features": []}),
    "random masks": (TABLES, PLAIN | {"masks": "random"}),
    "spline": (TABLES, PLAIN | {"univariate": {"name": "RationalQuadraticSpline", "bins": 16}}),
    "residual": (TABLES, PLAIN | {"residual": True, "layer_norm": True}),
    "linear": (TABLES, PLAIN | {"mixing": "LULinear", "normalization": "ActNorm"}),
    "mixture": (TABLES, PLAIN | {"base": {"name": "GaussianMixture", "components": 9}}),
    "categories": (TABLES, GRADED),
    "one feature": (TABLES, {"features": 1, "transforms": 2, "hidden_features": [1000, 1000]}),
    "wide": (TABLES, {"features": 300, "transforms": 3, "hidden_features": [700, 700], "whiten": True}),
    "a thousand couplings": (TABLES, PLAIN | {"transforms": 1000}),
    "many features, few weights": (TABLES, {"features": 5000, "hidden_features": [1], "univariate": "Additive"}),
    "image": (IMAGES, IMAGE),
    "a large image, few weights": (IMAGES, IMAGE | {"shape": [3, 1000, 1000], "hidden_channels": 1}),
}


@pytest.mark.parametrize("name", BUILT)
def test_what_was_saved_is_built_again_with_its_weights(name: str) -> None:
    torch.manual_seed(0)
    kind, arguments = BUILT[name]
    flow = build({"flow": kind, "arguments": arguments})
    weights = flow.state_dict()
    again = flow_of(architecture_of(flow), weights, "config.json", "model.safetensors").state_dict()
    assert again.keys() == weights.keys()
    assert all(torch.equal(again[key], weights[key]) for key in weights)


LARGE, HUGEST = 10**6, 10**9
HUGE: dict[str, tuple[str, dict[str, Any]]] = {
    "features": (TABLES, PLAIN | {"features": HUGEST}),
    "transforms": (TABLES, PLAIN | {"transforms": HUGEST}),
    "context": (TABLES, PLAIN | {"context": HUGEST}),
    "categories": (TABLES, GRADED | {"categories": [LARGE, 0, 7]}),
    "embeddings": (TABLES, GRADED | {"embeddings": [LARGE, 0, 3]}),
    "bins": (TABLES, PLAIN | {"univariate": {"name": "RationalQuadraticSpline", "bins": LARGE, "slope": 1e-9}}),
    "components": (TABLES, PLAIN | {"base": {"name": "GaussianMixture", "components": LARGE}}),
    "a wide layer": (TABLES, PLAIN | {"hidden_features": [HUGEST]}),
    "hidden layers": (TABLES, PLAIN | {"hidden_features": [1] * LARGE}),
    "a linear map": (TABLES, PLAIN | {"features": 30_000, "hidden_features": [1], "mixing": "LULinear"}),
    "whitening": (TABLES, PLAIN | {"features": 10**5, "hidden_features": [], "whiten": True}),
    "an integer of 400 digits": (TABLES, PLAIN | {"features": 10**400}),
    "a layer of a sequence": ("CouplingFlow", {"features": 30_000, "layers": [{"layer": "LULinear"}]}),
    "pixels": (IMAGES, IMAGE | {"shape": [1, 10**5, 10**5]}),
    "channels": (IMAGES, IMAGE | {"shape": [10**5, 8, 8]}),
    "a height": (IMAGES, IMAGE | {"shape": [1, HUGEST, 8]}),
    "scales": (IMAGES, IMAGE | {"scales": 30, "shape": [1, 2**30, 2**30]}),
    "couplings": (IMAGES, IMAGE | {"couplings": HUGEST}),
    "hidden channels": (IMAGES, IMAGE | {"hidden_channels": HUGEST}),
}
TRIED = """
import json, resource, sys
import torch
from flowexport.errors import CheckpointError
from flowexport.training.checkpoint import flow_of

weights = {"weights": torch.zeros(20_000)}
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
for name, (kind, arguments) in json.loads(sys.stdin.read()).items():
    try:
        flow_of({"flow": kind, "arguments": arguments}, weights, "config.json", "model.safetensors")
    except CheckpointError as error:
        print(json.dumps([name, str(error), peak() - before]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is in KiB on Linux alone")
def test_each_argument_that_takes_memory_is_bounded(tmp_path: Path) -> None:
    given = json.dumps({name: spec for name, spec in HUGE.items() if "digits" not in name})
    run = subprocess.run([sys.executable, "-c", TRIED], input=given, capture_output=True, text=True, check=True)
    refused = [json.loads(line) for line in run.stdout.splitlines()]
    assert {name for name, _, _ in refused} == json.loads(given).keys()
    assert all("much larger than" in error or "does not fit" in error for _, error, _ in refused), refused
    # Each would take from 4 GB to more than there is.
    assert max(kib for _, _, kib in refused) < 400 << 10, refused


def test_a_number_that_no_integer_of_the_machine_holds_is_refused() -> None:
    kind, arguments = HUGE["an integer of 400 digits"]
    with pytest.raises(CheckpointError, match="much larger than the 20,000 numbers"):
        flow_of({"flow": kind, "arguments": arguments}, {"w": torch.zeros(20_000)}, "config.json", "model.safetensors")


@pytest.mark.parametrize("value", [None, -3, 2.5, "8", True, [], {}, [[]], float("inf")], ids=str)
@pytest.mark.parametrize("key", ["features", "context", "transforms", "hidden_features", "masks", "base", "categories"])
def test_arguments_of_any_type_are_built_or_named(key: str, value: object) -> None:
    with pytest.raises(CheckpointError):
        flow_of({"flow": "RealNVP", "arguments": GRADED | {key: value}}, {}, "config.json", "model.safetensors")


MADE: dict[str, Callable[[], object]] = {
    "a shape": lambda: torch.empty((20, 50)),
    "a shape by its name": lambda: torch.empty(size=(20, 50)),
    "two sizes": lambda: torch.zeros(20, 50),
    "a square by its side": lambda: torch.eye(32),
    "a table by two sides": lambda: torch.arange(20)[:, None] + torch.arange(50),
    "a layer": lambda: nn.Linear(20, 50),
    "a loop": lambda: [torch.empty(()) for _ in range(10)],
}


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_is_counted(name: str) -> None:
    with Room(200 * TENSOR, "too many") as room:
        MADE[name]()
    assert room.left <= 200 * TENSOR - 1000
    with pytest.raises(ArgumentError, match="too many"), Room(999, "too many"):
        MADE[name]()


@pytest.mark.parametrize("make", [torch.zeros, torch.eye, lambda side: torch.empty(side, side)])
def test_what_is_too_large_is_never_asked_for(make: Callable[[int], Tensor]) -> None:
    """Whoever asks for 400 TB is told of memory."""
    with pytest.raises(ArgumentError, match="too many"), Room(10**6, "too many"):
        make(10**14 if make is torch.zeros else 10**7)


def test_what_no_memory_is_left_for_is_too_many_as_well() -> None:
    with pytest.raises(ArgumentError, match="too many"), Room(10**15, "too many"):
        torch.empty(10**14)
    with pytest.raises(RuntimeError, match="shape"), Room(10**6, "too many"):
        torch.zeros(2, 3) @ torch.zeros(2, 3)


class Partly(nn.Module):
    """A weight, which is loaded, and a buffer, which is not."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((3,), 7.0))
        nn.init.uniform_(self.weight)
        self.register_buffer("table", torch.empty(3).fill_(2.0), persistent=False)


@pytest.mark.parametrize("fill", [True, False])
def test_only_what_is_loaded_next_may_be_left_as_it_is(fill: bool) -> None:
    before = torch.get_rng_state()
    with Room(room_beside(0), "too many", fill=fill):
        made = Partly()
    assert torch.equal(made.weight, torch.full((3,), 7.0)) is not fill
    assert torch.equal(torch.get_rng_state(), before) is not fill
    assert made.get_buffer("table").tolist() == [2.0] * 3
