"""The mathematics, in PyTorch: bijections, conditioners, couplings, bases and the flows made of them."""

from .base import StandardNormal
from .build import architecture_of, build
from .conditioner import Conditioner
from .coupling import Coupling, HalvesStack, Stack, WholeStack
from .distribution import FlowDistribution, FlowTransform
from .flow import Flow
from .realnvp import RealNVP
from .standardize import Standardize
from .univariate import Affine

__all__ = [
    "Affine",
    "Conditioner",
    "Coupling",
    "Flow",
    "FlowDistribution",
    "FlowTransform",
    "HalvesStack",
    "RealNVP",
    "Stack",
    "StandardNormal",
    "Standardize",
    "WholeStack",
    "architecture_of",
    "build",
]
