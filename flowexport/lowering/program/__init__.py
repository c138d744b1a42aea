r"""A flow as data: frozen values that hold numpy arrays, and nothing that runs.

A `Program` maps rows x to a latent v, layer by layer, and has a base that gives v a density:

.. math:: \ln p(x \mid c) = \ln p_0(v) + \sum_k \ln |\det J_k|, \qquad v = (f_K \circ \dots \circ f_1)(b(x) - \mu)

with bounds b and a mean μ in front. `flowexport.lowering.evaluate` says what each value means. What is constant in
a log-determinant belongs to the layer that it is of, so that no rewriting of layers has a constant to carry along.
"""

from .arrays import Array, arrays_mapped
from .bases import Base, Mixture, Normal
from .layers import Coupling, Layer, Mix, Reorder, ScaleShift
from .maps import Chain, Clamp, Free, Inverse, Map, Opaque, Scaled, Shift, Sigmoid, Spline, UnitSpline
from .networks import Activation, Dense, Hidden, LayerNorm, Network, Residual
from .program import Bounds, Column, Program

__all__ = [
    "Activation",
    "Array",
    "Base",
    "Bounds",
    "Chain",
    "Clamp",
    "Column",
    "Coupling",
    "Dense",
    "Free",
    "Hidden",
    "Inverse",
    "Layer",
    "LayerNorm",
    "Map",
    "Mix",
    "Mixture",
    "Network",
    "Normal",
    "Opaque",
    "Program",
    "Reorder",
    "Residual",
    "ScaleShift",
    "Scaled",
    "Shift",
    "Sigmoid",
    "Spline",
    "UnitSpline",
    "arrays_mapped",
]
