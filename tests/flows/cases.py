"""The flows that every general property is tested over: a new flow is one line here, a new option one entry."""

import copy
from collections.abc import Callable
from functools import cache, partial
from itertools import combinations, product
from typing import Any

import torch
from torch import Tensor, nn

from flowexport.flows import Flow, RealNVP
from flowexport.flows.realnvp import ACTIVATIONS
from tests.reference_page import reference_flow


def standardised(flow: Flow) -> Flow:
    """The flow in units of its own: random means and scales, of the context too."""
    for layer, counts in ((flow.standardize, [0] * flow.features), (flow.standardize_context, flow.categories)):
        if layer is not None:
            number = torch.tensor([count == 0 for count in counts])
            # Not far from the middle of bounded features, where a float64 logit keeps its digits.
            spread = 3.0 if flow.bounds is None else 0.3
            mean, scale = spread * torch.randn_like(layer.mean), spread / 3 * torch.randn_like(layer.scale).exp()
            layer.fit(torch.where(number, mean, 0), torch.where(number, scale, 1))
    return flow


CASES: dict[str, Callable[[], Flow]] = {
    "default": lambda: reference_flow(4),
    "one feature": lambda: reference_flow(1, hidden_features=(8,)),
    "one feature, context": lambda: reference_flow(1, context=2, hidden_features=(8,)),
    "one feature, context, no hidden layer": lambda: reference_flow(1, context=2, hidden_features=()),
    "one layer": lambda: reference_flow(2, transforms=1, hidden_features=(8,)),
    "two features": lambda: reference_flow(2, hidden_features=(8,)),
    "odd features": lambda: reference_flow(5, transforms=4, hidden_features=(8,)),
    "context": lambda: reference_flow(4, context=3, hidden_features=(8, 6)),
    "context of one": lambda: reference_flow(3, context=1, hidden_features=(8,)),
    "random masks": lambda: reference_flow(6, randmask=True, hidden_features=(8,)),
    "random masks, odd features, context": lambda: reference_flow(5, context=2, randmask=True, hidden_features=(8,)),
    "random masks, two features": lambda: reference_flow(2, randmask=True, hidden_features=(8,)),
    "random masks, no hidden layer": lambda: reference_flow(4, context=1, randmask=True, hidden_features=()),
    "no hidden layer": lambda: reference_flow(4, hidden_features=()),
    "Tanh": lambda: reference_flow(3, context=1, hidden_features=(8,), activation=nn.Tanh),
    "SiLU by name": lambda: reference_flow(3, hidden_features=(8,), activation="SiLU"),
    "standardised": lambda: standardised(reference_flow(4, hidden_features=(8,))),
    "standardised, context": lambda: standardised(reference_flow(3, context=2, hidden_features=(8,))),
    "standardised, random masks": lambda: standardised(
        reference_flow(4, context=1, randmask=True, hidden_features=(8,))
    ),
}


CUSTOM_MASKS = {
    1: [[True], [False], [True]],
    2: [[True, False], [False, True], [False, True]],
    5: [[True, True, False, True, True], [False, False, True, False, False], [True, False, True, False, True]],
    17: [[i % 3 == 0 for i in range(17)], [i > 4 for i in range(17)], [i % 3 == 0 for i in range(17)]],
}
"""Masks that no rule gives: of unequal sizes, one of them twice. Those of one feature are refused."""

CONTEXTS: dict[str, dict[str, Any]] = {
    "no context": {},
    "numbers": {"context": 2},
    "one-hot": {"context": 2, "categories": [3, 0]},
    "embedding": {"context": 2, "categories": [0, 4], "embeddings": [0, 2]},
}

RUNNING_STEPS = 20
"""Batches that running moments are taken over: at a momentum of 0.1 what they started from is 0.9^20 = 12 %."""

