"""The flows of images that every general property is tested over: every two values of two options meet."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from flowexport.flows import MultiScaleRealNVP
from tests.flows.cases import Choice, Group, pairwise

CONTEXTS: dict[str, dict[str, Any]] = {
    "no context": {},
    "numbers": {"context": 2},
    "one-hot and a number": {"context": 2, "categories": [3, 0]},
    "embedding": {"context": 2, "categories": [0, 4], "embeddings": [0, 2]},
}

OPTIONS: dict[str, list[Any]] = {
    "shape, scales": [((1, 4, 4), 2), ((3, 4, 4), 2), ((2, 4, 6), 2), ((1, 3, 5), 1), ((1, 8, 4), 3)],
    "context": list(CONTEXTS),
    "residual_blocks": [0, 1, 2],
    "activation": ["ELU", "ReLU", "SiLU", "Softplus", "Tanh"],
    "batch_norm": [False, True],
    "dropout": [0.0, 0.3],
    "univariate": [
        "Affine",
        "Additive",
        "SigmoidAffine",
        {"name": "SigmoidAffine", "floor": 0.01, "ceiling": 1.5},
        {"name": "RationalQuadraticSpline", "bins": 4, "bound": 6.0},
        {"name": "Inverse", "univariate": "Affine"},
        {"name": "Inverse", "univariate": "SigmoidAffine"},
    ],
    "normalization": [None, "ActNorm", "BatchNorm"],
    "mixing": [None, "Permutation", "LULinear"],
    "couplings": [1, 2, 3],
    "levels, alpha": [(17, 0.05), (256, 0.05), (2, 0.2)],
}
"""Every option of a MultiScaleRealNVP. The flows made of them meet every two values of two options at least once."""

FORBIDDEN: list[Group] = [("dropout", {"residual_blocks": [0], "dropout": [0.3]})]
"""Values of two options that it refuses together, under the name of the argument that its error begins with."""


def idle(chosen: Choice) -> set[str]:
    """Options that these values leave nothing to say: a single scale has no couplings on channels, which alone mix."""
    return {"mixing"} if chosen.get("shape, scales", (None, 0))[1] == 1 else set()


def arguments_of(chosen: Choice) -> dict[str, Any]:
    """What a MultiScaleRealNVP is given for a choice."""
    chosen = dict(chosen)
    for both in [option for option in chosen if ", " in option]:
        chosen |= zip(both.split(", "), chosen.pop(both), strict=True)
    return chosen | CONTEXTS[chosen.pop("context", "no context")]


def paired(chosen: Choice, noise: float = 0.15) -> MultiScaleRealNVP:
    """A flow of chosen options, with weights, statistics and units as training leaves them.

    Arguments:
        chosen: a value of each option.
        noise: the deviation of what is added to the initial weights.
    """
    flow = MultiScaleRealNVP(hidden_channels=4, **arguments_of(chosen))
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += noise * torch.randn_like(parameter)
        if flow.standardize_context is not None:
            number = torch.tensor([count == 0 for count in flow.categories])
            mean, scale = torch.randn(flow.context), torch.rand(flow.context) + 0.5
            flow.standardize_context.fit(torch.where(number, mean, 0), torch.where(number, scale, 1))
        flow.train().log_prob(images(flow, 50), context(flow, 50))
    return flow.eval()


def named(chosen: Choice) -> str:
    """The values of a case in one line."""
    words = (value["name"] if isinstance(value, dict) else str(value) for value in chosen.values())
    return " ".join(word.replace(", ", ",").replace(" ", "-") for word in words)


CHOSEN = pairwise(OPTIONS, FORBIDDEN, idle)
"""The options of each flow."""

IMAGES: dict[str, Callable[[], MultiScaleRealNVP]] = {named(chosen): partial(paired, chosen) for chosen in CHOSEN}


def make(name: str, dtype: torch.dtype = torch.float64) -> MultiScaleRealNVP:
    """A case, with the same weights every time."""
    torch.manual_seed(0)
    return IMAGES[name]().to(dtype)


def images(flow: MultiScaleRealNVP, *shape: int) -> Tensor:
    """Images in pixel units, ``[*shape, C, H, W]``."""
    return torch.rand(*shape, *flow.event_shape, dtype=next(flow.parameters()).dtype) * flow.levels


def context(flow: MultiScaleRealNVP, *shape: int) -> Tensor | None:
    """Contexts, ``[*shape, context]``, codes in the columns of categories, or None where the flow takes none."""
    if not flow.context:
        return None
    numbers = torch.randn(*shape, flow.context, dtype=next(flow.parameters()).dtype)
    for column, count in enumerate(flow.categories):
        if count:
            numbers[..., column] = torch.randint(count, shape)
    return numbers
