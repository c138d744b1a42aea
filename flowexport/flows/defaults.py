"""What a flow is where nothing is said: one place for the class, `fit` and the recipe, with the reason of each.

Chosen by `python -m benchmarks.quality`; docs/training.md has its table. What the reference page, that of zuko's
RealNVP, has in their place is `REFERENCE_PAGE`: a flow that is called with it gives zuko's numbers from zuko's weights.
"""

from __future__ import annotations

__all__ = ["ACTIVATION", "HIDDEN_FEATURES", "MASKS", "REFERENCE_PAGE", "TRANSFORMS", "UNIVARIATE", "WHITEN"]

from collections.abc import Mapping
from types import MappingProxyType

TRANSFORMS = 4
"""Each feature is moved twice, given what the other half has become."""

HIDDEN_FEATURES = (32, 32)
"""Half of the reference page's widths: on thirty tables of 50 to 1,400 rows wider networks learn rows by heart."""

ACTIVATION = "SiLU"
"""Smooth, and straight far out, as the log scale of a funnel is: `Tanh`, which is bounded, costs 10 nats there. What
is bounded beside the data is the scale itself."""

UNIVARIATE: Mapping[str, object] = MappingProxyType(
    {"name": "AffineSpline", "slope": 0.1, "bins": 8, "bound": 5.0, "spline_slope": 0.03}
)
"""An affine map follows scales and places that change with the kept features, a spline gives any shape, two bumps and
edges too; each alone is weak at what the other does. Beyond five deviations the spline is the identity, and the scale
stays between a tenth and ten, so that the density falls far out and does not explode beside the data. The spline's
slope stays within a factor of 33: what is steeper is a spike, whose samples float32 cannot place."""

MASKS = "dependent"
"""Features that depend on each other belong in different halves: two that share one are never moved given each other,
and the plane of a swiss roll, with an independent feature beside it, is not learned at all."""

WHITEN = True
"""With couplings that start as the identity the first density is the Gaussian of the rows: training can only gain on
it, since it keeps the best epoch and counts the start among them."""

REFERENCE_PAGE: dict[str, object] = {
    "transforms": 3,
    "hidden_features": (64, 64),
    "activation": "ReLU",
    "univariate": "Affine",
    "masks": "alternating",
    "whiten": False,
}
"""What the reference page has where nothing is said, and what a checkpoint means that does not say it."""
