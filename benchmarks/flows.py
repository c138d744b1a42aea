"""The flows that are compared: one architecture in zuko, from its weights in flowexport, in nflows and normflows."""

from __future__ import annotations

__all__ = ["SHAPES", "Flows", "Shape", "nflows_flow", "normflows_flow", "zuko_flow"]

import logging
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import nflows.distributions
import nflows.flows
import nflows.nn.nets
import nflows.transforms
import normflows
import torch
import zuko
from torch import Tensor, nn

import flowexport
from flowexport.bundle import open_bundle
from flowexport.interop import from_zuko


class Shape(NamedTuple):
    """Features, coupling layers, and the width of the two hidden layers."""

    features: int
    layers: int
    hidden: int

    def __str__(self) -> str:
        return f"{self.features}, {self.layers}, {self.hidden}"


SHAPES = (Shape(2, 6, 64), Shape(10, 5, 128), Shape(64, 10, 512))

LAST_LAYER = 0.1
"""Factor on the weights of each last Linear. As initialised, the widest flow is no density one could train: ten
layers take a row at ten deviations to a log_prob of −10¹⁵, and its export is rightly refused."""


@dataclass(frozen=True)
class Flows:
    """A flow of random weights in zuko, and what is made of it.

    Arguments:
        shape: of the flow.
        folder: an existing folder for its bundle.
    """

    shape: Shape
    folder: Path

    @cached_property
    def zuko(self) -> zuko.flows.RealNVP:
        """In PyTorch."""
        flow = zuko_flow(self.shape).requires_grad_(False)
        for layer in flow.transform.transforms:
            layer.hyper[-1].weight *= LAST_LAYER
        return flow

    @cached_property
    def bundle(self) -> Path:
        """Our export of it."""
        path = self.folder / "_".join(map(str, self.shape))
        flowexport.export(from_zuko(self.zuko), path)
        return path

    def graph(self, verb: str) -> Path:
        """The ONNX file of our export."""
        bundle = open_bundle(self.bundle)
        return bundle.path / bundle.spec(verb).file

    @cached_property
    def plain(self) -> dict[str, bytes]:
        """Verb → the plain export of zuko's flow, as ONNX bytes."""
        return {verb: plain_export(self.zuko, verb) for verb in ("log_prob", "sample")}


def zuko_flow(shape: Shape) -> zuko.flows.RealNVP:
    """As the page of zuko's RealNVP makes it, from the same random weights every time."""
    torch.manual_seed(0)
    return zuko.flows.RealNVP(shape.features, transforms=shape.layers, hidden_features=(shape.hidden, shape.hidden))


class Network(nflows.nn.nets.MLP):
    """The MLP of nflows as its couplings call it."""

    def forward(self, inputs: Tensor, context: None = None) -> Tensor:
        return super().forward(inputs)


def nflows_flow(shape: Shape) -> Any:
    """Affine couplings of nflows with the same masks, depth and widths; its scale is a sigmoid."""
    torch.manual_seed(0)
    hidden = [shape.hidden, shape.hidden]
    # Layer i keeps the features of i's parity; nflows marks those that are moved.
    couplings = [
        nflows.transforms.AffineCouplingTransform(
            (torch.arange(shape.features) % 2 != layer % 2).int(), lambda kept, out: Network([kept], [out], hidden)
        )
        for layer in range(shape.layers)
    ]
    transform = nflows.transforms.CompositeTransform(couplings)
    return nflows.flows.Flow(transform, nflows.distributions.StandardNormal([shape.features]))


def normflows_flow(shape: Shape) -> Any:
    """Affine couplings of normflows with the same depth and widths.

    Its masks are the first and the second half in place of even and odd, of the same size: how it splits vectors
    without an index of every number.
    """
    torch.manual_seed(0)
    half = shape.features // 2
    widths = [half, shape.hidden, shape.hidden, 2 * half]
    modes = ["channel" if layer % 2 == 0 else "channel_inv" for layer in range(shape.layers)]
    couplings = [normflows.flows.AffineCouplingBlock(normflows.nets.MLP(widths), split_mode=mode) for mode in modes]
    # normflows goes from z to x.
    return normflows.NormalizingFlow(normflows.distributions.DiagGaussian(shape.features), couplings[::-1])


class PlainExport(nn.Module):
    """zuko's own density or its inverse, wrapped as ``torch.onnx.export`` wants it and not rewritten.

    Arguments:
        flow: a zuko RealNVP.
        verb: ``log_prob`` or ``sample``.
    """

    def __init__(self, flow: zuko.flows.RealNVP, verb: str) -> None:
        super().__init__()
        self.flow = flow
        self.verb = verb

    def forward(self, x: Tensor) -> Tensor:
        """``[batch, features]`` → ``[batch]`` nats, or ``[batch, features]``."""
        density = self.flow()
        out: Tensor = density.log_prob(x) if self.verb == "log_prob" else density.transform.inv(x)
        return out


def plain_export(flow: zuko.flows.RealNVP, verb: str) -> bytes:
    """torch.onnx.export with its defaults, a dynamic batch, and one file."""
    example = torch.zeros(2, *flow.base().event_shape)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            PlainExport(flow, verb).eval(),
            (example,),
            dynamo=True,
            opset_version=18,
            input_names=["x"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    data: bytes = program.model_proto.SerializeToString()
    return data
