"""An evaluation in words: lines for a terminal, and one HTML file that needs no other."""

from __future__ import annotations

__all__ = ["page", "tables"]

import base64
import html
from collections.abc import Mapping, Sequence

from .evaluate import Beside, Evaluation

FEATURES = 12
"""Features that are shown, those first whose samples differ most."""

STYLE = """\
body { font: 16px/1.5 system-ui, sans-serif; color: #1b2a41; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #dfe6ee; vertical-align: top }
img { max-width: 100%; height: auto }
h1, h2 { line-height: 1.2 }
"""

Table = tuple[str, Sequence[str], list[Sequence[str]]]


def tables(figures: Evaluation) -> list[Table]:
    """Title, columns and rows of each table; a column that begins with ``>`` is of numbers."""
    columns = ("density", ">NLL, nats", ">±", ">bits", ">model better by", ">±", "fitted on")
    own = figures.nll
    told = (number(own.nats), number(own.standard_error, 2), number(own.bits))
    lines = [(figures.model, *told, "", "", "its training rows"), *map(beside_line, figures.beside)]
    made: list[Table] = [
        (f"{figures.model} on {figures.rows_are}: NLL a row, lower is better", columns, lines),
        ("Is it calibrated, and are its samples like the rows", ("", "", ""), summary(figures)),
    ]
    ordered = sorted(figures.features, key=lambda each: -each.distance.statistic)
    columns = ("feature", ">mean of rows", ">of samples", ">deviation of rows", ">of samples", ">distance", ">p")
    rows = [
        (
            each.name,
            *(number(value, 4) for value in (each.data_mean, each.sample_mean)),
            *(number(value, 4) for value in (each.data_deviation, each.sample_deviation)),
            f"{each.distance.statistic:.3f}",
            probability(each.distance.p_value),
        )
        for each in ordered[:FEATURES]
    ]
    more = f"; {len(ordered) - FEATURES} more are nearer" if len(ordered) > FEATURES else ""
    made.append((f"Features of rows and of samples, the farthest apart first{more}", columns, list(rows)))
    return made


def beside_line(beside: Beside) -> Sequence[str]:
    """A density beside the model."""
    if beside.nll is None:
        return (beside.name, "", "", "", "", "", beside.reason or "")
    nll = beside.nll
    figures = (number(nll.nats), number(nll.standard_error, 2), number(nll.bits))
    return (
        beside.name,
        *figures,
        number(beside.difference, 4),
        number(beside.standard_error, 2),
        beside.fitted_on or "",
    )


def summary(figures: Evaluation) -> list[Sequence[str]]:
    """A line a question: the figure, and what it says."""
    lines: list[Sequence[str]] = []
    if figures.rows_without_density:
        lines.append(
            ("of density 0", f"{figures.rows_without_density:,}", "outside the bounds of a feature: NLL is infinite")
        )
    if figures.bits_per_dimension is not None:
        lines.append(("bits per dimension", f"{figures.bits_per_dimension:.4f}", "of images"))
    if figures.latent is None:
        lines.append(("latent", "", figures.latent_reason or ""))
    else:
        worst = max(figures.latent, key=lambda each: each.statistic)
        # The smallest of so many would be small by chance.
        chance = min(1.0, min(each.p_value for each in figures.latent) * len(figures.latent))
        verdict = (
            "as near the normal as a true model's" if chance > 0.05 else "not normal: the density is off somewhere"
        )
        lines.append(
            (
                "latent",
                f"{worst.statistic:.3f}",
                f"farthest of {len(figures.latent)} from the normal, p {probability(chance)}: {verdict}",
            )
        )
    if figures.separation is None:
        lines.append(("rows against samples", "", figures.separation_reason or ""))
    else:
        found = figures.separation
        told = found.auc - 0.5 > 2 * found.standard_error
        verdict = "a classifier tells them apart" if told else "a classifier cannot tell them apart"
        lines.append(
            ("rows against samples", f"AUC {found.auc:.3f} ± {found.standard_error:.2g}", f"0.5 is chance: {verdict}")
        )
    if figures.reference_rows is not None:
        expected = figures.rows / (figures.reference_rows + 1)
        lines.append(
            (
                "below the reference",
                f"{figures.below_reference:,}",
                f"rows less likely than all {figures.reference_rows:,} reference rows; {expected:.2g} to be expected",
            )
        )
    return lines


def page(figures: Evaluation, pictures: Mapping[str, bytes]) -> str:
    """The whole as one HTML file: pictures are in it, nothing is fetched, and every text is escaped."""
    title = html.escape(f"Is {figures.model} good")
    body = [f"<h1>{title}</h1>"]
    for name, columns, rows in tables(figures):
        body.append(f"<h2>{html.escape(name)}</h2>\n<table>")
        if any(columns):
            head = "".join(f"<th>{html.escape(column.removeprefix('>'))}</th>" for column in columns)
            body.append(f"<tr>{head}</tr>")
        body += ["<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>" for row in rows]
        body.append("</table>")
    for name, data in pictures.items():
        source = "data:image/png;base64," + base64.b64encode(data).decode()
        body.append(f'<h2>{html.escape(name)}</h2>\n<img alt="{html.escape(name)}" src="{source}">')
    body.append(
        "<p>NLL is the mean of −log_prob, in the units of the data. A distance is that of two distribution functions "
        "(Kolmogorov–Smirnov), 0 to 1; p is the probability of such a distance by chance.</p>"
    )
    head = f'<meta charset="utf-8">\n<title>{title}</title>\n<style>\n{STYLE}</style>'
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n'
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def number(value: float | None, digits: int = 5) -> str:
    """A figure to so many significant digits, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}g}"


def probability(value: float) -> str:
    """A probability; of one below a thousandth only that."""
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
