"""The picture of a training."""

__all__ = ["learning_curve"]

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flowexport.figures import new_figure, png

if TYPE_CHECKING:
    from .loop import Epoch


def learning_curve(epochs: "Sequence[Epoch]", best_epoch: int) -> bytes:
    """The NLL of training and held-out rows over epochs, with the epoch that was kept, as a PNG.

    Raises:
        MissingExtra: where matplotlib is not installed.
    """
    figure = new_figure(7, 4)
    axes = figure.add_subplot()
    numbers = [epoch.epoch for epoch in epochs]
    axes.plot(numbers, [epoch.training_nll for epoch in epochs], label="training", color="#7a8aa0")
    axes.plot(numbers, [epoch.validation_nll for epoch in epochs], label="held out", color="#0b6bcb")
    axes.axvline(best_epoch, color="#c0392b", linewidth=1, linestyle="--", label=f"kept: epoch {best_epoch}")
    # The first epochs of a flow can be orders of magnitude worse than the rest; they would flatten the curve.
    late = [value for epoch in epochs[len(epochs) // 10 :] for value in (epoch.training_nll, epoch.validation_nll)]
    margin = 0.05 * (max(late) - min(late)) or 0.1
    axes.set_ylim(min(late) - margin, max(late) + margin)
    axes.set_xlabel("epoch")
    axes.set_ylabel("negative log-likelihood (nats a row)")
    axes.legend(frameon=False)
    return png(figure, dpi=120)
