"""The table of flows.md: every option of a flow, exported, and by how much its graphs differ from it.

Each row is trained for some seventy steps on the same rows (images on the same spots of light) and exported; the gate
of export is the proof, and the figures are its own. They are written to one digit, since the next one differs between
processors, and rows that the page has already are kept: only an option that is new is measured, or all of them on
demand.
"""

from __future__ import annotations

__all__ = ["BEGIN", "END", "OPTIONS", "with_table"]

import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np

BEGIN, END = "<!-- options: generated -->", "<!-- end -->"

Measure = Literal["none", "new", "all"]

HEAD = """\
| option | argument | `log_prob.onnx`, nats | `sample.onnx`, deviations | direction, nats | nodes |
| --- | --- | ---: | ---: | ---: | ---: |
"""

SMALL: dict[str, Any] = {
    "features": 4,
    "transforms": 4,
    "hidden_features": [16, 16],
    "activation": "SiLU",
    "univariate": "Affine",
    "whiten": False,
}
"""The flow that every row of the table is a change of."""

SMALL_IMAGE: dict[str, Any] = {
    "levels": 16,
    "couplings": 1,
    "hidden_channels": 8,
    "residual_blocks": 1,
    "activation": "SiLU",
}
"""The same for rows that have a ``shape``."""

MASKS = "[[True, False, …], …]"

OPTIONS: dict[str, dict[str, Any]] = {
    "affine map": {},
    "affine map and spline, whitened: the default": {"univariate": "AffineSpline", "whiten": True},
    "additive map, as in NICE": {"univariate": "Additive", "scaling": True},
    "spline": {"univariate": {"name": "RationalQuadraticSpline", "bins": 8, "bound": 5.0}},
    "spline, its bins as in nflows": {"univariate": {"name": "RationalQuadraticSpline", "constraint": "floor"}},
    "sigmoid scale": {"univariate": "SigmoidAffine"},
    "free scale": {"univariate": "ExponentialAffine", "activation": "Tanh"},
    "a map the other way round": {"univariate": {"name": "Inverse", "univariate": "Affine"}},
    "halves": {"masks": "halves"},
    "random masks": {"masks": "random"},
    "custom masks": {"transforms": 2, "masks": [[True, False, False, False], [False, True, True, True]]},
    "ActNorm": {"normalization": "ActNorm"},
    "BatchNorm": {"normalization": "BatchNorm"},
    "permutations": {"mixing": "Permutation"},
    "learned linear maps": {"mixing": "LULinear"},
    "residual networks": {"residual": True, "layer_norm": True, "dropout": 0.1},
    "diagonal normal": {"base": "DiagonalNormal"},
    "mixture": {"base": {"name": "GaussianMixture", "components": 4}},
    "class-conditional normal": {"context": 1, "categories": [3], "base": "ConditionalNormal"},
    "context, a number": {"context": 1},
    "context, one-hot": {"context": 1, "categories": [3]},
    "context, embedded": {"context": 1, "categories": [3], "embeddings": [2]},
    "bounded features": {"bounds": [[0, None], [None, 4], [-4, 4], [None, None]]},
    "images": {"shape": (1, 8, 8)},
    "images of three channels, given a category": {"shape": (3, 8, 8), "context": 1, "categories": [3]},
    "images at three scales, 1 × 1 convolutions": {"shape": (1, 8, 8), "scales": 3, "mixing": "LULinear"},
    "images, splines, batch norm": {
        "shape": (2, 8, 8),
        "univariate": {"name": "RationalQuadraticSpline", "bins": 8, "bound": 5.0},
        "normalization": "BatchNorm",
        "batch_norm": True,
    },
}
"""The options: what each is, and the arguments in which its flow differs from the small one; a ``shape`` is of images.
"""


