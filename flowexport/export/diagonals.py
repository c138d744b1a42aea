r"""The fold of diagonal layers: scales travel towards the z end, shifts back to where their feature last moved.

On the way from x to z the graph holds :math:`v` where the flow has :math:`u = s v + b`, feature by feature.

- A conditioner that reads u takes columns · s and bias + W b into its first Linear.
- A map with its shift ``after``, :math:`u' = u e^l + t`, is :math:`v' = v e^l + t / s`: the Linear of the shift is
  divided by s, and s goes on. The same holds for one with its shift ``before``, which takes b in besides.
- A diagonal layer multiplies s. Its shift goes back into the shift of the coupling that moved the feature last (into
  the mean of the data where none has), and out of the bias of every conditioner that has read the feature since.
- A linear layer takes s and b into its matrix and its bias.
- What nothing takes, before a spline for instance, becomes one Mul and one Add.
- At the z end s is the exit scale, or goes into the components of a mixture.
"""

from __future__ import annotations

__all__ = ["fold_diagonals"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from flowexport.flows import Coupling, HalvesStack, PerPart, WholeStack
from flowexport.flows.conditioner import MaskedConditioner

from .lean import DenseLinear, Diagonal, LeanFlow
from .networks import first_linears, head_parameters, reads_features

NOWHERE = -1
"""The place of a feature whose value nothing can shift: a spline's output."""


def fold_diagonals(lean: LeanFlow) -> None:
    """Takes the scale of the data and every diagonal layer out of the graph, as far as algebra allows."""
    stack = lean.stack
    maps = [each for layer in stack.layers if isinstance(layer, PerPart) for each in layer.maps]
    if type(stack) not in (HalvesStack, WholeStack) or not all(isinstance(m, (Diagonal, DenseLinear)) for m in maps):
        return
    walk = Walk.entering(lean)
    layers: list[nn.Module] = []
    for layer, route in stack.steps():
        if isinstance(layer, Coupling):
            layers += walk.through_coupling(layer, *route)
        else:
            layers += walk.through_maps(layer)
    layers += walk.leave(lean)
    stack.layers = nn.ModuleList(layers)
    for module in stack.modules():
        if isinstance(module, Diagonal):
            module.drop_zero_shift()


@dataclass
class Part:
    """What is pending of one part: u = scale · v + shift, and where each feature's v was last made.

    Arguments:
        scale, shift: ``[features]`` each.
        place: ``[features]``, the index of the place that can still shift v, or `NOWHERE`.
        readers: (time, Linears, columns) of each conditioner that has read v.
    """

    scale: Tensor
    shift: Tensor
    place: Tensor
    readers: list[tuple[int, Sequence[nn.Linear], Tensor]] = field(default_factory=list)

    @property
    def trivial(self) -> bool:
        return bool((self.scale == 1).all() and (self.shift == 0).all())


@dataclass
class Walk:
    """The way through the layers.

    Arguments:
        parts: what is pending of each.
        means: the mean of the data, a tensor a part; behind a whitening matrix, its bias turned round.
        places: for each place what shifts the v that was made there, given ``[features]``.
        join: takes parts to their vector.
    """

    parts: list[Part]
    means: list[Tensor]
    places: list[Callable[[int, Tensor], object]]
    join: Callable[[Sequence[Tensor]], Tensor]

    @classmethod
    def entering(cls, lean: LeanFlow) -> Walk:
        """The state at the entrance: the scale of the data is pending."""
        ones = torch.ones(lean.event_shape, dtype=torch.float64)
        split = lean.stack.split
        scales = split(ones if lean.entrance is None else lean.entrance)
        means = split(ones * 0 if lean.mean is None or lean.whiten is not None else lean.mean)
        parts = [Part(scale.clone(), scale * 0, torch.zeros(len(scale), dtype=torch.int64)) for scale in scales]
        walk = cls(parts, [mean.clone() for mean in means], [], lambda parts: lean.stack.join(tuple(parts)))

        def shift_mean(part: int, by: Tensor) -> None:
            walk.means[part] -= by

        walk.places.append(shift_mean)
        return walk

    def through_coupling(self, coupling: Coupling, kept: int, moved: int) -> list[nn.Module]:
        """Passes a coupling, behind a diagonal layer where it cannot take what is pending."""
        conditioner, univariate = coupling.conditioner, coupling.univariate
        mask = conditioner.mask if isinstance(conditioner, MaskedConditioner) else None
        moves = moved_rows(coupling)
        side = getattr(univariate, "shift_side", None)
        # An affine map with its shift behind it would multiply what is pending.
        pending = self.parts[moved]
        stuck = side is None or (side == "after" and bool((pending.shift[moves] != 0).any()))
        before = self.spelt_out([moved]) if stuck and not pending.trivial else []
        source, target = self.parts[kept], self.parts[moved]

        if reads_features(conditioner):
            columns = torch.ones(len(source.scale), dtype=torch.float64) if mask is None else mask.double()
            linears = first_linears(conditioner)
            for linear in linears:
                seen = linear.weight[:, : len(columns)]
                linear.bias.add_(seen @ (columns * source.shift))
                seen *= source.scale
            source.readers.append((len(self.places), linears, columns))
        if side is None:
            target.place[moves] = NOWHERE
            return [*before, coupling]

        shifts = head_parameters(coupling, "shift")
        if side == "before":
            shifts[-1] -= torch.where(moves, target.shift, 0)
            target.shift = torch.where(moves, 0, target.shift)
        for parameter in shifts:
            parameter /= target.scale if parameter.ndim == 1 else target.scale[:, None]
        target.place[moves] = NOWHERE if side == "before" else len(self.places)
        if side == "after":
            self.places.append(lambda _, by: shifts[-1].add_(by))
        return [*before, coupling]

    def through_maps(self, layer: Any) -> list[nn.Module]:
        """Passes diagonal layers, which vanish, and linear ones, which stay."""
        for number, each in enumerate(layer.maps):
            part = self.parts[number]
            if isinstance(each, DenseLinear):
                each.bias += each.weight @ part.shift
                each.weight *= part.scale
                each.inverse /= part.scale[:, None]
                self.parts[number] = self.made_here(part, each.bias)
                return [layer]
            part.scale, part.shift = part.scale * each.scale, part.shift * each.scale
            self.push_back(number, each.shift)
        return []

    def push_back(self, number: int, shift: Tensor) -> None:
        """Takes a shift of u back to where each feature's v was made; what has no such place stays pending."""
        part = self.parts[number]
        by = shift / part.scale
        for index in part.place.unique().tolist():
            here = part.place == index
            if index == NOWHERE:
                part.shift = part.shift + torch.where(here, shift, 0)
                continue
            moved = torch.where(here, by, 0)
            self.places[index](number, moved)
            for time, linears, columns in part.readers:
                if time > index:
                    for linear in linears:
                        linear.bias.sub_(linear.weight[:, : len(columns)] @ (columns * moved))

    def spelt_out(self, numbers: Sequence[int]) -> list[nn.Module]:
        """A layer that does what is pending of some parts; of the others it does nothing."""
        maps: list[nn.Module] = []
        for number, part in enumerate(self.parts):
            if number in numbers:
                diagonal = Diagonal(part.scale.clone(), part.shift.clone())
                self.parts[number] = self.made_here(part, diagonal.shift)
                maps.append(diagonal)
            else:
                maps.append(Nothing())
        return [PerPart(maps)]

    def made_here(self, part: Part, shift: Tensor) -> Part:
        """The part, fresh from a layer whose ``shift`` can be changed."""
        self.places.append(lambda _, by: shift.add_(by))
        one = torch.ones_like(part.scale)
        return Part(one, one * 0, torch.full_like(part.place, len(self.places) - 1))

    def leave(self, lean: LeanFlow) -> list[nn.Module]:
        """Hands over what is pending at the z end."""
        last: list[nn.Module] = []
        shifted = [number for number, part in enumerate(self.parts) if bool((part.shift != 0).any())]
        if shifted and lean.mixture is None:
            last = self.spelt_out(shifted)
        scale, shift = (self.join([getattr(part, name) for part in self.parts]) for name in ("scale", "shift"))
        if lean.mixture is not None:
            lean.mixture.rescale(scale, shift)
        elif bool((scale != 1).any()):
            lean.exit = scale if lean.exit is None else scale * lean.exit
        mean = self.join(self.means)
        if lean.whiten is not None:
            lean.whiten.bias -= mean
            return last
        lean.mean = mean if lean.mean is not None or bool((mean != 0).any()) else None
        lean.entrance = None
        return last


class Nothing(nn.Module):
    """The identity, for the part that a layer has nothing to do with."""

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, None]:
        return x, None

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, None]:
        return y, None


def moved_rows(coupling: Coupling) -> Tensor:
    """Which features of its part a coupling moves, ``[features]``."""
    conditioner = coupling.conditioner
    if isinstance(conditioner, MaskedConditioner):
        return ~conditioner.mask
    # What a folded mask leaves behind. Zeros in the weights would not tell: a sigmoid's offset is in every bias.
    moved: Tensor | None = getattr(conditioner, "moved", None)
    if moved is not None:
        return moved
    name, size = next(iter(conditioner.sizes.items()))
    return torch.ones(len(head_parameters(coupling, name)[-1]) // size, dtype=torch.bool)
