"""RealNVP."""

from __future__ import annotations

__all__ = ["NICE", "RealNVP"]

from collections.abc import Callable, Mapping, Sequence

from torch import nn

from flowexport.errors import ArgumentError

from .arguments import (
    base_of,
    bounds_of,
    choice,
    drawn_masks,
    encoder_of,
    flag,
    fraction,
    hidden_widths,
    named,
    normalised,
    require_network,
    whole,
)
from .assemble import conditional_normal, couplings_of, interleaved, parts_of, stack_of
from .base import GaussianMixture, StandardNormal
from .conditioner import Network
from .defaults import ACTIVATION, HIDDEN_FEATURES, MASKS, TRANSFORMS, UNIVARIATE, WHITEN
from .diagonal import ActNorm, BatchNorm, DiagonalNormal, Scaling
from .flow import Flow
from .linear import LULinear, Permutation
from .stack import PerPart
from .univariate import described, make_univariate

ACTIVATIONS: dict[str, type[nn.Module]] = {
    kind.__name__: kind for kind in (nn.ELU, nn.GELU, nn.LeakyReLU, nn.ReLU, nn.SiLU, nn.Softplus, nn.Tanh)
}
"""Activations that a checkpoint can name."""

NORMALIZATIONS: dict[str, type[ActNorm | BatchNorm]] = {kind.__name__: kind for kind in (ActNorm, BatchNorm)}
"""Layers behind each coupling."""

MIXINGS: dict[str, type[LULinear | Permutation]] = {kind.__name__: kind for kind in (LULinear, Permutation)}
"""Layers on the whole vector between couplings."""