OPTIONS: dict[str, list[Any]] = {
    # The last is more than export makes one tensor of.
    "features": [1, 2, 5, 17],
    "context": list(CONTEXTS),
    "transforms": [2, 3],
    "hidden_features": [(8,), (8, 6), (8, 8), ()],
    "activation": list(ACTIVATIONS),
    "residual": [False, True],
    "layer_norm": [False, True, "unbiased"],
    "dropout": [0.0, 0.3],
    "masks": ["alternating", "halves", "random", "custom"],
    "cover": [True, False],
    "univariate": [
        "Affine",
        "Additive",
        "SigmoidAffine",
        "ExponentialAffine",
        {"name": "RationalQuadraticSpline", "bins": 4, "bound": 6.0},
        {"name": "RationalQuadraticSpline", "bins": 5, "bound": 7.0, "constraint": "floor"},
        {"name": "Inverse", "univariate": "Affine"},
    ],
    "normalization": [None, "ActNorm", "BatchNorm"],
    "mixing": [None, "Permutation", "LULinear"],
    "scaling": [False, True],
    "base": ["StandardNormal", "DiagonalNormal", "ConditionalNormal", {"name": "GaussianMixture", "components": 3}],
    "bounds": [False, True],
}
"""Every option of a RealNVP. The flows made of them meet every two values of two options at least once."""


Choice = dict[str, Any]
"""A value of some of the options, or of all."""

Group = tuple[str, dict[str, list[Any]]]

FORBIDDEN: list[Group] = [
    ("masks", {"features": [1], "masks": ["custom"]}),
    ("mixing", {"features": [1], "mixing": ["Permutation", "LULinear"]}),
    ("base", {"context": ["no context"], "base": ["ConditionalNormal"]}),
    ("residual", {"hidden_features": [(8, 6), ()], "residual": [True]}),
    ("layer_norm", {"hidden_features": [()], "layer_norm": [True, "unbiased"]}),
    ("dropout", {"hidden_features": [()], "dropout": [0.3]}),
    ("cover", {"masks": ["alternating", "halves", "custom"], "cover": [False]}),
]
"""Values of two options that a RealNVP refuses together, under the name of the argument that its error begins with."""


def idle(chosen: Choice) -> set[str]:
    """Options that these values leave nothing to say: a pair has not met where it is of no consequence."""
    options = set()
    if chosen.get("features") == 1:
        options |= {"masks", "cover"}
        if chosen.get("context") == "no context":
            options |= {"hidden_features", "activation", "residual", "layer_norm", "dropout"}
    if chosen.get("hidden_features") == ():
        options.add("activation")
    return options


def pairs_of(options: dict[str, list[Any]]) -> list[Choice]:
    """Every two values of two options."""
    return [
        {first: one, second: other}
        for first, second in combinations(options, 2)
        for one, other in product(options[first], options[second])
    ]


def is_allowed(chosen: Choice, forbidden: list[Group]) -> bool:
    """Whether no two of the values are forbidden together."""
    return not any(
        all(option in chosen and chosen[option] in values for option, values in group.items()) for _, group in forbidden
    )


def meets(pair: Choice, chosen: Choice, idle: Callable[[Choice], set[str]] = idle) -> bool:
    """Whether both values are chosen, neither of them idle for a third."""
    return all(option in chosen and chosen[option] == value for option, value in pair.items()) and not (
        (idle(chosen) - idle(pair)) & pair.keys()
    )


