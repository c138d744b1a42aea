"""How the pictures of the pages look: rows and densities in panels side by side, in one style."""

from __future__ import annotations

__all__ = ["DOT", "DOTS", "INK", "SHADES", "LogProb", "Panel", "Window", "draw_panel", "draw_panels", "picture"]

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

DOTS = 2000
"""Rows of a scatter: enough to show the shape, few enough to stay dots."""

GRID = 240
"""Cells an axis of a density, about one a pixel."""

SHADE = 0.65
"""Colour goes with this power of the density, so that thin parts are seen beside thick ones."""

INK, DOT = "#1b2a41", "#b04a3a"
SHADES = ["#ffffff", "#fdf0c4", "#f8cf61", "#e8963c", "#b04a3a", "#5b1d3b"]
STYLE: Any = {
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "text.color": INK,
    "axes.edgecolor": "#c3cad5",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
}

Window = tuple[float, float, float, float]
"""Left, right, bottom and top."""

LogProb = Callable[[np.ndarray], np.ndarray]
"""``[cells, 2]`` → nats."""

Panel = tuple[str, np.ndarray | LogProb]
"""A title, and rows ``[rows, 2]`` or a density."""


def draw_panels(
    path: Path,
    window: Window,
    panels: Sequence[Panel],
    labels: tuple[str, str] = ("$x_1$", "$x_2$"),
) -> None:
    """Draws panels side by side, all of one window."""
    with picture(path, len(panels)) as all_axes:
        for axes, panel in zip(all_axes, panels, strict=True):
            draw_panel(axes, window, panel)
            axes.set_xlabel(labels[0])
        all_axes[0].set_ylabel(labels[1])


def draw_panel(axes: Any, window: Window, panel: Panel, colours: np.ndarray | str = DOT) -> None:
    """Draws rows as dots, or a density as a map of its own scale.

    Arguments:
        axes: to draw on.
        window: what of the plane is seen.
        panel: the title, and what is shown.
        colours: of the dots; numbers ``[rows]`` are taken from `SHADES`, light to dark.
    """
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    title, shown = panel
    axes.set_title(title, fontsize=10, loc="left")
    if callable(shown):
        shades = LinearSegmentedColormap.from_list("shades", SHADES)
        across, up = np.meshgrid(np.linspace(*window[:2], GRID), np.linspace(*window[2:], GRID))
        density = np.exp(shown(np.stack([across.ravel(), up.ravel()], axis=1))).reshape(GRID, GRID)
        norm = PowerNorm(SHADE, vmin=0, vmax=float(np.quantile(density, 0.999)))
        axes.imshow(density, extent=window, origin="lower", aspect="auto", cmap=shades, norm=norm)
    else:
        # White would not be seen on paper.
        dark = LinearSegmentedColormap.from_list("dark", SHADES[2:])
        paint = {"color": colours} if isinstance(colours, str) else {"c": colours[:DOTS], "cmap": dark}
        axes.scatter(*shown[:DOTS].T, s=4, alpha=0.5, linewidths=0, **paint)
    axes.set(xlim=window[:2], ylim=window[2:])


@contextmanager
def picture(path: Path, panels: int, rows: int = 1, apart: int = 0) -> Iterator[Sequence[Any]]:
    """Axes in rows, saved as a PNG with neither date nor software in it: the same flows give the same bytes.

    Arguments:
        path: of the PNG.
        panels: how many axes there are.
        rows: in how many rows they stand.
        apart: how many at the end have a vertical axis of their own; all others share one.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    columns = panels // rows
    with plt.rc_context(STYLE):
        figure, grid = plt.subplots(
            rows, columns, figsize=(3 * columns, 3 * rows), sharex=rows > 1, squeeze=False, layout="constrained"
        )
        all_axes = list(grid.flat)
        for number, axes in enumerate(all_axes[1 : panels - apart], 1):
            axes.sharey(all_axes[0])
            axes.tick_params(labelleft=number % columns == 0)
        yield all_axes
        for axes in all_axes:
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(length=3, width=0.8)
        figure.savefig(path, dpi=90, facecolor="white", metadata={"Software": None})
        plt.close(figure)
