"""Multi-scale RealNVP."""

from __future__ import annotations

__all__ = ["MultiScaleRealNVP"]

import numbers
from collections.abc import Callable, Sequence

from torch import nn

from flowexport.errors import ArgumentError

from ..arguments import choice, encoder_of, flag, fraction, named, whole
from ..base import StandardNormal
from ..bounds import Bounds
from ..flow import Flow
from ..realnvp import ACTIVATIONS, MIXINGS, NORMALIZATIONS
from ..univariate import described, make_univariate
from .assemble import Layers, scales_of
from .conditioner import ConvolutionalNetwork

AFFINE = {"name": "Affine", "slope": 0.2}
"""The univariate map by default, whose scales are between 1/5 and 5. An image passes ten couplings and more, and far
from the data their scales multiply: with a slope of 1e-3, as for vectors, digits at ten deviations came to
log-densities of −10²⁵, of which float32 keeps no digit."""


class MultiScaleRealNVP(Flow):
    r"""RealNVP for images: couplings on checkerboards and on channels, at several scales.

    Each scale but the last has couplings on checkerboards of pixels, trades space for channels (2 × 2 pixels become
    one of four times the channels), has couplings on halves of the channels, and leaves one half of them as latents.
    The last has one coupling on checkerboards more, and none on channels. Conditioners start by saying nothing, so the
    flow starts as its logit map, the normalisations and the mixings.

    Images are in pixel units, x in [0, levels): a byte is a whole number and noise u from U[0, 1), which training adds.
    The flow sees :math:`\mathrm{logit}(\alpha + (1 - 2 \alpha) \, x / \mathrm{levels})`, and its density is of x.

    References:
        Density estimation using Real NVP (Dinh et al., 2016), sections 3.4 to 3.6 and 4.1,
        https://arxiv.org/abs/1605.08803

    Arguments:
        shape: of an image, (channels, height, width).
        levels: the number of values that a pixel can have, 256 for bytes.
        context: the number of context columns.
        alpha: how far the logit map keeps from its ends, in (0, 0.5).
        scales: how many; each but the last halves height and width.
        couplings: on checkerboards, and again on channels, at each scale.
        hidden_channels: of the convolutional residual networks that are the conditioners.
        residual_blocks: of each of them.
        activation: in them, a class or its name.
        batch_norm: whether they normalise by batch behind each 3 × 3 convolution.
        dropout: the fraction of their channels dropped in training.
        univariate: what a coupling does to a number; see `flowexport.flows.univariate`. By default `AFFINE`.
        normalization: a layer with a scale and a shift a channel behind each coupling, ``"ActNorm"``, ``"BatchNorm"``
            or None.
        mixing: a layer on the channels in front of each coupling on channels, ``"LULinear"`` (the invertible 1 × 1
            convolution), ``"Permutation"`` or None.
        categories, embeddings: of the context columns, as for `flowexport.RealNVP`.

    Raises:
        ArgumentError: for an argument that cannot be, or two that do not go together, by name.

    Example:
        >>> flow = MultiScaleRealNVP(shape=(1, 8, 8), levels=17)
        >>> x = flow().sample((4,))
        >>> flow().log_prob(x).shape
        torch.Size([4])
    """

    def __init__(
        self,
        shape: Sequence[int],
        levels: int = 256,
        context: int = 0,
        *,
        alpha: float = 0.05,
        scales: int = 2,
        couplings: int = 3,
        hidden_channels: int = 32,
        residual_blocks: int = 2,
        activation: Callable[[], nn.Module] | str = nn.ReLU,
        batch_norm: bool = False,
        dropout: float = 0.0,
        univariate: object = AFFINE,
        normalization: str | None = "ActNorm",
        mixing: str | None = None,
        categories: Sequence[int] | None = None,
        embeddings: Sequence[int] | None = None,
    ) -> None:
        event = image_shape(shape)
        levels = whole("levels", levels, 2)
        context = whole("context", context, 0)
        scales = whole("scales", scales, 1)
        require_scales(event, scales)
        couplings = whole("couplings", couplings, 1)
        make_activation, activation_name = named("activation", activation, ACTIVATIONS)
        network = ConvolutionalNetwork(
            whole("hidden_channels", hidden_channels, 1),
            whole("residual_blocks", residual_blocks, 0),
            make_activation,
            flag("batch_norm", batch_norm),
            fraction("dropout", dropout),
        )
        if network.dropout and not network.residual_blocks:
            raise ArgumentError("is inside residual blocks, and there are none (residual_blocks=0)", key="dropout")
        make_map = make_univariate(univariate)
        normalize = choice("normalization", normalization, NORMALIZATIONS)
        mix = choice("mixing", mixing, MIXINGS)
        bounds = logit_bounds(levels, alpha)
        encoder = encoder_of(context, categories, embeddings)

        width = context if encoder is None else sum(encoder.widths)
        stack = scales_of(event, scales, couplings, Layers(make_map, network, width, normalize, mix))
        arguments = {
            "shape": list(event),
            "levels": levels,
            "context": context,
            "alpha": float(alpha),
            "scales": scales,
            "couplings": couplings,
            "hidden_channels": network.hidden_channels,
            "residual_blocks": network.residual_blocks,
            "activation": activation_name,
            "batch_norm": network.batch_norm,
            "dropout": network.dropout,
            "univariate": described(make_map()),
            "normalization": normalization,
            "mixing": mixing,
            "categories": None if encoder is None else encoder.categories,
            "embeddings": None if encoder is None else encoder.embeddings,
        }
        base = StandardNormal(sum(stack.sizes))
        super().__init__(stack, base, event, context, arguments, bounds, encoder, levels)


def image_shape(given: object) -> tuple[int, int, int]:
    """``shape`` as channels, height and width."""
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 3:
        raise ArgumentError(f"expected (channels, height, width), got {given!r}", key="shape")
    channels, height, width = (whole("shape", length, 1) for length in given)
    return channels, height, width


def require_scales(shape: tuple[int, int, int], scales: int) -> None:
    """Refuses more scales than an image can be halved, or a last one of a single pixel."""
    _, height, width = shape
    for scale in range(1, scales):
        if height % 2 or width % 2:
            raise ArgumentError(
                f"{scales} halve a {shape[1]} × {shape[2]} image {scales - 1} times, but scale {scale} is "
                f"{height} × {width}, which has no half; take scales={scale}",
                key="scales",
            )
        height, width = height // 2, width // 2
    if height * width == 1:
        cure = f"take scales={scales - 1}" if scales > 1 else "there is nothing for it to keep"
        raise ArgumentError(f"scale {scales} is a single pixel, which no checkerboard divides; {cure}", key="scales")


def logit_bounds(levels: int, alpha: object) -> Bounds:
    r"""The logit map of all pixels.

    Its slope being :math:`(1 - 2\alpha) / \mathrm{levels}`, it is that of a column between
    :math:`-\alpha \, \mathrm{levels} / (1 - 2\alpha)` and as far above ``levels``.
    """
    if isinstance(alpha, bool) or not isinstance(alpha, numbers.Real) or not 0 < float(alpha) < 0.5:
        raise ArgumentError(f"expected a number in (0, 0.5), got {alpha!r}", key="alpha")
    margin = float(alpha) * levels / (1 - 2 * float(alpha))
    return Bounds([(-margin, levels + margin)])
