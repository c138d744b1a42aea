"""Steps of Adam on all weights of a flow as one vector.

A flow has fifty-odd small tensors, and on a small batch an optimiser, the clip and the average that go from one to the
next spend a quarter of a step on calls. As one vector they are a few operations. Of `torch.optim` it is the kernel
that is taken, with the same numbers: its classes import torch's compiler, more than a second before the first step.
"""

from __future__ import annotations

__all__ = ["Descent"]

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from flowexport.flows import Flow

from .recipe import TrainingSpec

BETAS = 0.9, 0.999
"""How much of the mean of the gradient, and of its square, a step keeps."""

EPSILON = 1e-8
"""Added to the root of the mean square that is divided by."""

TINY = 1e-6
"""Added to a norm that is divided by, as torch's own clip does."""


class Descent:
    """The weights that are trained, as one vector, with their optimiser and their average.

    The flow's own tensors stay its own: they are read by `gather`, and written behind every step.

    Arguments:
        flow: what is trained; weights that ask for no gradient stay as they are.
        averaged: a copy of it that gets the average of the weights, or the flow itself where none is kept.
        spec: of the training.
        decay: of the weights.
    """

    def __init__(self, flow: Flow, averaged: Flow, spec: TrainingSpec, decay: float) -> None:
        named = [*flow.named_parameters()]
        self.indices = [index for index, (_, each) in enumerate(named) if each.requires_grad]
        trained = [named[index][0] for index in self.indices]
        self.weights: list[Tensor] = [flow.get_parameter(name) for name in trained]
        self.averages: list[Tensor] = [] if averaged is flow else [averaged.get_parameter(name) for name in trained]
        self.vector = joined(self.weights)
        self.parts = parts_of(self.vector, self.weights)
        self.average = joined(self.averages) if self.averages else None
        self.taken = torch.zeros_like(self.vector)
        self.slots = {slot: torch.zeros_like(self.vector) for slot in ("exp_avg", "exp_avg_sq")}
        self.steps = torch.zeros((), device=self.vector.device)
        self.adam = torch._fused_adamw_ if spec.optimizer == "adamw" else torch._fused_adam_
        self.rate, self.decay, self.clip = spec.learning_rate, decay, spec.clip
        self.kept = spec.average

    @torch.no_grad()
    def gather(self) -> None:
        """Reads the weights of the flow, which the first batch may have started."""
        torch._foreach_copy_(self.parts, self.weights)

    def gradient(self, loss: Tensor) -> Tensor:
        """Takes the gradient of a loss, clipped; its norm before that, a scalar."""
        gradients = torch.autograd.grad(loss, self.weights, allow_unused=True, materialize_grads=True)
        gradient = self.taken = joined(gradients)
        norm: Tensor = torch.linalg.vector_norm(gradient)
        if self.clip:
            gradient.mul_((self.clip / (norm + TINY)).clamp_max_(1))
        return norm

    @torch.no_grad()
    def step(self, rate: float, step: int) -> None:
        """Moves the weights by the gradient that was taken.

        The average follows; at first over few steps, so that the start is soon forgotten.

        Arguments:
            rate: of learning.
            step: from 1 on, of all.

        References:
            Acceleration of stochastic approximation by averaging (Polyak and Juditsky, 1992),
            https://doi.org/10.1137/0330046
        """
        self.rate = rate
        self.steps += 1
        self.adam(
            [self.vector],
            [self.taken],
            [self.slots["exp_avg"]],
            [self.slots["exp_avg_sq"]],
            [],
            [self.steps],
            lr=rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=self.decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )
        torch._foreach_copy_(self.weights, self.parts)
        if self.average is not None:
            # The first step is taken as it is: it may have started layers by its batch.
            self.average.lerp_(self.vector, 1 - min(self.kept, (step - 1) / (step + 9)))

    @torch.no_grad()
    def write_average(self) -> None:
        """Gives the averaged flow the average as it is now."""
        if self.average is not None:
            torch._foreach_copy_(self.averages, parts_of(self.average, self.averages))

    def state(self) -> dict[str, Tensor]:
        """The optimiser's state as named tensors, ``<weight>.<slot>``, as if it held weight by weight."""
        named = {f"{index}.step": self.steps.clone() for index in self.indices}
        for slot, vector in self.slots.items():
            parts = parts_of(vector, self.weights)
            named |= {f"{index}.{slot}": part.clone() for index, part in zip(self.indices, parts, strict=True)}
        return named

    def load(self, named: dict[str, Tensor]) -> None:
        """Puts back what `state` took."""
        for slot, vector in self.slots.items():
            for index, part in zip(self.indices, parts_of(vector, self.weights), strict=True):
                # A weight that no gradient had reached has no state where it was kept weight by weight.
                if (kept := named.get(f"{index}.{slot}")) is not None:
                    part.copy_(kept)
        self.steps.copy_(next(each for key, each in named.items() if key.endswith(".step")))


@torch.no_grad()
def joined(tensors: Iterable[Tensor]) -> Tensor:
    """Tensors as one vector, a copy."""
    return torch.cat([each.reshape(-1) for each in tensors])


def parts_of(vector: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Views of a vector in the shapes of the tensors that it was joined of."""
    parts = vector.split([each.numel() for each in like])
    return [part.view_as(each) for part, each in zip(parts, like, strict=True)]
