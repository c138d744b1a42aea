"""How far a model is from the banana's true density: python evaluate.py BUNDLE_OR_RUN_FOLDER."""

from __future__ import annotations

__all__ = ["excess"]

import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from make_rows import VARIANCE, draw, log_density

ENTROPY = 1 + math.log(2 * math.pi) + 0.5 * math.log(VARIANCE)
"""Of the density, in nats: ln 2πe + ln 2. No model has a smaller negative log-likelihood on average."""


def excess(log_prob: Callable[[np.ndarray], np.ndarray], rows: int = 100_000, seed: int = 1) -> tuple[float, float]:
    """The mean of log p_true − log p_model over fresh rows, which estimates the Kullback-Leibler divergence.

    Arguments:
        log_prob: the model, ``[rows, 2]`` float64 → ``[rows]``, in nats.
        rows: how many are drawn.
        seed: of the rows; another one than that of the training rows.

    Returns:
        The mean and its standard error, both in nats a row.
    """
    x = draw(rows, seed)
    differences = log_density(x) - np.asarray(log_prob(x), dtype=np.float64)
    return float(differences.mean()), float(differences.std(ddof=1) / math.sqrt(rows))


def model_log_prob(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The log-density of a bundle, by ONNX Runtime, or of a run folder, by PyTorch: float64 rows in, nats out."""
    if (path / "flow.json").exists():
        import flowexport

        model = flowexport.load(path, device="cpu")
        return lambda x: np.asarray(model.log_prob(x.astype(np.float32)))
    import torch

    from flowexport.training import load_checkpoint

    flow = load_checkpoint(path).flow
    parameter = next(flow.parameters())
    return lambda x: flow.log_prob(torch.from_numpy(x).to(parameter)).detach().numpy()


def main() -> None:
    """Prints the excess of one model."""
    if len(sys.argv) != 2:
        sys.exit("usage: python evaluate.py BUNDLE_OR_RUN_FOLDER")
    mean, error = excess(model_log_prob(Path(sys.argv[1])))
    print(f"negative log-likelihood above the entropy of {ENTROPY:.4f} nats: {mean:.4f} ± {error:.4f} nats a row")


if __name__ == "__main__":
    main()