class RealNVP(Flow):
    r"""A stack of couplings, each moving some of the features given the others and the context.

    A single feature has nothing to be split into: every layer is then an elementwise map, given the context.

    What is not said is chosen to be good on most tables, `flowexport.flows.defaults` says why; with ``transforms=3``,
    ``activation="ReLU"``, ``univariate="Affine"``, ``masks="alternating"`` and ``whiten=False`` it is zuko's RealNVP.

    References:
        Density estimation using Real NVP (Dinh et al., 2016), https://arxiv.org/abs/1605.08803

    Arguments:
        features: the number of features.
        context: the number of context columns.
        transforms: the number of couplings.
        randmask: the same as ``masks="random"``, by the name that it has in zuko.
        hidden_features: width of each hidden layer of the conditioners; may be empty.
        activation: the activation between them, a class or its name.
        univariate: what a coupling does to a feature: a class, a module, a registered name, or a mapping of ``name``
            and arguments; see `flowexport.flows.univariate`.
        masks: ``"dependent"`` (halves, which training chooses so that features that depend on each other are apart;
            until then, and where features are mixed, they are alternating), ``"alternating"`` (even and odd features
            kept in turn), ``"halves"``, ``"random"``, or a sequence of booleans a layer, True where the feature is
            kept.
        cover: whether random masks move every feature at least once; False is the plain draw of zuko.
        normalization: a layer behind each coupling, ``"ActNorm"`` or ``"BatchNorm"``.
        mixing: a layer between couplings, ``"Permutation"`` (random, fixed) or ``"LULinear"`` (learned).
        scaling: whether a learned scale a feature ends the stack, as in NICE.
        residual: whether hidden layers are residual blocks, after a first layer; their widths must be equal.
        layer_norm: whether hidden layers are normalised; ``"unbiased"`` takes the unbiased variance, as zuko does, and
            needs layers of at least two.
        dropout: the fraction of hidden numbers dropped in training.
        base: the density at the end of the stack: ``"StandardNormal"``; ``"DiagonalNormal"`` with learned mean and
            scale; ``"ConditionalNormal"``, whose mean and scale are linear in the encoded context (one pair a class
            for a one-hot context); or ``{"name": "GaussianMixture", "components": k}``.
        bounds: (lower, upper) of each feature, None for none: such columns are taken to the whole line by a log or
            a logit map, inside the flow.
        whiten: whether a fixed linear map stands in front, which training sets so that features start uncorrelated; see
            `flowexport.flows.Whiten`.
        categories: for each context column the number of its categories, 0 for a number. Codes count from 0.
        embeddings: for each context column the width of a learned embedding, 0 for one-hot.

    Raises:
        ArgumentError: for an argument that cannot be, or two that do not go together, by name.

    Example:
        >>> flow = RealNVP(features=10, transforms=5, hidden_features=(128, 128))
        >>> x = flow().sample((1000,))
        >>> flow().log_prob(x).shape
        torch.Size([1000])
    """

    def __init__(
        self,
        features: int,
        context: int = 0,
        transforms: int = TRANSFORMS,
        randmask: bool = False,
        hidden_features: Sequence[int] = HIDDEN_FEATURES,
        activation: Callable[[], nn.Module] | str = ACTIVATION,
        univariate: object = UNIVARIATE,
        *,
        masks: str | Sequence[object] = MASKS,
        cover: bool = True,
        normalization: str | None = None,
        mixing: str | None = None,
        scaling: bool = False,
        residual: bool = False,
        layer_norm: bool | str = False,
        dropout: float = 0.0,
        base: str | Mapping[str, object] = "StandardNormal",
        bounds: Sequence[tuple[float | None, float | None]] | None = None,
        categories: Sequence[int] | None = None,
        embeddings: Sequence[int] | None = None,
        whiten: bool = WHITEN,
    ) -> None:
        given = {key: each for key, each in locals().items() if key not in ("self", "__class__")}
        features = whole("features", features, 1)
        context = whole("context", context, 0)
        transforms = whole("transforms", transforms, 1)
        hidden = hidden_widths(hidden_features)
        make_activation, activation_name = named("activation", activation, ACTIVATIONS)
        network = Network(
            hidden,
            make_activation,
            flag("residual", residual),
            normalised(layer_norm),
            fraction("dropout", dropout),
        )
        require_network(network)
        drawn = drawn_masks(features, transforms, flag("randmask", randmask), masks, flag("cover", cover))
        make_map = make_univariate(univariate)
        normalize = choice("normalization", normalization, NORMALIZATIONS)
        mix = choice("mixing", mixing, MIXINGS)
        if mix is not None and features == 1:
            raise ArgumentError(f"{mixing} has nothing to mix: there is one feature", key="mixing")
        base_name, components = base_of(base)
        if base_name == "ConditionalNormal" and not context:
            raise ArgumentError("ConditionalNormal needs a context", key="base")
        encoder = encoder_of(context, categories, embeddings)
        support = bounds_of(bounds, features)

        width = context if encoder is None else sum(encoder.widths)
        fixed = not (randmask or masks == "random")
        parts = parts_of(features, drawn, fixed and mix is None)
        couplings = couplings_of(parts, drawn, width, make_map, network, transforms)
        layers = interleaved(couplings, parts, normalize, mix)
        if flag("scaling", scaling):
            layers.append(PerPart(Scaling(size) for size in parts))
        if base_name == "DiagonalNormal":
            layers.append(PerPart(DiagonalNormal(size) for size in parts))
        elif base_name == "ConditionalNormal":
            layers += conditional_normal(parts, width, transforms)
        spelt = {
            "features": features,
            "context": context,
            "transforms": transforms,
            "hidden_features": hidden,
            "activation": activation_name,
            "univariate": described(make_map()),
            "masks": masks if isinstance(masks, str) or drawn is None else drawn.tolist(),
            "dropout": network.dropout,
            "base": dict(base) if isinstance(base, Mapping) else base,
            "bounds": None if bounds is None else [list(pair) for pair in bounds],
            "categories": None if encoder is None else encoder.categories,
            "embeddings": None if encoder is None else encoder.embeddings,
        }
        super().__init__(
            stack_of(parts, drawn, layers),
            GaussianMixture(features, components) if components else StandardNormal(features),
            (features,),
            context,
            given | spelt,
            support,
            encoder,
            whiten=flag("whiten", whiten),
        )


NICE = RealNVP
"""Another name for the same flow, as in zuko: couplings with any univariate map.

The flow of the paper of that name is ``RealNVP(features, univariate="Additive", scaling=True)``.
"""
