"""Is a model good: its density and its samples beside rows, in numpy; pictures and classifiers where installed."""

from .baselines import Sample, cross_fitted
from .estimate import Estimate, bits, mean_of, nll_of
from .gaussian import Gaussian, design, fit_gaussian
from .kept import quality_of, ranges_of

__all__ = [
    "Estimate",
    "Gaussian",
    "Sample",
    "bits",
    "cross_fitted",
    "design",
    "fit_gaussian",
    "mean_of",
    "nll_of",
    "quality_of",
    "ranges_of",
]
