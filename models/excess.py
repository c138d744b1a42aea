"""How far a model of the zoo is from its true density: python models/excess.py NAME [--rows N] [--run FOLDER]."""

from __future__ import annotations

__all__ = ["excess", "known_densities"]

import argparse
import math
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ZOO = Path(__file__).resolve().parent

ROWS = 100_000
"""Held-out rows by default: a standard error of a few ten-thousandths of a nat."""

SEED = 1
"""Of the held-out rows; the training rows are those of seed 0."""

BLOCK = 10_000
"""Rows drawn, scored and forgotten at a time."""

LogProb = Callable[[np.ndarray, np.ndarray | None], np.ndarray]


def known_densities() -> dict[str, dict[str, Any]]:
    """The zoo models whose ``make_rows.py`` has a ``log_density``, and what that script defines."""
    scripts = sorted(ZOO.glob("*/make_rows.py"))
    # The others are not run: they may want data that is not here.
    known = [path for path in scripts if "def log_density(" in path.read_text(encoding="utf-8")]
    return {path.parent.name: runpy.run_path(str(path)) for path in known}


def excess(
    log_prob: LogProb,
    script: dict[str, Any],
    features: int,
    rows: int = ROWS,
    seed: int = SEED,
) -> tuple[float, float]:
    """The mean of ln p_true − ln p_model over fresh rows, which estimates the Kullback-Leibler divergence.

    Arguments:
        log_prob: the model, ``([rows, features], [rows, context] or None)`` → ``[rows]``, in nats.
        script: from `known_densities`: ``draw(rows, seed)`` gives rows, features first and context behind them, and
            ``log_density(rows)`` the true log-density of the features given the context, in nats.
        features: how many columns are features.
        rows, seed: how many rows, and their seed.

    Returns:
        The mean and its standard error, both in nats a row.
    """
    drawn = script["draw"](rows, seed)
    differences = []
    for start in range(0, rows, BLOCK):
        block = drawn[start : start + BLOCK]
        x, context = block[:, :features], block[:, features:]
        found = log_prob(x, context if context.shape[1] else None)
        differences.append(script["log_density"](block) - np.asarray(found, dtype=np.float64))
    every = np.concatenate(differences)
    return float(every.mean()), float(every.std(ddof=1) / math.sqrt(rows))


def of_bundle(path: Path) -> tuple[LogProb, int]:
    """The log-density of a bundle, by ONNX Runtime, and the number of its features."""
    import flowexport

    model = flowexport.load(path, device="cpu")

    def log_prob(x: np.ndarray, context: np.ndarray | None) -> np.ndarray:
        given = None if context is None else context.astype(np.float32)
        found: np.ndarray = model.log_prob(x.astype(np.float32), given)
        return found

    return log_prob, model.event_shape[0]


def of_run(path: Path) -> tuple[LogProb, int]:
    """The log-density of a run folder, by PyTorch in float64, and the number of its features."""
    import torch

    from flowexport.training import load_checkpoint

    flow = load_checkpoint(path).flow.double().eval()

    @torch.no_grad()
    def log_prob(x: np.ndarray, context: np.ndarray | None) -> np.ndarray:
        given = None if context is None else torch.from_numpy(context)
        found: np.ndarray = flow.log_prob(torch.from_numpy(x), given).numpy()
        return found

    return log_prob, flow.features


def main() -> None:
    """Prints the excess of one model."""
    densities = known_densities()
    parser = argparse.ArgumentParser(description="How far a model of the zoo is from its true density, in nats a row.")
    parser.add_argument("name", choices=sorted(densities), help="whose density is known")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"held-out rows, {ROWS:,} by default")
    parser.add_argument("--run", type=Path, help="a run folder instead of the model's bundle")
    given = parser.parse_args()
    log_prob, features = of_bundle(ZOO / given.name / "bundle") if given.run is None else of_run(given.run)
    mean, error = excess(log_prob, densities[given.name], features, given.rows)
    print(f"{given.name}: ln p_true - ln p_model over {given.rows:,} rows: {mean:.4f} ± {error:.4f} nats a row")


if __name__ == "__main__":
    main()
