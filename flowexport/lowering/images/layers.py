"""Folds of the layers of image flows: the same idea as `flowexport.lowering.passes`, on convolutions.

A scale a channel travels towards the z end through the weights, as for vectors. A shift a channel does not: a
convolution pads the image with zeros, so that what a shift adds at the border is no bias. It stays one Add.
"""

from __future__ import annotations

__all__ = [
    "fold_batch_norms",
    "fold_channel_maps",
    "fold_channel_masks",
    "fold_channel_scales",
    "fold_checkerboards",
    "fold_squeezes",
]

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from flowexport.flows import Coupling, Inverse, LULinear, Permutation, PerPart, SigmoidAffine, Stack
from flowexport.flows.contracts import UnivariateMap
from flowexport.flows.diagonal import Elementwise
from flowexport.flows.images import MaskedImageConditioner, PerChannel

from ..inverse import inverse_of
from .channels import ChannelLinear, ChannelShift, LeanCheckerboard, LeanSqueeze
from .lean import Diagonal, LeanImages
from .networks import first_weight, head_parameters, inner
from .univariates import ClampedAffine, SigmoidScale


def fold_batch_norms(lean: LeanImages) -> None:
    """The conditioners' batch normalisations become part of the convolutions that they follow."""
    for coupling in lean.stack.couplings:
        for module in list(inner(coupling.conditioner).modules()):
            if isinstance(module, nn.Sequential):
                match list(module):
                    case [nn.Conv2d() as convolution, nn.BatchNorm2d() as norm]:
                        module[0] = fuse_conv_bn_eval(convolution, norm).requires_grad_(False)
                        del module[1]


