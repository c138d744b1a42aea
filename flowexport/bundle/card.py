"""What a person reads of a bundle: what it is, how good, how proved, how big, and what it can do."""

from __future__ import annotations

__all__ = ["card", "compared", "holds_data"]

import math
from collections.abc import Mapping

from flowexport.column import Column

from .graphs import GRAPHS
from .onnx_file import OnnxFile
from .schema import Figure, Manifest, Quality

SHOWN = 40
"""Features, or categories of a column, that are named one by one."""


def card(manifest: Manifest, graphs: Mapping[str, tuple[OnnxFile, int]]) -> dict[str, list[str]]:
    """A bundle in a few lines a matter: what it is, how good, how proved, how big, and what it can do.

    Arguments:
        manifest: of the bundle.
        graphs: the outline of each graph, and its bytes.
    """
    return {
        "model": [f"{manifest.name}: {manifest.description}" if manifest.description else manifest.name],
        "is": [kind(manifest)],
        "features": feature_lines(manifest),
        "context": context_lines(manifest),
        "how good": quality_lines(manifest.quality or None),
        "how proved": proof_lines(manifest),
        "how big": [
            f"{name}: {sum(outline.operators.values())} nodes, {outline.parameters:,} numbers of {manifest.dtype}, "
            f"{size:,} bytes"
            for name, (outline, size) in graphs.items()
        ],
        "can do": ability_lines(manifest),
        "holds": [holds_data(manifest)],
        "made with": [", ".join(f"{key} {version[:12]}" for key, version in manifest.provenance.items())],
    }


def kind(manifest: Manifest) -> str:
    """The flow and what it is a density of."""
    arguments = manifest.architecture.get("arguments")
    given = arguments if isinstance(arguments, dict) else {}
    layers = given.get("transforms")
    univariate = given.get("univariate")
    univariate = univariate.get("name") if isinstance(univariate, dict) else univariate
    told = [f"{layers} couplings"] if layers else []
    told += [f"{univariate} maps"] if univariate else []
    about = f" ({', '.join(told)})" if told else ""
    size = "×".join(map(str, manifest.event_shape))
    of = f"images of {size}, pixels from 0 to {manifest.levels}" if manifest.levels else counted(size, "feature")
    given_context = f" given {counted(manifest.context_size, 'column')} of context" if manifest.context_size else ""
    return f"the density of {of}{given_context}, by the flow {manifest.architecture.get('flow')}{about}"


def feature_lines(manifest: Manifest) -> list[str]:
    """A line a feature: its name, the range of its values, and their standard deviation."""
    ranges = manifest.quality.ranges if manifest.quality else None
    if len(manifest.event_shape) > 1:
        return []
    columns, lines = manifest.feature_columns, []
    for index, (column, scale) in enumerate(zip(columns[:SHOWN], manifest.scale, strict=False)):
        seen = f"from {ranges[index][0]:.4g} to {ranges[index][1]:.4g}, " if ranges else ""
        step = column.step
        steps = f", in steps of {step:g}: round its samples, which are trained with noise of that width" if step else ""
        lines.append(f"{column.name}: {seen}standard deviation {scale:.4g}{steps}")
    return [*lines, *([f"and {len(columns) - SHOWN} more"] if len(columns) > SHOWN else [])]


def context_lines(manifest: Manifest) -> list[str]:
    """A line a column of the context."""

    def told(column: Column) -> str:
        categories = column.categories or []
        shown = ", ".join(categories[:SHOWN]) + (", …" if len(categories) > SHOWN else "")
        return f"{column.name}: one of {shown}" if categories else f"{column.name}: a number"

    return [told(column) for column in manifest.context_columns]


def quality_lines(quality: Quality | None) -> list[str]:
    """The NLL beside that of a Gaussian, and on what rows."""
    if quality is None:
        return ["not measured: flowexport evaluate BUNDLE ROWS does"]
    error = "" if quality.standard_error is None else f" ± {quality.standard_error:.2g}"
    trained = f", trained on {quality.training_rows:,}" if quality.training_rows else ""
    lines = [f"NLL {quality.nll:.5g}{error} nats a row on {quality.rows:,} {quality.judged_on}{trained}"]
    if quality.gaussian_nll is not None:
        lines.append(compared(quality))
    if quality.judged_on != "held-out rows":
        lines.append("rows that the flow may have been trained on flatter it: judge it on others")
    return lines


