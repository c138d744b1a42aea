"""More rows than one machine has time for: scores and samples by tasks of Ray, a file or some of its rows each."""

from .sampling import Sampler, sample_files
from .scoring import Scorer, score_files

__all__ = ["Sampler", "Scorer", "sample_files", "score_files"]
