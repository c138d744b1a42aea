"""Draws the pictures of flows.md: densities beside the rows that they are of, from the zoo and from small flows."""

from __future__ import annotations

__all__ = ["draw_pictures"]

import runpy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ZOO = Path(__file__).resolve().parent.parent / "models"

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


def draw_pictures(folder: Path) -> None:
    """Draws all pictures into a folder; some train a small flow for it, a minute in all on a free core."""
    draw_maps(folder / "flows-maps.png")
    draw_moons(folder / "flows-moons.png")
    draw_funnel(folder / "flows-funnel.png")
    draw_mixture(folder / "flows-mixture.png")
    draw_ring(folder / "flows-ring.png")
    draw_bounds(folder / "flows-bounds.png")


def draw_maps(path: Path) -> None:
    """Four univariate maps, each with three settings of its parameters."""
    import torch

    from flowexport.flows import Additive, Affine, RationalQuadraticSpline

    x = torch.linspace(-3, 3, 400, dtype=torch.float64)
    source = torch.Generator().manual_seed(3)
    raw = [[torch.randn(size, generator=source, dtype=torch.float64) for size in (6, 6, 5)] for _ in range(3)]
    curves = {
        "Additive": [Additive().forward_and_log_det(x, x * 0 + shift)[0] for shift in (-1, 0, 1)],
        "Affine": [
            Affine().forward_and_log_det(x, x * 0 + shift, x * 0 + log_scale)[0]
            for shift, log_scale in ((0, -1), (0, 0), (0.5, 0.7))
        ],
        "RationalQuadraticSpline": [
            RationalQuadraticSpline(bins=6, bound=2.5).forward_and_log_det(x, *(each.expand(400, -1) for each in of))[0]
            for of in raw
        ],
    }
    with picture(path, len(curves)) as all_axes:
        for axes, (name, of_map) in zip(all_axes, curves.items(), strict=True):
            axes.set_title(name, fontsize=10, loc="left")
            axes.set(xlim=(-3, 3), ylim=(-3, 3), xlabel="$x$")
            for y, colour in zip(of_map, (SHADES[3], DOT, SHADES[5]), strict=True):
                axes.plot(x, y, color=colour, linewidth=1.4)
        all_axes[0].set_ylabel("$y$")


def draw_moons(path: Path) -> None:
    """Two moons, by affine couplings and by splines."""
    rows = rows_of("moons")
    affine = trained(rows, transforms=4, hidden_features=[64, 64], activation="SiLU")
    panels: list[Panel] = [("Rows", rows), ("Affine", affine), ("RationalQuadraticSpline", bundle_density("moons"))]
    draw_panels(path, (-1.6, 2.6, -1.1, 1.6), panels)


def draw_funnel(path: Path) -> None:
    """Two of the ten features of the funnel, rows and samples."""
    import flowexport

    samples = flowexport.load("funnel", device="cpu").sample(DOTS, seed=0)
    panels = [("Rows", rows_of("funnel")[:, 1::-1]), ("Samples", samples[:, 1::-1])]
    draw_panels(path, (-25, 25, -10, 10), panels, ("$x_1$", "$v$"))


def draw_mixture(path: Path) -> None:
    """Eight normals, from one normal and from a mixture."""
    rows = rows_of("mixture")
    single = trained(rows, transforms=8, hidden_features=[64, 64], activation="SiLU")
    panels: list[Panel] = [("Rows", rows), ("StandardNormal", single), ("GaussianMixture", bundle_density("mixture"))]
    draw_panels(path, (-6, 6, -6, 6), panels)


def draw_ring(path: Path) -> None:
    """The noisy ring at two values of its context."""
    rows = rows_of("noisy_ring")
    panels: list[Panel] = []
    for noise in (0.1, 0.4):
        near = np.abs(np.log(rows[:, 2] / noise)) < 0.05
        panels += [(f"Rows, noise {noise}", rows[near, :2]), (f"noise = {noise}", bundle_density("noisy_ring", noise))]
    draw_panels(path, (-2.2, 2.2, -2.2, 2.2), panels)


def draw_bounds(path: Path) -> None:
    """A fraction and a positive number, by a flow that knows their bounds and by one that does not."""
    generator = np.random.default_rng(0)
    fraction = generator.beta(0.7, 1.5, 20_000)
    rows = np.stack([fraction, generator.exponential(0.3 + fraction)], axis=1)
    known, ignored = (
        trained(rows, transforms=4, hidden_features=[32, 32], activation="SiLU", bounds=bounds)
        for bounds in ([(0, 1), (0, None)], None)
    )
    panels: list[Panel] = [("Rows", rows), ("bounds=[(0, 1), (0, None)]", known), ("No bounds", ignored)]
    draw_panels(path, (-0.2, 1.2, -0.5, 3), panels)


def draw_panels(
    path: Path,
    window: Window,
    panels: Sequence[Panel],
    labels: tuple[str, str] = ("$x_1$", "$x_2$"),
) -> None:
    """Draws panels side by side, all of one window."""
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    shades = LinearSegmentedColormap.from_list("shades", SHADES)
    across, up = np.meshgrid(np.linspace(*window[:2], GRID), np.linspace(*window[2:], GRID))
    cells = np.stack([across.ravel(), up.ravel()], axis=1)
    with picture(path, len(panels)) as all_axes:
        for axes, (title, shown) in zip(all_axes, panels, strict=True):
            axes.set_title(title, fontsize=10, loc="left")
            if callable(shown):
                density = np.exp(shown(cells)).reshape(GRID, GRID)
                norm = PowerNorm(SHADE, vmin=0, vmax=float(np.quantile(density, 0.999)))
                axes.imshow(density, extent=window, origin="lower", aspect="auto", cmap=shades, norm=norm)
            else:
                axes.scatter(*shown[:DOTS].T, s=4, color=DOT, alpha=0.5, linewidths=0)
            axes.set(xlim=window[:2], ylim=window[2:], xlabel=labels[0])
        all_axes[0].set_ylabel(labels[1])


@contextmanager
def picture(path: Path, panels: int) -> Iterator[Sequence[Any]]:
    """A row of axes, saved as a PNG with neither date nor software in it: the same flows give the same bytes."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, panels, figsize=(3 * panels, 3), sharey=True, layout="constrained")
        yield axes
        for each in axes:
            each.spines[["top", "right"]].set_visible(False)
            each.tick_params(length=3, width=0.8)
        figure.savefig(path, dpi=90, facecolor="white", metadata={"Software": None})
        plt.close(figure)


def rows_of(name: str) -> np.ndarray:
    """Rows of a zoo model, drawn as its training rows are."""
    rows: np.ndarray = runpy.run_path(str(ZOO / name / "make_rows.py"))["draw"](50_000, 0)
    return rows


def bundle_density(name: str, *context: float) -> LogProb:
    """The density of a zoo model's bundle, at a context."""
    import flowexport

    model = flowexport.load(name, device="cpu")
    return lambda x: np.asarray(
        model.log_prob(x.astype(np.float32), np.array(context, np.float32) if context else None)
    )


def trained(rows: np.ndarray, **arguments: Any) -> LogProb:
    """The density of a flow of these arguments, trained on rows ``[rows, 2]``."""
    import torch

    import flowexport

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        flow = flowexport.RealNVP(2, **arguments)
        flowexport.fit(flow, rows, epochs=20, batch_size=512, learning_rate=3e-3)

    @torch.no_grad()
    def log_prob(x: np.ndarray) -> np.ndarray:
        found: np.ndarray = flow.log_prob(torch.from_numpy(x).float()).numpy()
        return found

    return log_prob
