"""The picture of a measurement."""

from __future__ import annotations

__all__ = ["picture"]

from flowexport.figures import new_figure, png

from .measure import Measurement, rows_a_second

COLOURS = ("#0b6bcb", "#c0392b")
"""Of the bundle, and of what it is compared with."""


def picture(measurement: Measurement) -> bytes:
    """Latency and throughput over rows as a PNG: a row of panels a verb, a line for each number of threads.

    Raises:
        MissingExtra: where matplotlib is not installed.
    """
    figure = new_figure(10, 7)
    verbs = list(dict.fromkeys(str(each.task["verb"]) for each in measurement.comparisons))
    panels = figure.subplots(len(verbs), 2, squeeze=False, sharex=True)
    counts = sorted({int(each.task["threads"]) for each in measurement.comparisons})
    for verb, (latency, throughput) in zip(verbs, panels, strict=True):
        for label, colour in zip(measurement.labels, COLOURS, strict=False):
            for count in counts:
                chosen = [
                    each
                    for each in measurement.comparisons
                    if each.task["verb"] == verb and each.task["threads"] == count
                ]
                chosen.sort(key=lambda each: int(each.task["rows"]))
                rows = [int(each.task["rows"]) for each in chosen]
                style = {"color": colour, "marker": "o", "markersize": 4}
                style["linestyle"] = "-" if count == counts[0] else "--" if count == counts[-1] else ":"
                threads = "thread" if count == 1 else "threads"
                latency.plot(rows, [each.timings[label].median / 1e3 for each in chosen], **style)
                line = f"{label}, {count} {threads}"
                throughput.plot(rows, [rows_a_second(each, label) for each in chosen], label=line, **style)
        for axes, title in ((latency, "ms a call"), (throughput, "rows a second")):
            axes.set(xscale="log", yscale="log", title=f"{verb}: {title}", xlabel="rows of a call")
            axes.grid(color="#dde2ea", linewidth=0.6)
        throughput.legend(frameon=False, fontsize=8)
    figure.suptitle(f"{measurement.subject.name} on {measurement.subject.device}, {measurement.machine['cpu']}")
    return png(figure, dpi=120)
