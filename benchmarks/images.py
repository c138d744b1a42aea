"""Multi-scale RealNVP on digits, in bits per dimension, beside the same architecture in normflows.

    python benchmarks/images.py [--epochs N] [--seeds N]

Both have the same convolutional networks, in the same places, and the same loop trains them on the same images in the
same order for the same number of steps. Prints a Markdown table.
"""

from __future__ import annotations

__all__ = ["NormFlows", "of_normflows"]

import argparse
import math
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import normflows
import numpy as np
import torch
from torch import Tensor, nn

from flowexport.flows import MultiScaleRealNVP
from flowexport.training import load_recipe
from flowexport.training.data import make_rows
from flowexport.training.loop import State, train

DIGITS = Path(__file__).resolve().parents[1] / "models" / "digits"


class One(nn.Module):
    """One of the parameters of a conditioner: normflows asks for shift and log scale by two modules."""

    def __init__(self, conditioner: nn.Module, number: int) -> None:
        super().__init__()
        self.conditioner, self.number = conditioner, number

    def forward(self, image: Tensor) -> Tensor:
        parameter: Tensor = self.conditioner(image, None)[self.number]
        return parameter


class Interleaved(nn.Module):
    """Shift and log scale of a conditioner, channel by channel, as normflows takes them of one module."""

    def __init__(self, conditioner: nn.Module) -> None:
        super().__init__()
        self.conditioner = conditioner

    def forward(self, image: Tensor) -> Tensor:
        return torch.stack(self.conditioner(image, None), dim=2).flatten(1, 2)


def of_normflows(flow: MultiScaleRealNVP) -> normflows.MultiscaleFlow:
    """The same architecture made of the layers of normflows, around the very networks of a flow.

    Its density is of x / levels. Normalisations that have been initialised keep their numbers; normflows' forward being
    z → x, a coupling is (x − t) exp(−s) where ours is x exp(s) + t.

    Arguments:
        flow: with affine maps and ActNorm, and without mixing or context.
    """
    scales = []
    for pixels, channels in zip(flow.stack.pixels, [*flow.stack.channels, None], strict=True):
        layers: list[nn.Module] = []
        for coupling, norm in pairs(pixels):
            masked = coupling.conditioner
            mask = masked.kept.expand(len(norm[0].shift), *masked.kept.shape).clone()
            layers += [normflows.flows.MaskedAffineFlow(mask, One(masked.network, 0), One(masked.network, 1))]
            layers += [act_norm(norm)]
        if channels is not None:
            layers.append(normflows.flows.Squeeze())
            for number, (coupling, norm) in enumerate(pairs(channels)):
                mode = "channel_inv" if number % 2 else "channel"
                layers += [normflows.flows.AffineCouplingBlock(Interleaved(coupling.conditioner), split_mode=mode)]
                layers += [act_norm(norm)]
        scales.append(layers[::-1])
    bases = [normflows.distributions.DiagGaussian(shape, trainable=False) for shape in flow.stack.latent_shapes]
    merges = [normflows.flows.Merge("channel") for _ in flow.stack.channels]
    logit = normflows.transforms.Logit(flow.arguments["alpha"])
    return normflows.MultiscaleFlow(bases[::-1], scales[::-1], merges, logit, class_cond=False)


def pairs(stack: Any) -> list[tuple[Any, list[Any]]]:
    """Each coupling of a stack, and the normalisations of its parts behind it."""
    norms = [[each.of_channels for each in layer.maps] for layer in stack.layers[1::2]]
    return list(zip(stack.layers[::2], norms, strict=True))


def act_norm(norms: list[Any]) -> normflows.flows.ActNorm:
    """The normalisation of normflows, over all parts."""
    log_scale, shift = (torch.cat([getattr(norm, name) for norm in norms]).detach() for name in ("log_scale", "shift"))
    layer = normflows.flows.ActNorm((len(shift), 1, 1))
    if all(norm.initialized for norm in norms):
        layer.s.data = -log_scale[None, :, None, None]
        layer.t.data = (-shift * (-log_scale).exp())[None, :, None, None]
        layer.data_dep_init_done = torch.tensor(1.0)
    return layer


class NormFlows(nn.Module):
    """A flow of normflows as our loop trains it: a density of pixels.

    Arguments:
        flow: the architecture, whose networks it takes.
    """

    def __init__(self, flow: MultiScaleRealNVP) -> None:
        super().__init__()
        self.flow = of_normflows(flow)
        self.levels, self.event_shape, self.features = flow.levels, flow.event_shape, flow.features

    def log_prob(self, x: Tensor, context: None = None) -> Tensor:
        """``[rows, C, H, W]`` → ``[rows]``, nats."""
        found: Tensor = self.flow.log_prob(x / self.levels, context)
        return found - self.features * math.log(self.levels)


def trained(flow: Any, recipe: Any, x: np.ndarray) -> tuple[float, float]:
    """Trains by a recipe and leaves the weights of the best epoch; the processor's seconds in all, and an epoch."""
    rows = make_rows(x.reshape(len(x), -1))
    state, started = State(), time.process_time()
    epochs = list(train(flow, *rows.split(recipe.data.validation, recipe.training.seed), recipe.training, state))
    seconds = time.process_time() - started
    flow.load_state_dict(state.best)
    flow.eval()
    return seconds, seconds / len(epochs)


@torch.no_grad()
def log_prob(flow: Any, x: np.ndarray) -> np.ndarray:
    """The log-density of images: ``[rows, C, H, W]`` → ``[rows]``, nats."""
    found: np.ndarray = flow.log_prob(torch.from_numpy(x)).numpy()
    return found


def main() -> None:
    """Trains both and prints the table."""
    sys.path.insert(0, str(DIGITS))
    from evaluate import bits_per_dimension
    from make_rows import images

    parser = argparse.ArgumentParser(description="Multi-scale RealNVP on digits beside normflows.")
    parser.add_argument("--epochs", type=int, help="fewer than the recipe has")
    parser.add_argument("--seeds", type=int, default=1, help="how many trainings of each")
    given = parser.parse_args()
    torch.set_num_threads(1)
    recipe = load_recipe(DIGITS / "recipe.toml")
    x, held_out = images()
    print("| | bits per dimension, held out | seconds of one processor | an epoch | numbers trained |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for seed in range(given.seeds):
        changes = {"seed": seed} | ({"epochs": given.epochs} if given.epochs else {})
        training = msgspec.structs.replace(recipe.training, **changes)
        of_seed = msgspec.structs.replace(recipe, training=training)
        for name, wrapped in (("flowexport", lambda flow: flow), ("normflows", NormFlows)):
            torch.manual_seed(seed)
            flow = wrapped(MultiScaleRealNVP(**msgspec.structs.asdict(recipe.image_flow)))
            count = sum(parameter.numel() for parameter in flow.parameters())
            seconds, an_epoch = trained(flow, of_seed, x)
            mean, error = bits_per_dimension(partial(log_prob, flow), held_out)
            figures = f"{mean:.3f} ± {error:.3f} | {seconds:.0f} | {an_epoch:.2f} | {count:,}"
            print(f"| {name}, seed {seed} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
