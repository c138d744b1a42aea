"""How well a flow of benign rows tells malignant ones apart, over splits: python evaluate.py [--defaults]."""

from __future__ import annotations

__all__ = ["auc_of_splits", "gaussian_log_prob", "roc_auc", "split"]

import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np
import torch

from flowexport.flows import RealNVP
from flowexport.tables import open_table
from flowexport.training import Recipe, TrainingSpec, fit, load_recipe
from flowexport.training.recipe import FlowSpec

HELD_OUT = 0.2
"""The fraction of benign rows that neither training nor early stopping sees: 71 of 357."""


def split(rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Training and held-out rows, drawn by a seed: ``[rows, features]`` each."""
    order = np.random.default_rng(seed).permutation(len(rows))
    held_out = round(HELD_OUT * len(rows))
    return rows[np.sort(order[held_out:])], rows[np.sort(order[:held_out])]


def roc_auc(normal: np.ndarray, anomalous: np.ndarray) -> float:
    """The chance that an anomalous row scores above a normal one, where a tie counts half.

    Arguments:
        normal, anomalous: scores ``[rows]``, the higher the stranger.
    """
    higher = anomalous[:, None] > normal
    equal = anomalous[:, None] == normal
    return float((higher + 0.5 * equal).mean())


def gaussian_log_prob(training: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The log-density ``[rows]`` in nats, up to a constant, of the full-covariance Gaussian of the training rows.

    It is fitted to standardised features, since the covariance of the raw ones is too ill-conditioned to solve.
    """
    mean, scale = training.mean(axis=0), training.std(axis=0)
    covariance = np.cov((training - mean) / scale, rowvar=False)
    u = (x - mean) / scale
    return -0.5 * (u * np.linalg.solve(covariance, u.T).T).sum(axis=1)


def auc_of_splits(
    recipe: Recipe, benign: np.ndarray, malignant: np.ndarray, seeds: Iterable[int] = range(5)
) -> list[tuple[float, float]]:
    """The ROC AUC of malignant against held-out benign rows by −log_prob: of a new flow, and of a Gaussian.

    Arguments:
        recipe: its ``[flow]``, ``[training]`` and ``data.validation`` are used; the fraction for early stopping
            comes out of the training rows.
        benign, malignant: ``[rows, features]`` float64.
        seeds: of the splits; each trains a flow.

    Returns:
        (flow, Gaussian) for each seed, both fitted to the same rows.
    """
    pairs = []
    for seed in seeds:
        training, held_out = split(benign, seed)
        flow = new_flow(recipe, benign.shape[1])
        fit(flow, training, validation=recipe.data.validation, **msgspec.structs.asdict(recipe.training))
        of_flow = [-log_prob(flow, rows) for rows in (held_out, malignant)]
        of_gaussian = [-gaussian_log_prob(training, rows) for rows in (held_out, malignant)]
        pairs.append((roc_auc(*of_flow), roc_auc(*of_gaussian)))
    return pairs


def new_flow(recipe: Recipe, features: int) -> RealNVP:
    """The recipe's flow, with initial weights from its seed, as `flowexport train` makes it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.training.seed)
        return RealNVP(features, **msgspec.structs.asdict(recipe.flow))


@torch.no_grad()
def log_prob(flow: RealNVP, x: np.ndarray) -> np.ndarray:
    """The flow's log-density of rows: ``[rows, features]`` → ``[rows]``, in nats."""
    return flow.log_prob(torch.from_numpy(x).float()).numpy()


def read_csv(path: Path) -> np.ndarray:
    """All columns of a table: ``[rows, columns]`` float64."""
    table = open_table(path)
    return np.concatenate([block.values for block in table.blocks(table.columns)])


def main() -> None:
    """Trains on ten splits, and prints a table with the means of the first five and of the others."""
    folder = Path(__file__).resolve().parent
    if not (folder / "benign.csv").exists():
        sys.exit(f"{folder / 'benign.csv'}: no such file; run make_rows.py first")
    benign, malignant = (read_csv(folder / f"{name}.csv") for name in ("benign", "malignant"))
    recipe = load_recipe(folder / "recipe.toml")
    if "--defaults" in sys.argv[1:]:
        # What `RealNVP(features)` and `fit(flow, rows)` do where nothing is said.
        recipe = msgspec.structs.replace(recipe, flow=FlowSpec(), training=TrainingSpec())
    print("split   flow    Gaussian")
    for seeds in (range(5), range(5, 10)):
        pairs = []
        for seed in seeds:
            pairs += auc_of_splits(recipe, benign, malignant, [seed])
            print(f"{seed:>5}   {pairs[-1][0]:.4f}  {pairs[-1][1]:.4f}", flush=True)
        flow, gaussian = np.mean(pairs, axis=0)
        print(f" mean   {flow:.4f}  {gaussian:.4f}")


if __name__ == "__main__":
    main()
