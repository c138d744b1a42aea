"""The flows that every general property is tested over: a new flow is one line here, a new option one entry."""

from collections.abc import Callable
from functools import partial
from itertools import combinations, product
from typing import Any

import torch
from torch import Tensor, nn

from flowexport.flows import Flow, RealNVP


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
    "default": lambda: RealNVP(4),
    "one feature": lambda: RealNVP(1, hidden_features=(8,)),
    "one feature, context": lambda: RealNVP(1, context=2, hidden_features=(8,)),
    "one feature, context, no hidden layer": lambda: RealNVP(1, context=2, hidden_features=()),
    "one layer": lambda: RealNVP(2, transforms=1, hidden_features=(8,)),
    "two features": lambda: RealNVP(2, hidden_features=(8,)),
    "odd features": lambda: RealNVP(5, transforms=4, hidden_features=(8,)),
    "context": lambda: RealNVP(4, context=3, hidden_features=(8, 6)),
    "context of one": lambda: RealNVP(3, context=1, hidden_features=(8,)),
    "random masks": lambda: RealNVP(6, randmask=True, hidden_features=(8,)),
    "random masks, odd features, context": lambda: RealNVP(5, context=2, randmask=True, hidden_features=(8,)),
    "random masks, two features": lambda: RealNVP(2, randmask=True, hidden_features=(8,)),
    "random masks, no hidden layer": lambda: RealNVP(4, context=1, randmask=True, hidden_features=()),
    "no hidden layer": lambda: RealNVP(4, hidden_features=()),
    "Tanh": lambda: RealNVP(3, context=1, hidden_features=(8,), activation=nn.Tanh),
    "SiLU by name": lambda: RealNVP(3, hidden_features=(8,), activation="SiLU"),
    "standardised": lambda: standardised(RealNVP(4, hidden_features=(8,))),
    "standardised, context": lambda: standardised(RealNVP(3, context=2, hidden_features=(8,))),
    "standardised, random masks": lambda: standardised(RealNVP(4, context=1, randmask=True, hidden_features=(8,))),
}


CUSTOM_MASKS = {
    2: [[True, False], [False, True], [False, True]],
    5: [[True, True, False, True, True], [False, False, True, False, False], [True, False, True, False, True]],
}
"""Masks that no rule gives: of unequal sizes, one of them twice."""

CONTEXTS: dict[str, dict[str, Any]] = {
    "no context": {},
    "numbers": {"context": 2},
    "one-hot": {"context": 2, "categories": [3, 0]},
    "embedding": {"context": 2, "categories": [0, 4], "embeddings": [0, 2]},
}

NETWORKS: dict[str, dict[str, Any]] = {
    "plain": {"hidden_features": (8,)},
    "two layers, Tanh": {"hidden_features": (8, 6), "activation": "Tanh"},
    "no hidden layer": {"hidden_features": ()},
    "residual, ELU": {"hidden_features": (8, 8), "residual": True, "activation": "ELU"},
    "layer norm, GELU": {"hidden_features": (8,), "layer_norm": True, "activation": "GELU"},
    "residual, layer norm, SiLU": {"hidden_features": (8,), "residual": True, "layer_norm": True, "activation": "SiLU"},
    "dropout, Softplus": {"hidden_features": (8,), "dropout": 0.3, "activation": "Softplus"},
    "LeakyReLU": {"hidden_features": (8,), "activation": "LeakyReLU"},
}

RUNNING_STEPS = 20
"""Batches that running moments are taken over: at a momentum of 0.1 what they started from is 0.9^20 = 12 %."""

OPTIONS: dict[str, list[Any]] = {
    "features": [1, 2, 5],
    "context": list(CONTEXTS),
    "network": list(NETWORKS),
    "masks": ["alternating", "halves", "random", "custom"],
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


def allowed(chosen: Choice) -> bool:
    """Whether values of some of the options go together."""
    return not (
        (chosen.get("features") == 1 and (chosen.get("masks") == "custom" or chosen.get("mixing")))
        or (chosen.get("context") == "no context" and chosen.get("base") == "ConditionalNormal")
    )


def pairwise(options: dict[str, list[Any]]) -> list[Choice]:
    """Choices of all options in which every two values that go together meet.

    Greedy: each begins with a pair that has not met, and takes for every other option the value that lets most new
    pairs meet.
    """
    missing = [
        {first: one, second: other}
        for first, second in combinations(options, 2)
        for one, other in product(options[first], options[second])
        if allowed({first: one, second: other})
    ]
    choices = []
    while missing:
        chosen = dict(missing[0])
        for option in options:
            if option not in chosen:
                candidates = [chosen | {option: value} for value in options[option]]
                chosen = max(
                    filter(allowed, candidates),
                    key=lambda each: sum(all(each.get(o) == v for o, v in pair.items()) for pair in missing),
                )
        choices.append({option: chosen[option] for option in options})
        missing = [pair for pair in missing if not meets(pair, chosen)]
    return choices


def meets(pair: Choice, chosen: Choice) -> bool:
    return all(chosen[option] == value for option, value in pair.items())


def paired(chosen: Choice) -> RealNVP:
    """A flow of chosen options, with weights, statistics and units as training leaves them."""
    chosen = dict(chosen)
    features = chosen["features"]
    chosen |= CONTEXTS[chosen.pop("context")] | NETWORKS[chosen.pop("network")]
    if chosen["masks"] == "custom":
        chosen["masks"] = CUSTOM_MASKS[features]
    if chosen["bounds"]:
        chosen["bounds"] = [[(0, None), (None, 2), (-1, 3), (None, None), (1, None)][i] for i in range(features)]
    else:
        del chosen["bounds"]
    flow = RealNVP(**chosen)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        for _ in range(RUNNING_STEPS):
            flow.train().log_prob(rows(flow, 200), context(flow, 200))
    return standardised(flow).eval()


def pair_name(chosen: Choice) -> str:
    """The values of a case in one line."""
    words = (value["name"] if isinstance(value, dict) else str(value) for value in chosen.values())
    return " ".join(word.replace(", ", "+").replace(" ", "-") for word in words)


CHOSEN = pairwise(OPTIONS)
"""The options of each paired flow."""

PAIRS: dict[str, Callable[[], Flow]] = {
    f"{number}: {pair_name(chosen)}": partial(paired, chosen) for number, chosen in enumerate(CHOSEN)
}

ALL = CASES | PAIRS


def make(name: str, seed: int = 0, dtype: torch.dtype = torch.float64) -> Flow:
    """A case with the weights of a seed."""
    torch.manual_seed(seed)
    return ALL[name]().to(dtype)


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
