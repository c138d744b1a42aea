"""Draws the pictures of the pages: densities beside the rows that they are of, from the zoo and from small flows."""

from __future__ import annotations

__all__ = ["draw_pictures"]

import runpy
from pathlib import Path
from typing import Any

import numpy as np
from adopted import draw_adopted
from drawing import DOT, DOTS, SHADES, LogProb, Panel, draw_panel, draw_panels, picture

from flowexport.flows import Flow

ZOO = Path(__file__).resolve().parent.parent / "models"


def draw_pictures(folder: Path) -> None:
    """Draws all pictures into a folder; some train small flows for it, two minutes in all on a free core."""
    draw_maps(folder / "flows-maps.png")
    draw_moons(folder / "flows-moons.png")
    draw_funnel(folder / "flows-funnel.png")
    draw_mixture(folder / "flows-mixture.png")
    draw_ring(folder / "flows-ring.png")
    draw_diamonds(folder / "flows-diamonds.png")
    draw_bounds(folder / "flows-bounds.png")
    draw_layers(folder / "flows-layers.png")
    draw_breast_cancer(folder / "zoo-breast_cancer.png")
    draw_evaluation(folder / "evaluate-diamonds.png")
    draw_adopted(folder / "interop-moons.png", rows_of("moons"))


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


def draw_diamonds(path: Path) -> None:
    """Real diamonds of the best and of the last color, beside as many samples of the same grades."""
    import flowexport

    numbers, categories = runpy.run_path(str(ZOO / "diamonds" / "make_rows.py"))["read"]()
    model = flowexport.load("diamonds", device="cpu")
    order = np.random.default_rng(0).permutation(len(numbers))
    panels: list[Panel] = []
    for color in "DJ":
        chosen = [row for row in order if categories[row][1] == color][:DOTS]
        grades = dict(
            zip(("cut", "color", "clarity"), zip(*(categories[row] for row in chosen), strict=True), strict=True)
        )
        samples = model.sample(1, {name: list(of_rows) for name, of_rows in grades.items()}, seed=0)
        panels += [(f"Rows, color {color}", numbers[chosen][:, [0, 3]]), (f"color = {color}", samples[:, [0, 3]])]
    draw_panels(path, (0.1, 3.1, -500, 19_500), panels, ("carat", "price, US dollars"))


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


def draw_breast_cancer(path: Path) -> None:
    """Benign tumours, samples of the model that was trained on them, and malignant ones, in two of thirty features."""
    from sklearn.datasets import load_breast_cancer

    import flowexport

    table = load_breast_cancer()
    shown = ["worst radius", "worst concave points"]
    columns = [table.feature_names.tolist().index(name) for name in shown]
    malignant, benign = (table.data[table.target == target][:, columns] for target in (0, 1))
    samples = flowexport.load("breast_cancer", device="cpu").sample(len(benign), seed=0)[:, columns]
    panels: list[Panel] = [("Benign rows", benign), ("Samples", samples), ("Malignant rows", malignant)]
    draw_panels(path, (5, 38, -0.02, 0.32), panels, (shown[0], shown[1]))


def draw_evaluation(path: Path) -> None:
    """The corner plot of a report: held-out diamonds, and samples given the same cut, color and clarity."""
    from flowexport.bundle import open_bundle
    from flowexport.cli.judged import open_judged
    from flowexport.evaluation.evaluate import evaluate
    from flowexport.evaluation.pictures import draw_corner

    bundle = open_bundle("diamonds")
    x, context = (bundle.array(f"golden/{name}.npy").astype(np.float64) for name in ("x", "context"))
    path.write_bytes(draw_corner(evaluate(open_judged(Path("diamonds"), "cpu"), x, context)))


def draw_layers(path: Path) -> None:
    """Two moons on their way from x to z, layer by layer, and the density that comes of it."""
    import torch

    from flowexport.flows.stack import run

    rows = rows_of("moons")
    flow = trained_flow(
        rows,
        transforms=3,
        hidden_features=[32, 32],
        activation="SiLU",
        univariate={"name": "RationalQuadraticSpline", "bins": 8, "bound": 4.0},
        residual=True,
        layer_norm=True,
        normalization="ActNorm",
        mixing="LULinear",
    )
    assert flow.standardize is not None
    units = flow.standardize
    with torch.no_grad():
        x = units(torch.from_numpy(rows[: DOTS // 2]).float())
        parts, stages = flow.stack.split(x), [x]
        for step in flow.stack.steps():
            parts, _ = run("forward_and_log_det", [step], parts, None)
            stages.append(flow.stack.join(parts))
    of_flow = density_of(flow)
    titles = {0: "Rows, standardised", 1: "Coupling", 2: "ActNorm", 3: "LULinear", len(stages) - 1: "At the end: $z$"}
    window = (-3.4, 3.4, -3.4, 3.4)
    with picture(path, 6, rows=2) as all_axes:
        for axes, (stage, title) in zip(all_axes, titles.items(), strict=False):
            draw_panel(axes, window, (title, stages[stage].numpy()), x[:, 0].numpy())
        shown: Panel = ("Density", lambda cells: of_flow(units.inverse(torch.from_numpy(cells)).numpy()))
        draw_panel(all_axes[-1], window, shown)


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
    return density_of(trained_flow(rows, **arguments))


def trained_flow(rows: np.ndarray, **arguments: Any) -> Flow:
    """A flow of these arguments, trained on rows ``[rows, 2]``."""
    import torch

    import flowexport

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        flow = flowexport.RealNVP(2, **arguments)
        flowexport.fit(flow, rows, epochs=20, batch_size=512, learning_rate=3e-3)
    return flow


def density_of(flow: Flow) -> LogProb:
    """The density of a flow of two features."""
    import torch

    @torch.no_grad()
    def log_prob(x: np.ndarray) -> np.ndarray:
        found: np.ndarray = flow.log_prob(torch.from_numpy(x).float()).numpy()
        return found

    return log_prob