def pairwise(
    options: dict[str, list[Any]], forbidden: list[Group], idle: Callable[[Choice], set[str]] = idle
) -> list[Choice]:
    """Choices of all options in which every two values that go together meet.

    Greedy: each begins with a pair that has not met, from well inside the list, where few of the pairs before and
    behind it share its options. Options of many values come first, and each takes the value that lets most new
    pairs meet.
    """
    missing = [pair for pair in pairs_of(options) if is_allowed(pair, forbidden)]
    choices = []
    while missing:
        begun = missing[2 * len(missing) // 5]
        chosen = dict(begun)
        for option in sorted(options, key=lambda each: len(options[each]), reverse=True):
            if option in begun:
                continue
            within = [pair for pair in missing if option in pair and pair.keys() <= chosen.keys() | {option}]
            candidates = [chosen | {option: value} for value in options[option]]
            chosen = max(
                (each for each in candidates if is_allowed(each, forbidden) and meets(begun, each, idle)),
                key=lambda each: sum(meets(pair, each, idle) for pair in within),
            )
        choices.append({option: chosen[option] for option in options})
        missing = [pair for pair in missing if not meets(pair, chosen, idle)]
    return choices


def arguments_of(chosen: Choice) -> dict[str, Any]:
    """What a RealNVP is given for a choice; of options without a value, its defaults."""
    chosen = {"features": 5, "transforms": 3} | chosen
    features = chosen["features"]
    chosen |= CONTEXTS[chosen.pop("context", "no context")]
    if chosen.get("masks") == "custom":
        chosen["masks"] = CUSTOM_MASKS[features][: chosen["transforms"]]
    if chosen.pop("bounds", False):
        of_five = [(0, None), (None, 2), (-1, 3), (None, None), (1, None)]
        chosen["bounds"] = [of_five[feature % 5] for feature in range(features)]
    return chosen


def paired(chosen: Choice) -> RealNVP:
    """A flow of chosen options, with weights, statistics and units as training leaves them."""
    flow = reference_flow(**arguments_of(chosen))
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        if chosen["univariate"] == "ExponentialAffine":
            # Nothing bounds its scale: e^20 comes of the same weights as a 5 elsewhere, and takes 9 digits of float64.
            for name, parameter in flow.named_parameters():
                if "heads.log_scale" in name:
                    parameter *= 0.25
        for _ in range(RUNNING_STEPS):
            flow.train().log_prob(rows(flow, 200), context(flow, 200))
    return standardised(flow).eval()


def pair_name(chosen: Choice) -> str:
    """The values of a case in one line."""
    words = (value["name"] if isinstance(value, dict) else str(value) for value in chosen.values())
    return " ".join(word.replace(", ", "+").replace(" ", "-") for word in words)


CHOSEN = pairwise(OPTIONS, FORBIDDEN)
"""The options of each paired flow."""

PAIRS: dict[str, Callable[[], Flow]] = {
    f"{number}: {pair_name(chosen)}": partial(paired, chosen) for number, chosen in enumerate(CHOSEN)
}

ALL = CASES | PAIRS


def make(name: str, seed: int = 0, dtype: torch.dtype = torch.float64) -> Flow:
    """A case with the weights of a seed; random numbers go on as if it had just been built."""
    flow, state = built(name, seed)
    torch.set_rng_state(state)
    return copy.deepcopy(flow).to(dtype)


@cache
def built(name: str, seed: int) -> tuple[Flow, Tensor]:
    """A case, which thousands of tests copy, and the state of the random numbers behind it."""
    torch.manual_seed(seed)
    return ALL[name](), torch.get_rng_state()


def rows(flow: Flow, *shape: int) -> Tensor:
    """Points around the flow's own data, ``[*shape, features]``."""
    mean, scale = flow.standardize.mean, flow.standardize.scale
    x = mean + 1.5 * scale * torch.randn(*shape, flow.features, dtype=mean.dtype)
    return x if flow.bounds is None else flow.bounds.inverse_and_log_det(x)[0]


def context(flow: Flow, *shape: int) -> Tensor | None:
    """Contexts of the flow's own units, ``[*shape, context]``, or None where it takes none."""
    layer = flow.standardize_context
    if layer is None:
        return None
    drawn = layer.mean + layer.scale * torch.randn(*shape, flow.context, dtype=layer.mean.dtype)
    for column, count in enumerate(flow.categories):
        if count:
            number = int(torch.Size(shape).numel())
            drawn[..., column] = (torch.arange(number).reshape(shape) % count).to(drawn)
    return drawn
