"""That the two graphs are inverse to each other."""

from __future__ import annotations

__all__ = ["direction_check", "round_trip_check"]

import numpy as np

from flowexport.runtime import Model

from .bounds import direction_bound
from .checks import Check, compare
from .references import References
from .running import attempt


def direction_check(model: Model, references: References) -> Check:
    """log_prob of sample(z) against base(z) − ln |det ∂x/∂z|: that the two graphs are inverse to each other."""
    subject = "log_prob of sample"
    if references.z is None or references.log_prob_of_sample is None:
        return Check("direction", subject, "not run", detail="needs both graphs")
    z, context = references.z, references.context
    found = attempt(lambda: model.log_prob(model.sample_from(z, context), context))
    if isinstance(found, str):
        return Check("direction", subject, "failed", detail=found)
    bound = direction_bound(references.rounding, references.log_prob_of_sample)
    return compare("direction", subject, found, references.log_prob_of_sample, bound, "nats")


def round_trip_check(model: Model, references: References) -> Check:
    """The float64 latent of sample(z) against that of z: reported, since float32 need not invert a clamped flow."""
    subject = "latent of sample"
    if references.z is None:
        return Check("round trip", subject, "not run", detail="needs the graph sample")
    if references.latent is None:
        return Check("round trip", subject, "not run", detail="needs the trained model (--checkpoint)")
    found = attempt(lambda: model.sample_from(references.z, references.context))
    if isinstance(found, str):
        return Check("round trip", subject, "not run", detail=found)
    latent = references.latent(found.astype(np.float64), references.context)
    return Check(
        "round trip", subject, "reported", float(np.abs(latent - references.target).max()), detail="latent units"
    )
