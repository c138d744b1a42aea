"""The mathematics, in PyTorch: bijections, conditioners, couplings, bases and the flows made of them."""

from .base import GaussianMixture, StandardNormal
from .bounds import Bounds
from .build import architecture_of, build
from .conditioner import Conditioner
from .context import ContextEncoder
from .coupling import Coupling
from .diagonal import ActNorm, BatchNorm, DiagonalNormal, Scaling
from .distribution import FlowDistribution, FlowTransform
from .flow import Flow
from .images import MultiScaleRealNVP
from .linear import LULinear, Permutation
from .realnvp import NICE, RealNVP
from .sequence import CouplingFlow
from .stack import HalvesStack, PerPart, Stack, WholeStack
from .standardize import Standardize
from .univariate import (
    Additive,
    Affine,
    ExponentialAffine,
    Inverse,
    RationalQuadraticSpline,
    SigmoidAffine,
    register,
)
from .whiten import Whiten

__all__ = [
    "NICE",
    "ActNorm",
    "Additive",
    "Affine",
    "BatchNorm",
    "Bounds",
    "Conditioner",
    "ContextEncoder",
    "Coupling",
    "CouplingFlow",
    "DiagonalNormal",
    "ExponentialAffine",
    "Flow",
    "FlowDistribution",
    "FlowTransform",
    "GaussianMixture",
    "HalvesStack",
    "Inverse",
    "LULinear",
    "MultiScaleRealNVP",
    "PerPart",
    "Permutation",
    "RationalQuadraticSpline",
    "RealNVP",
    "Scaling",
    "SigmoidAffine",
    "Stack",
    "StandardNormal",
    "Standardize",
    "Whiten",
    "WholeStack",
    "architecture_of",
    "build",
    "register",
]
