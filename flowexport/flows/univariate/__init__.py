r"""Univariate bijections: what a coupling does to one feature, given parameters from its conditioner.

A univariate bijection is a module with

- ``sizes``: a dictionary, parameter name → how many numbers a feature needs;
- ``forward_and_log_det(x, *parameters)`` and ``inverse_and_log_det(y, *parameters)``, elementwise on ``[*, features]``.
  A parameter of one number comes as ``[*, features]``, of more as ``[*, features, size]``. The log-determinant
  comes back unsummed, ``[*, features]``, or as None where the volume does not change. Parameters equal to zero
  give the identity.

What it may have besides:

- ``arguments``: the constructor's arguments as plain values, so that a checkpoint can build it again;
- ``shift_side``: ``"after"`` where a parameter ``shift`` is added to what the map makes of x, as in
  :math:`y = x e^l + t`, and ``"before"`` where it is taken off first, as in :math:`y = (x - t) e^l`. Either says
  that :math:`\tau(s x; s t) = s \, \tau(x; t)`, so that export can fold scales through the map;
- ``starts_as_identity``: True where the conditioner's last Linears are to start at zero.

A new one is one file: decorate the class with `register`, and put ``check_univariate(MyMap())`` of
`flowexport.testing` into a test.
"""

from .additive import Additive
from .affine import Affine
from .affine_spline import AffineSpline
from .exponential import ExponentialAffine
from .inverse import Inverse
from .registry import UNIVARIATES, described, make_univariate, register
from .sigmoid import SigmoidAffine
from .spline import RationalQuadraticSpline

__all__ = [
    "UNIVARIATES",
    "Additive",
    "Affine",
    "AffineSpline",
    "ExponentialAffine",
    "Inverse",
    "RationalQuadraticSpline",
    "SigmoidAffine",
    "described",
    "make_univariate",
    "register",
]
