"""``flowexport bench``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import Counts, examples
from .options import device as device_option
from .options import engine as engine_option

if TYPE_CHECKING:
    from flowexport.bench import Measurement

STDOUT = "-"


@click.command("bench", epilog=examples("bench banana", "bench bundle --compare run --rows 1,1000"))
@click.argument("bundle")
@click.option("--rows", type=Counts(), default="1,64,1024,16384", show_default=True, help="Rows of a call.")
@click.option("--threads", type=Counts(), help="Numbers of threads.  [default: 1, and all]")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=2.0,
    show_default=True,
    help="Longest time of a figure, unless 3 calls take longer; 200 calls are enough.",
)
@click.option("--compare", "other", metavar="OTHER", help="Another bundle, or the run folder, measured in PyTorch.")
@click.option(
    "--json",
    "json_file",
    metavar="[FILE]",
    is_flag=False,
    flag_value=STDOUT,
    help="One JSON document into FILE, or on standard output in place of the table.",
)
@engine_option
@click.option("--png", type=click.Path(path_type=Path), help="A picture of the figures.")
@device_option
def command(
    bundle: str,
    rows: list[int],
    threads: list[int] | None,
    seconds: float,
    other: str | None,
    json_file: str | None,
    engine: str,
    png: Path | None,
    device: str,
) -> None:
    """Measure a BUNDLE (a folder, or the name of a zoo model): latency and throughput by rows and threads.

    Warm, medians, the process held to as many processors as there are threads. sample includes its noise. With
    --compare the two take turns, A B A B, and the ratio says how many times as long OTHER takes. Rows are those of
    the bundle's golden cases.
    """
    import json

    from flowexport.bench import measure
    from flowexport.files import write_file

    from .screen import progress

    files = [path for path in (png, json_file not in (None, STDOUT) and Path(str(json_file))) if path]
    for path in files:
        require_folder(path)
    if png is not None:
        # Before minutes of measuring, not behind them.
        from flowexport.figures import require_matplotlib

        require_matplotlib()
    with progress() as bar:
        task = bar.add_task("measuring", total=None)
        measurement = measure(
            bundle,
            other,
            rows,
            threads,
            seconds,
            device,
            engine,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    document = json.dumps(measurement.to_dict(), indent=2)
    if json_file == STDOUT:
        click.echo(document)
    else:
        show(measurement)
    if json_file not in (None, STDOUT):
        write_file(Path(str(json_file)), f"{document}\n".encode())
    if png is not None:
        from flowexport.bench.picture import picture

        write_file(png, picture(measurement))
    if measurement.disturbed:
        click.echo(
            "flowexport: warning: other processes kept processors busy, the figures are worth little: measure again",
            err=True,
        )


def show(measurement: "Measurement") -> None:
    """The table."""
    from flowexport.bench.measure import rows_a_second

    from .screen import show_table

    ours, *others = measurement.labels
    columns = ["", ">rows", ">threads", ">µs a call", ">best", ">rows a second"]
    for other in others:
        columns += [f">{other}, µs", ">rows a second", ">ratio"]
    lines = []
    for each in measurement.comparisons:
        timing = each.timings[ours]
        line = [str(each.task["verb"]), f"{each.task['rows']:,}", str(each.task["threads"])]
        line += [figure(timing.median), figure(timing.best), figure(rows_a_second(each, ours))]
        for other in others:
            ratio = f"{each.ratio(other):.2f}"
            line += [figure(each.timings[other].median), figure(rows_a_second(each, other)), ratio]
        lines.append(line)
    subject = measurement.subject
    title = f"{subject.name} on {subject.device} in {subject.runs_on}"
    if measurement.other is not None:
        title += f", beside {measurement.other.name} in {measurement.other.runs_on}"
    facts = ", ".join(f"{key} {value}" for key, value in measurement.machine.items())
    show_table(columns, lines, f"{title}\n{facts}")


def figure(value: float) -> str:
    """Three digits or more, and no exponent."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def require_folder(path: Path) -> None:
    """Refuses a file that cannot be written, before anything is measured."""
    from flowexport.errors import ArgumentError

    if path.is_dir() or not path.parent.is_dir():
        reason = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise ArgumentError(f"cannot be written: {reason}", file=path)
