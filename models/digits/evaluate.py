"""How well a model of the digits predicts held-out ones, in bits: python evaluate.py BUNDLE_OR_RUN_FOLDER."""

from __future__ import annotations

__all__ = ["bits_per_dimension"]

import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from make_rows import images

DRAWS = 20
"""Of the dequantisation noise of each image, whose mean is taken: what is left of its error is below 0.001 bits."""


def bits_per_dimension(
    log_prob: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """The mean of −log₂ p(x + u) a pixel over images and noise u from U[0, 1), no less than −log₂ P(x) a pixel.

    Arguments:
        log_prob: the model, ``[rows, C, H, W]`` float32 → ``[rows]``, in nats.
        rows: images in whole numbers, ``[rows, C, H, W]``.
        draws, seed: of the noise.

    Returns:
        The mean, and its standard error over images.
    """
    generator = np.random.default_rng(seed)
    scores = [log_prob(np.float32(rows + generator.random(rows.shape))) for _ in range(draws)]
    bits = -np.mean(scores, axis=0, dtype=np.float64) / (math.prod(rows.shape[1:]) * math.log(2))
    return float(bits.mean()), float(bits.std(ddof=1) / math.sqrt(len(rows)))


def model_log_prob(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The log-density of a bundle, by ONNX Runtime, or of a run folder, by PyTorch: float32 images in, nats out."""
    if (path / "flow.json").exists():
        import flowexport

        return flowexport.load(path, device="cpu").log_prob
    import torch

    from flowexport.training import load_checkpoint

    flow = load_checkpoint(path).flow
    return lambda x: flow.log_prob(torch.from_numpy(x)).detach().numpy()


def main() -> None:
    """Prints the bits per dimension of one model."""
    if len(sys.argv) != 2:
        sys.exit("usage: python evaluate.py BUNDLE_OR_RUN_FOLDER")
    _, held_out = images()
    mean, error = bits_per_dimension(model_log_prob(Path(sys.argv[1])), held_out)
    print(f"{len(held_out)} held-out images: {mean:.3f} ± {error:.3f} bits per dimension")


if __name__ == "__main__":
    main()