def with_table(page: str, measure: Measure = "new") -> str:
    """The page with its table brought up to date.

    Arguments:
        page: the text of flows.md; one without both markers comes back as it is.
        measure: all rows, those that the page lacks, or none, which leaves a gap that no page has.
    """
    before, begin, rest = page.partition(BEGIN)
    table, end, after = rest.partition(END)
    if not (begin and end):
        return page
    known = {} if measure == "all" else {beginning(line): line for line in table.splitlines()}
    lines = []
    for option, arguments in OPTIONS.items():
        start = f"| {option} | {code(arguments)} |"
        line = known.get(beginning(start))
        if line is None:
            line = f"{start} not measured |" if measure == "none" else f"{start} {' | '.join(measured(arguments))} |"
        lines.append(line)
    return f"{before}{begin}\n{HEAD}" + "\n".join(lines) + f"\n{end}{after}"


def beginning(line: str) -> str:
    """The first two cells of a line: the option and its argument."""
    return "|".join(line.split("|")[:3])


def code(arguments: dict[str, Any]) -> str:
    """Arguments as they are written in Python; masks are cut short."""
    shown = {
        name: MASKS if isinstance(value, list) and name == "masks" else repr(value) for name, value in arguments.items()
    }
    words = ", ".join(f"{name}={value}" for name, value in shown.items())
    return f"`{words}`".replace("'", '"') if words else ""


def measured(arguments: dict[str, Any]) -> list[str]:
    """Trains a flow, exports it, and says what the proof found: three figures, and the nodes of both graphs."""
    import onnx
    import torch

    import flowexport

    of_images = "shape" in arguments
    with torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        flow: Any
        if of_images:
            flow = flowexport.MultiScaleRealNVP(**SMALL_IMAGE | arguments)
            x, context = images(flow.event_shape, flow.levels, flow.context)
        else:
            flow = flowexport.RealNVP(**SMALL | arguments)
            x, context = rows(flow.context, "categories" in arguments)
        flowexport.fit(flow, x, context, epochs=5, learning_rate=3e-3, batch_size=64 if of_images else 256)
        bundle = Path(folder) / "bundle"
        # Whole numbers are of training alone, which adds a new noise to them in every batch.
        data = x + np.random.default_rng(1).random(x.shape) if of_images else x
        report = flowexport.export(flow, bundle, data, context)
        nodes = [len(onnx.load(bundle / f"{graph}.onnx").graph.node) for graph in ("log_prob", "sample")]
    most = 64 if of_images else 1000
    wanted = (f"parity: log_prob, data_{most}", f"parity: sample, noise_{most}", "direction: log_prob of sample")
    figures = {f"{check.name}: {check.subject}": check.figure for check in report.checks}
    return [*(f"{figures[name]:.0e}" for name in wanted), " + ".join(map(str, nodes))]


def rows(context: int, categorical: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Four features, the first below 4 and above 0, and a context that they depend on where there is to be one."""
    generator = np.random.default_rng(0)
    noise = generator.standard_normal((4000, 4))
    cause = generator.integers(0, 3, (4000, 1)).astype(np.float64) if categorical else noise[:, 3:] + 1
    bent = np.tanh(noise @ np.triu(np.ones((4, 4))) / 2 + (cause - 1) / 2 * context)
    x = np.stack([2 + bent[:, 0], 2 * bent[:, 1] + bent[:, 0], 3 * bent[:, 2], noise[:, 3] + bent[:, 2]], axis=1)
    return x, cause if context else None


def images(shape: tuple[int, int, int], levels: int, context: int) -> tuple[np.ndarray, np.ndarray | None]:
    """A thousand images ``[rows, C, H, W]`` of spots of light, and a context that says how wide they are."""
    generator = np.random.default_rng(0)
    channels, height, width = shape
    wide = generator.integers(0, 3, (1000, 1))
    down, across = generator.uniform(0.25, 0.75, (2, 1000, channels, 1, 1)) * [[[[[height]]]], [[[[width]]]]]
    distance = np.square(np.arange(height)[:, None] - down) + np.square(np.arange(width) - across)
    light = np.exp(-distance / (2 + 3 * wide[:, :, None, None]))
    grain = 0.1 * generator.random((1000, *shape))
    return np.floor(levels * (0.85 * light + grain)), wide.astype(np.float64) if context else None
