"""A flow of any layers in any order."""

from __future__ import annotations

__all__ = ["CouplingFlow"]

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from torch import Tensor, nn

from flowexport.errors import ArgumentError

from . import masks
from .arguments import flag, fraction, hidden_widths, named, normalised, require_network, whole
from .assemble import coupling_of, parts_of, stack_of
from .base import StandardNormal
from .conditioner import Network
from .diagonal import ActNorm, BatchNorm, DiagonalNormal, Scaling
from .flow import Flow
from .linear import LULinear, Permutation
from .realnvp import ACTIVATIONS, MIXINGS
from .stack import PerPart
from .univariate import described, make_univariate

MAPS: dict[str, type[nn.Module]] = {
    kind.__name__: kind for kind in (ActNorm, BatchNorm, DiagonalNormal, LULinear, Permutation, Scaling)
}
"""The layers that are no couplings."""


@dataclass(frozen=True)
class CouplingLayer:
    """A coupling as a plain mapping spells it.

    Arguments:
        mask: booleans, True where the feature is kept.
        univariate, hidden_features, activation, residual, layer_norm, dropout: as `RealNVP` has them.
    """

    mask: Sequence[bool]
    univariate: object = "Affine"
    hidden_features: Sequence[int] = (64, 64)
    activation: str = "ReLU"
    residual: bool = False
    layer_norm: bool | str = False
    dropout: float = 0.0

    def network(self) -> Network:
        """The hidden layers of its conditioner."""
        if not isinstance(self.activation, str):
            raise ArgumentError(f"expected one of {', '.join(sorted(ACTIVATIONS))}", key="activation")
        network = Network(
            hidden_widths(self.hidden_features),
            named("activation", self.activation, ACTIVATIONS)[0],
            flag("residual", self.residual),
            normalised(self.layer_norm),
            fraction("dropout", self.dropout),
        )
        require_network(network)
        return network

    def plain(self, mask: Tensor) -> dict[str, object]:
        """The same with every default written out, so that a flow has one spelling."""
        univariate = described(make_univariate(self.univariate)())
        plain = {"mask": mask.tolist(), "univariate": univariate, "hidden_features": list(self.hidden_features)}
        return {"layer": "Coupling", **asdict(self), **plain}


class CouplingFlow(Flow):
    """Couplings, elementwise and linear layers, in any order and each with arguments of its own.

    `RealNVP` is the flow to train; this one is what a stack of another library becomes whose layers do not repeat, or
    not in RealNVP's order. The base is the standard normal, and a last layer ``DiagonalNormal`` makes another of it.

    Arguments:
        features: the number of features, at least 2.
        context: the number of context columns.
        layers: in the order x → z, a mapping each. ``"layer"`` is ``"Coupling"``, with a ``"mask"`` (a sequence of
            booleans, True where the feature is kept) and ``univariate``, ``hidden_features``, ``activation``,
            ``residual``, ``layer_norm`` and ``dropout`` as `RealNVP` has them; or one of ``"ActNorm"``,
            ``"BatchNorm"``, ``"DiagonalNormal"``, ``"LULinear"``, ``"Permutation"``, ``"Scaling"``, with the
            arguments of that class.

    Raises:
        ArgumentError: for a layer that cannot be, by its position; for a mask, by the number of the coupling.

    Example:
        >>> coupling = {"layer": "Coupling", "mask": [True, False, True], "hidden_features": [32]}
        >>> flow = CouplingFlow(3, layers=[{"layer": "Permutation"}, coupling, {"layer": "LULinear"}, coupling])
        >>> flow().sample((5,)).shape
        torch.Size([5, 3])
    """

    def __init__(self, features: int, context: int = 0, layers: Sequence[Mapping[str, object]] = ()) -> None:
        features = whole("features", features, 2)
        context = whole("context", context, 0)
        if isinstance(layers, str) or not isinstance(layers, Sequence) or not layers:
            raise ArgumentError(f"expected a sequence of mappings, got {layers!r}", key="layers")
        chosen = [read(f"layers: position {position}", layer) for position, layer in enumerate(layers)]
        given = [layer.mask for layer in chosen if isinstance(layer, CouplingLayer)]
        drawn = masks.custom(given, features, len(given)) if given else None
        mixed = any(not isinstance(layer, CouplingLayer) and layer["layer"] in MIXINGS for layer in chosen)
        parts = parts_of(features, drawn, not mixed)

        modules: list[nn.Module] = []
        plain: list[dict[str, object]] = []
        rows = iter(() if drawn is None else drawn)
        for position, layer in enumerate(chosen):
            try:
                if isinstance(layer, CouplingLayer):
                    mask = next(rows)
                    modules.append(
                        coupling_of(parts, mask, context, make_univariate(layer.univariate), layer.network())
                    )
                    plain.append(layer.plain(mask))
                else:
                    arguments = {key: value for key, value in layer.items() if key != "layer"}
                    modules.append(PerPart(MAPS[str(layer["layer"])](size, **arguments) for size in parts))
                    plain.append(dict(layer))
            except (ArgumentError, TypeError) as error:
                raise ArgumentError(f"position {position}: {error}", key="layers") from error
        arguments = {"features": features, "context": context, "layers": plain}
        super().__init__(stack_of(parts, drawn, modules), StandardNormal(features), (features,), context, arguments)


def read(where: str, layer: object) -> CouplingLayer | Mapping[str, object]:
    """A layer from its mapping."""
    kind = layer.get("layer") if isinstance(layer, Mapping) else None
    if not isinstance(layer, Mapping) or not isinstance(kind, str) or kind not in {"Coupling", *MAPS}:
        raise ArgumentError(f"expected a mapping with 'layer': Coupling, {', '.join(MAPS)}; got {layer!r}", key=where)
    if kind != "Coupling":
        return layer
    try:
        return CouplingLayer(**{key: value for key, value in layer.items() if key != "layer"})
    except TypeError as error:
        raise ArgumentError(f"Coupling: {error}", key=where) from error
