"""Pictures of an evaluation, as PNG: rows beside samples, latents beside the normal, and log_prob."""

from __future__ import annotations

__all__ = ["draw_corner", "draw_latent", "draw_log_prob", "draw_pictures"]

import math

import numpy as np

from flowexport.figures import new_figure, png

from .evaluate import Measured
from .uniformity import normal_cdf

SHOWN = 6
"""Features of a corner plot: 21 small pictures; of more features those whose samples differ most are shown."""

DOTS = 1500
"""Rows, and samples, that are drawn as dots."""

DATA, SAMPLES, INK = "#0b6bcb", "#e8963c", "#1b2a41"

BAND = 1.36
"""Over √n: the distance that 5 % of samples of the very distribution exceed (Kolmogorov)."""


def draw_pictures(measured: Measured, event_shape: tuple[int, ...]) -> dict[str, bytes]:
    """Title → PNG of every picture that can be drawn.

    Raises:
        MissingExtra: where matplotlib is not installed.
    """
    if len(event_shape) > 1:
        pictures = {"Rows, and samples": draw_images(measured, event_shape)}
    else:
        pictures = {"Rows and samples, by feature and by pair": draw_corner(measured)}
    if measured.latent is not None:
        pictures["The latent beside the normal"] = draw_latent(measured)
    return pictures | {"log_prob of rows and of samples": draw_log_prob(measured)}


def draw_corner(measured: Measured) -> bytes:
    """Each feature's histogram on the diagonal, each pair of features below it."""
    features = measured.figures.features
    worst = sorted(range(len(features)), key=lambda index: -features[index].distance.statistic)[:SHOWN]
    chosen = sorted(worst)
    size = len(chosen)
    figure = new_figure(1.2 + 1.9 * size, 1.2 + 1.9 * size)
    grid = figure.subplots(size, size, squeeze=False)
    x, samples = (each[:, chosen] for each in (measured.x, measured.samples))
    # The middle of the data: one row far out would leave the rest a dot.
    lower, upper = np.quantile(x, [0.001, 0.999], axis=0)
    margin = 0.1 * np.where(upper > lower, upper - lower, 1)
    lower, upper = lower - margin, upper + margin
    for row in range(size):
        for column in range(size):
            axes = grid[row, column]
            if column > row:
                axes.axis("off")
                continue
            axes.set_xlim(lower[column], upper[column])
            if row == column:
                bins = np.linspace(lower[row], upper[row], 41).tolist()
                for values, colour, label in ((x, DATA, "rows"), (samples, SAMPLES, "samples")):
                    axes.hist(values[:, row], bins, density=True, histtype="step", color=colour, label=label)
                axes.set_yticks([])
            else:
                axes.set_ylim(lower[row], upper[row])
                for values, colour in ((x, DATA), (samples, SAMPLES)):
                    dots = spread(values)
                    axes.plot(dots[:, column], dots[:, row], ".", color=colour, markersize=2, alpha=0.35)
            name_axes(
                axes, features[chosen[column]].name, features[chosen[row]].name, row == size - 1, column == 0 < row
            )
    grid[0, 0].legend(frameon=False, fontsize=8)
    return png(figure, dpi=100)


def name_axes(axes: object, across: str, up: str, last: bool, first: bool) -> None:
    """Names at the edge of a grid, and no numbers within it."""
    axes.tick_params(labelsize=7, labelbottom=last, labelleft=first)  # type: ignore[attr-defined]
    for label, named, text in (("set_xlabel", last, across), ("set_ylabel", first, up)):
        if named:
            # Dollars would begin a formula.
            getattr(axes, label)(text[:24].replace("$", r"\$"), fontsize=9)


def draw_latent(measured: Measured) -> bytes:
    """Every coordinate's distance from the normal, within the band of chance; and the farthest beside the normal."""
    latent, distances = measured.latent, measured.figures.latent
    assert latent is not None
    assert distances is not None
    figure = new_figure(10, 4)
    left, right = figure.subplots(1, 2)
    steps = (np.arange(len(latent)) + 0.5) / len(latent)
    worst = max(range(len(distances)), key=lambda index: distances[index].statistic)
    for index, column in enumerate(latent.T):
        cdf = normal_cdf(np.sort(column))
        last = index == worst
        left.plot(
            *spread(np.stack([cdf, steps - cdf], axis=1)).T, color=SAMPLES if last else DATA, lw=1.6 if last else 0.6
        )
    band = BAND / math.sqrt(len(latent))
    reach = 1.4 * max(band, distances[worst].statistic)
    left.set_ylim(-reach, reach)
    left.axhspan(-band, band, color="#dfe6ee", zorder=0, label="95 % of true models")
    left.set(xlabel="Φ(latent), the share that the normal says", ylabel="share of the rows, less that")
    left.legend(frameon=False, fontsize=8)
    grid = np.linspace(-5, 5, 201)
    right.hist(latent[:, worst], np.linspace(-5, 5, 61).tolist(), density=True, color=SAMPLES, alpha=0.6)
    right.plot(grid, np.exp(-0.5 * grid**2) / math.sqrt(2 * math.pi), color=INK, lw=1)
    right.set(xlabel=f"latent {worst}, the farthest from the normal", yticks=[])
    return png(figure, dpi=100)


def draw_log_prob(measured: Measured) -> bytes:
    """Histograms of log_prob: of the rows, and of the model's own samples."""
    figure = new_figure(7, 3.2)
    axes = figure.subplots()
    found, own = (each[np.isfinite(each)] for each in (measured.log_prob, measured.sample_log_prob))
    if len(found) and len(own):
        lower, upper = np.quantile(np.concatenate([found, own]), [0.001, 1])
        bins = np.linspace(lower, upper + 1e-9, 61).tolist()
        axes.hist(found, bins, density=True, histtype="step", color=DATA, label="rows")
        axes.hist(
            own, bins, density=True, histtype="step", color=SAMPLES, label="samples: what a true model's rows have"
        )
    axes.set(xlabel="log_prob, nats", yticks=[])
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return png(figure, dpi=100)


def draw_images(measured: Measured, event_shape: tuple[int, ...]) -> bytes:
    """Eight images of the rows above eight samples."""
    figure = new_figure(10, 3)
    grid = figure.subplots(2, 8)
    for row, (values, name) in enumerate(((measured.x, "rows"), (measured.samples, "samples"))):
        for axes, image in zip(grid[row], values, strict=False):
            picture = image.reshape(event_shape).transpose(1, 2, 0)
            picture = picture / max(float(measured.x.max()), 1e-9)
            axes.imshow(np.clip(picture, 0, 1).squeeze(), cmap="gray", vmin=0, vmax=1)
        grid[row, 0].set_title(name, loc="left", fontsize=9)
    for axes in grid.ravel():
        axes.axis("off")
    return png(figure, dpi=100)


def spread(rows: np.ndarray) -> np.ndarray:
    """At most `DOTS` rows, evenly from all."""
    count = min(len(rows), DOTS)
    return rows[np.arange(count) * len(rows) // count]