def compared(quality: Quality) -> str:
    """The NLL beside that of a Gaussian, which must be there."""
    assert quality.gaussian_nll is not None
    better = quality.gaussian_nll - quality.nll
    fitted = "the training rows" if quality.gaussian_fitted_on == "training rows" else "other folds of these rows"
    verdict = f"the flow is {'better' if better >= 0 else 'worse'} by {abs(better):.3g} nats a row"
    return f"a Gaussian fitted on {fitted} has {quality.gaussian_nll:.5g}; {verdict}"


def proof_lines(manifest: Manifest) -> list[str]:
    """The worst figure of each kind against its bound, as the export found it."""
    wanted = {
        "log_prob on data": ("parity", "log_prob, data_", "nats"),
        "log_prob ten deviations out": ("parity", "log_prob, tails_", "of itself"),
        "samples": ("parity", "sample, noise_", "standard deviations"),
        "direction": ("direction", "", "nats"),
        "mass": ("mass", "", ""),
    }
    lines = []
    for name, (check, beginning, unit) in wanted.items():
        found = [each for each in manifest.verified or [] if each.check == check and each.subject.startswith(beginning)]
        worst = max(found, key=share, default=None)
        if worst is not None and worst.bound:
            lines.append(f"{name}: off by {worst.figure:.1e} {unit}".rstrip() + f", {share(worst):.0%} of its bound")
    cost = {each.subject: each.figure for each in manifest.verified or [] if each.check == "rounding"}
    if {"log_prob, data", "log_prob, tails"} <= set(cost):
        on_data, in_tails = cost["log_prob, data"], cost["log_prob, tails"]
        lines.append(f"float32 alone may cost log_prob {on_data:.1e} nats on data, {in_tails:.1e} of itself far out")
    if "log_prob" not in manifest.graphs:
        return lines
    tolerance = manifest.tolerance["log_prob"]
    promise = f"promised: |Δ log_prob| ≤ {tolerance.atol:g} nats + {tolerance.rtol:g} · |log_prob|, against float64"
    return [*lines, promise]


def share(figure: Figure) -> float:
    """A figure as a share of its bound."""
    return figure.figure / figure.bound if figure.bound else -math.inf


def ability_lines(manifest: Manifest) -> list[str]:
    """What can be asked of it."""
    can = {"log_prob": "log_prob of rows", "sample": "samples of a seed"}
    held = [can.get(name, name) for name in manifest.graphs]
    lines = [", ".join(held) + ", the same in every language"]
    lines += [f"it cannot {GRAPHS[name].purpose}: it holds no {name}" for name in can if name not in manifest.graphs]
    reference = manifest.reference
    if reference is None:
        return [*lines, "no percentiles and thresholds: it was made without data"]
    finest = 1 / reference.rows if reference.lowest else 0.01
    mixes = "; they mix all contexts (score --calibrate does not)" if manifest.context_size else ""
    lines.append(f"percentiles and thresholds from {finest:.2g} up, by {reference.rows:,} reference rows{mixes}")
    quantiles = reference.log_prob_quantiles
    picked = ", ".join(f"{p} % {quantiles[p]:.2f}" for p in (0, 1, 5, 50, 95, 100))
    return [*lines, f"log_prob of these rows: {picked}"]


def holds_data(manifest: Manifest) -> str:
    """Whether golden rows are rows of the data, which whoever has the bundle can read."""
    rows_of = manifest.golden.rows_of or ("samples" if manifest.reference is None else "data")
    if rows_of == "samples":
        return "no row of the data: the golden rows are the model's own samples"
    return "ROWS OF THE DATA, as golden cases; flowexport export --golden samples leaves them out"


def counted(count: int | str, word: str) -> str:
    """A number and what it counts."""
    return f"{count} {word}" + ("" if str(count) == "1" else "s")