def fold_channel_maps(lean: LeanImages) -> None:
    """Layers that are the same at every pixel become a scale and a shift, or a matrix, a channel.

    Their log-determinants are constants: once for each pixel.
    """

    def folded(each: PerChannel, pixels: int) -> nn.Module:
        of_channels = each.of_channels
        if isinstance(of_channels, Permutation):
            weight = torch.eye(len(of_channels.order), dtype=torch.float64)[of_channels.order]
            return ChannelLinear(weight, weight.T.clone(), torch.zeros(len(weight), dtype=torch.float64))
        if isinstance(of_channels, LULinear):
            lean.constant += pixels * of_channels.log_diagonal.sum()
            weight = of_channels.weight()
            return ChannelLinear(
                weight, torch.from_numpy(inverse_of(weight.numpy())), of_channels.bias.detach().clone()
            )
        assert isinstance(of_channels, Elementwise)
        log_scale, shift = of_channels.coefficients()
        lean.constant += pixels * log_scale.sum()
        assert shift is not None
        return Diagonal(log_scale.exp()[:, None, None], shift.detach().clone()[:, None, None])

    _, height, width = lean.event_shape
    for scale, (pixels, channels) in enumerate(lean.stack.scales):
        of_scale = height * width // 4**scale
        replace_maps(pixels, partial(folded, pixels=of_scale))
        if channels is not None:
            replace_maps(channels, partial(folded, pixels=of_scale // 4))


def fold_channel_masks(lean: LeanImages) -> None:
    """Masks of channels become zeros in the first convolution and in the heads."""
    for _, channels in lean.stack.scales:
        for coupling in [] if channels is None else channels.couplings:
            conditioner = coupling.conditioner
            if isinstance(conditioner, MaskedImageConditioner):
                network = conditioner.network
                weight = first_weight(network)
                weight *= conditioner.kept
                for name, size in network.sizes.items():
                    moved = conditioner.moved.flatten().repeat_interleave(size)
                    for parameter in head_parameters(coupling, name):
                        parameter *= over_rows(moved, parameter)
                coupling.conditioner = network


def fold_checkerboards(lean: LeanImages) -> None:
    """A mask of pixels stays a product, but where the map can do without it.

    The cap of a clamped log scale becomes zero for kept pixels. A sigmoid's offset goes into the bias of its head and,
    for kept pixels, behind the mask.
    """
    for coupling in lean.stack.couplings:
        if isinstance(coupling.conditioner, MaskedImageConditioner):
            masked = LeanCheckerboard(coupling.conditioner)
            coupling.conditioner = masked
            coupling.univariate = on_checkerboard(coupling.univariate, coupling, masked)


def on_checkerboard(univariate: UnivariateMap, coupling: Coupling, masked: LeanCheckerboard) -> UnivariateMap:
    """The map of a coupling on pixels, with part of the mask in it."""
    if isinstance(univariate, Inverse):
        return Inverse(on_checkerboard(univariate.univariate, coupling, masked))
    if isinstance(univariate, ClampedAffine):
        univariate.cap = univariate.cap * masked.moved
        univariate.minus_cap = univariate.minus_cap * masked.moved
        masked.unmasked.add("log_scale")
    if isinstance(univariate, SigmoidAffine):
        head_parameters(coupling, "scale")[-1].add_(univariate.offset)
        masked.tell_kept("scale", univariate.offset)
        return SigmoidScale(univariate)
    return univariate


def fold_channel_scales(lean: LeanImages) -> None:
    """Scales of channels travel towards the z end: the graph holds v where the flow has u = scale · v.

    A conditioner that reads u takes the scale into its first convolution, a shift is divided by it, a matrix takes it
    into its columns, and a normalisation multiplies it and leaves one Add. In front of a spline it becomes one Mul. At
    the z end it is the exit scale.
    """
    stack = lean.stack
    if not all(isinstance(each, (Diagonal, ChannelLinear)) for of_scale in stack.stacks for each in maps_of(of_scale)):
        return
    # As an image, so that the stacks themselves say where each channel goes.
    scale = torch.ones(1, *lean.event_shape, dtype=torch.float64)
    exits = []
    for pixels, channels in stack.scales:
        (scale,) = scaled_through(pixels, [scale])
        latent = scale
        if channels is not None:
            scale, latent = channels.factor_out(tuple(scaled_through(channels, list(channels.split(scale)))))
        exits.append(latent.flatten())
    if any(bool((scale != 1).any()) for scale in exits):
        lean.exit = torch.cat(exits)


def scaled_through(stack: Stack, scales: list[Tensor]) -> list[Tensor]:
    """Takes the scales of the parts, ``[1, C, H, W]`` each, through a stack, whose layers are edited."""
    layers: list[nn.Module] = []
    for layer, route in stack.steps():
        if isinstance(layer, PerPart):
            layer.maps = nn.ModuleList(scaled_map(each, scales, part) for part, each in enumerate(layer.maps))
            layers.append(layer)
            continue
        assert isinstance(layer, Coupling)
        assert route is not None
        kept, moved = route
        shifted = getattr(layer.univariate, "shift_side", None) is not None
        if not shifted and bool((scales[moved] != 1).any()):
            layers.append(spelt_out(scales, moved))
            scales[moved] = torch.ones_like(scales[moved])
        weight = first_weight(layer.conditioner)
        weight *= of_channels(scales[kept])[:, None, None]
        if shifted:
            for parameter in head_parameters(layer, "shift"):
                parameter /= over_rows(of_channels(scales[moved]), parameter)
        layers.append(layer)
    stack.layers = nn.ModuleList(layers)
    return scales


def scaled_map(each: nn.Module, scales: list[Tensor], part: int) -> nn.Module:
    """The map of a part on v; its scale is set for what comes behind."""
    scale = scales[part]
    if isinstance(each, Diagonal):
        scales[part] = scale * each.scale
        return ChannelShift(each.shift / of_channels(scales[part])[:, None, None])
    assert isinstance(each, ChannelLinear)
    each.weight *= of_channels(scale)
    each.inverse /= of_channels(scale)[:, None]
    scales[part] = torch.ones_like(scale)
    return each


def spelt_out(scales: list[Tensor], part: int) -> PerPart:
    """A layer that multiplies one part by its scale, and does nothing to the others."""
    maps: list[nn.Module] = []
    for number, scale in enumerate(scales):
        factor = of_channels(scale) if number == part else torch.ones_like(of_channels(scale))
        diagonal = Diagonal(factor[:, None, None], torch.zeros_like(factor)[:, None, None])
        diagonal.drop_zero_shift()
        maps.append(diagonal)
    return PerPart(maps)


def fold_squeezes(lean: LeanImages) -> None:
    """A squeeze becomes one node."""
    for _, channels in lean.stack.scales:
        if channels is not None:
            channels.squeeze = LeanSqueeze()


def maps_of(stack: Stack) -> list[nn.Module]:
    """The maps of one part between the couplings of a stack."""
    return [each for layer in stack.layers if isinstance(layer, PerPart) for each in layer.maps]


def replace_maps(stack: Stack, replacement: Callable[[PerChannel], nn.Module]) -> None:
    """Puts another map in place of each `PerChannel`."""
    for layer in stack.layers:
        if isinstance(layer, PerPart):
            layer.maps = nn.ModuleList(
                replacement(each) if isinstance(each, PerChannel) else each for each in layer.maps
            )


def of_channels(image: Tensor) -> Tensor:
    """``[1, C, H, W]``, the same at every pixel → ``[C]``."""
    return image[0, :, 0, 0]


def over_rows(vector: Tensor, parameter: Tensor) -> Tensor:
    """``[C]`` in a shape that multiplies the rows of a weight or a bias."""
    return vector.reshape(-1, *[1] * (parameter.ndim - 1))
