"""The native engine beside ONNX Runtime and zuko, into docs/native.md: python -m benchmarks.native [--quick]."""

from __future__ import annotations

__all__ = ["compare", "page_with"]

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import flowexport
from docs.drawing import picture
from flowexport.bench import machine, pinned, side_by_side
from flowexport.bundle import open_bundle, zoo_names
from flowexport.native.form import Linear
from flowexport.native.read import read_form

from .flows import SHAPES, Flows, Shape
from .peak import peak_flops
from .report import Goal, Report, Table, command, goals_table, microseconds

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "native.png"

PAGE = PICTURE.with_suffix(".md")
BEGIN, END = "<!-- native -->", "<!-- end -->"

NATIVE, ORT, ZUKO = "native", "ONNX Runtime", "zuko"
ENGINES = {NATIVE: "native", ORT: "onnxruntime"}
MIDDLE = Shape(10, 5, 128)

ROWS = (1, 2, 4, 8, 16, 64, 256, 1024, 16384)
MANY = 1_000_000
SECONDS = 0.7
"""For a candidate and a number of rows, where 200 calls take longer."""

LONGEST = 0.1
"""Seconds that a call of the native engine may take, so that the whole stays within minutes."""

GOALS: dict[tuple[Shape, int], float] = {
    (Shape(2, 6, 64), 1): 16,
    (MIDDLE, 1): 8,
    (Shape(64, 10, 512), 1): 2,
    (MIDDLE, 8): 2,
    (MIDDLE, 64): 1.5,
    (MIDDLE, 1024): 1.4,
    (MIDDLE, 16384): 1.35,
}
"""How many times as long ONNX Runtime is to take."""

HOW = """\
`Model.log_prob`, numpy in and numpy out, of the same bundles in both engines and of the same weights in zuko. One
thread, the process held to one processor; warm, in turn (A B A B), medians. *Peak* is what a loop of multiply-and-adds
does, compiled and timed in the same run; the share counts two operations for each weight that is not 0."""

Medians = dict[str, float]
"""Candidate → µs a call."""


def compare(quick: bool) -> Report:
    """Every shape and every model of vectors, or a part of each."""
    latencies: dict[Shape, dict[int, Medians]] = {}
    shares: list[Goal] = []
    with tempfile.TemporaryDirectory() as folder:
        with pinned(1):
            flops = peak_flops(Path(folder))
            for shape in SHAPES[1:2] if quick else SHAPES:
                flows = Flows(shape, Path(folder))
                latencies[shape] = by_rows(flows, ROWS[:2] if quick else ROWS, quick)
                shares += share_goals(flows, latencies[shape], flops)
            zoo = of_zoo(quick)
            drawn = draws(Flows(MIDDLE, Path(folder, "draws")), quick)
        # torch is pinned to as many threads as it had before.
        many = [] if quick else [many_rows(Flows(MIDDLE, Path(folder, "many")))]
    tables = [latency_table(shape, found, flops) for shape, found in latencies.items()]
    loads = {name: load_milliseconds(name) for name in zoo}
    tables += [zoo_table(zoo, loads), footprint_table()]
    goals = [goal for shape, found in latencies.items() for goal in latency_goals(shape, found)]
    if "moons" in zoo:
        goals.append(
            Goal(16, "moons, one row, × ONNX Runtime", 20, figure=zoo["moons"][1][ORT] / zoo["moons"][1][NATIVE])
        )
    slowest = max(loads, key=loads.__getitem__)
    goals.append(Goal(16, f"both programs of {slowest}, the slowest of the zoo", 50, "≤", "ms", loads[slowest]))
    figures = [
        {"shape": list(shape), "rows": rows} | found
        for shape, all_rows in latencies.items()
        for rows, found in all_rows.items()
    ]
    report = Report("The native engine", HOW, tables, [*goals, *shares, *drawn, *many, *footprint_goals()], figures)
    if not quick:
        draw_picture(latencies)
        PAGE.write_text(page_with(PAGE.read_text(encoding="utf-8"), report), encoding="utf-8")
    return report


def by_rows(flows: Flows, counts: tuple[int, ...], quick: bool) -> dict[int, Medians]:
    """Rows of a call → medians of the three; without what takes too long."""
    models = engines_of(flows.bundle)
    found: dict[int, Medians] = {}
    for rows in counts:
        x = np.random.default_rng(0).standard_normal((rows, flows.shape.features), np.float32)
        tensor = torch.from_numpy(x)
        calls: dict[str, Callable[[], Any]] = {name: partial(model.log_prob, x) for name, model in models.items()}
        calls[ZUKO] = lambda tensor=tensor: flows.zuko().log_prob(tensor).numpy()
        started = time.perf_counter()
        expected = calls[NATIVE]()
        if time.perf_counter() - started > LONGEST:
            break
        np.testing.assert_allclose(calls[ZUKO](), expected, rtol=1e-4, atol=1e-3)
        found[rows] = medians(calls, quick)
    return found


def engines_of(bundle: Path | str, threads: int = 1) -> dict[str, flowexport.Model]:
    """A bundle in each engine on the CPU."""
    return {name: flowexport.load(bundle, "cpu", threads, engine=engine) for name, engine in ENGINES.items()}


def medians(calls: Mapping[str, Callable[[], Any]], quick: bool) -> Medians:
    """µs a call, side by side."""
    timings = side_by_side(calls, seconds=0.02 if quick else SECONDS, warm_seconds=0.02 if quick else 0.2)
    return {name: timing.median for name, timing in timings.items()}


def operations_of(bundle: Path) -> int:
    """Multiplications and additions of a row by weights that are not 0."""
    form = read_form(open_bundle(bundle), "log_prob")
    return sum(2 * int(np.count_nonzero(each.weights)) for each in form.operations if isinstance(each, Linear))


def share_goals(flows: Flows, found: dict[int, Medians], flops: float) -> list[Goal]:
    """How much of the peak a thousand rows reach."""
    if 1024 not in found or flows.shape.hidden < MIDDLE.hidden:
        return []
    share = 1024 * operations_of(flows.bundle) / (found[1024][NATIVE] * 1e-6) / flops
    return [Goal(16, f"{flows.shape}, 1,024 rows: share of the peak", 85, unit="%", figure=100 * share)]


def latency_goals(shape: Shape, found: dict[int, Medians]) -> list[Goal]:
    """Of one shape."""
    goals = [
        Goal(
            16,
            f"{shape}, {rows:,} {'row' if rows == 1 else 'rows'}, × ONNX Runtime",
            GOALS[shape, rows],
            figure=each[ORT] / each[NATIVE],
        )
        for rows, each in found.items()
        if (shape, rows) in GOALS
    ]
    if shape == MIDDLE:
        goals.append(Goal(16, f"{shape}, one row, × zuko", 200, figure=found[1][ZUKO] / found[1][NATIVE]))
    return goals


def draws(flows: Flows, quick: bool) -> list[Goal]:
    """One sample of a seed."""
    flows.folder.mkdir()
    calls = {name: partial(model.sample, 1, seed=7) for name, model in engines_of(flows.bundle).items()}
    found = medians(calls, quick)
    return draw_goals(flows.shape, found[NATIVE], found[ORT] / found[NATIVE])


def draw_goals(shape: Shape, spent: float, times: float) -> list[Goal]:
    """One of two is to be reached, µs or times ONNX Runtime: the one that is, or else both."""
    bounds = {"µs": 6.0, "×": 6.0}
    if spent <= bounds["µs"]:
        del bounds["×"]
    elif times >= bounds["×"]:
        del bounds["µs"]
    name = f"{shape}, sample(1): ≤ 6 µs or ≥ 6 × ONNX Runtime"
    return [
        Goal(16, f"{name}: µs", bounds.get("µs"), "≤", "µs", spent),
        Goal(16, f"{name}: ×", bounds.get("×"), figure=times),
    ]


def many_rows(flows: Flows) -> Goal:
    """A million rows on two threads beside zuko."""
    flows.folder.mkdir()
    x = np.random.default_rng(0).standard_normal((MANY, flows.shape.features), np.float32)
    model = flowexport.load(flows.bundle, "cpu", threads=2, engine="native")
    with pinned(2):
        tensor = torch.from_numpy(x)
        calls = {NATIVE: partial(model.log_prob, x), ZUKO: lambda: flows.zuko().log_prob(tensor)}
        timings = side_by_side(calls, calls=3, seconds=1, fewest=2, warm_seconds=0)
    return Goal(
        16, f"{flows.shape}, {MANY:,} rows, two threads, × zuko", 6, figure=timings[ZUKO].best / timings[NATIVE].best
    )


def of_zoo(quick: bool) -> dict[str, dict[int, Medians]]:
    """Model → rows of a call → medians."""
    found: dict[str, dict[int, Medians]] = {}
    for name in zoo_names():
        if len(open_bundle(name).manifest.event_shape) > 1 or (quick and found):
            continue
        models = engines_of(name)
        context = rows_of_contexts(models[NATIVE])
        for rows in (1, 1024):
            given = None if context is None else np.repeat(context, rows, axis=0)
            x = models[ORT].sample(rows, None if context is None else context[0], seed=0)
            calls = {each: partial(model.log_prob, x, given) for each, model in models.items()}
            found.setdefault(name, {})[rows] = medians(calls, quick)
    return found


def rows_of_contexts(model: flowexport.Model) -> np.ndarray | None:
    """One row of context, of codes that every column has."""
    return np.zeros((1, model.context_size), np.float32) if model.context_size else None


def latency_table(shape: Shape, found: dict[int, Medians], flops: float) -> Table:
    """µs a call by rows."""
    rows = [
        [
            f"{count:,}",
            *(microseconds(each[name]) for name in (NATIVE, ORT, ZUKO)),
            *(f"{each[name] / each[NATIVE]:.3g}" for name in (ORT, ZUKO)),
        ]
        for count, each in found.items()
    ]
    columns = ["rows", "native, µs", "ONNX Runtime, µs", "zuko, µs", "× ONNX Runtime", "× zuko"]
    return Table(f"{shape}", columns, rows, [f"Peak: {flops / 1e9:.0f} GFLOP/s."])


def zoo_table(found: dict[str, dict[int, Medians]], loads: dict[str, float]) -> Table:
    """The models that come with the package."""
    rows = []
    for name, each in found.items():
        cells = [
            cell
            for count in (1, 1024)
            for cell in (microseconds(each[count][NATIVE]), f"{each[count][ORT] / each[count][NATIVE]:.3g}")
        ]
        rows.append([name, *cells, f"{loads[name]:.0f}"])
    columns = ["model", "1 row, µs", "× ONNX Runtime", "1,024 rows, µs", "× ONNX Runtime", "making both programs, ms"]
    return Table("The zoo's models of vectors", columns, rows)


def load_milliseconds(name: str) -> float:
    """From an open bundle to both programs, the best of ten."""
    from flowexport.runtime.device import Device
    from flowexport.runtime.native import Native

    best = float("inf")
    for _ in range(10):
        bundle = open_bundle(name)
        started = time.process_time()
        Native(bundle, Device("cpu"), "")
        best = min(best, time.process_time() - started)
    return 1e3 * best


def footprint() -> tuple[float, float]:
    """KB of the compiled kernel as a wheel holds it, deflated, and ms of its import, numpy's left out."""
    import zlib

    import flowexport_native

    (module,) = Path(flowexport_native.__file__).parent.glob("_kernel*")
    program = "import time, numpy; t = time.perf_counter(); import flowexport_native; print(time.perf_counter() - t)"
    tries = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True) for _ in range(5)
    ]
    return len(zlib.compress(module.read_bytes(), 9)) / 1e3, 1e3 * min(float(each.stdout) for each in tries)


def footprint_table() -> Table:
    """What it weighs."""
    size, seconds = footprint()
    return Table("What it weighs", ["", ""], [["wheel, KB", f"{size:.0f}"], ["import, ms", f"{seconds:.2g}"]])


def footprint_goals() -> list[Goal]:
    """Wheel and import."""
    size, seconds = footprint()
    return [Goal(16, "wheel", 120, "≤", "KB", size), Goal(16, "import", 5, "≤", "ms", seconds)]


def page_with(text: str, report: Report) -> str:
    """The page with the tables and goals of a report between its markers."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    facts = ", ".join(f"{key} {value}" for key, value in machine(("numpy", "onnxruntime", "torch", "zuko")).items())
    return f"{before}{BEGIN}\n{report.how}\n\n{facts}.\n\n{deeper(report)}{END}{after}"


def deeper(report: Report) -> str:
    """Tables and goals, as parts of a section."""
    return "\n".join([*(table.markdown() for table in report.tables), "### Goals\n", goals_table(report.goals)])


def draw_picture(latencies: dict[Shape, dict[int, Medians]]) -> None:
    """µs a row over the rows of a call."""
    colours = {ZUKO: "#8a94a6", ORT: "#0b6bcb", NATIVE: "#c0392b"}
    with picture(PICTURE, len(latencies)) as panels:
        for axes, (shape, found) in zip(panels, latencies.items(), strict=True):
            for name, colour in colours.items():
                axes.plot(
                    list(found),
                    [each[name] / rows for rows, each in found.items()],
                    "o-",
                    ms=3,
                    color=colour,
                    label=name,
                )
            axes.set(xscale="log", yscale="log", title=str(shape), xlabel="rows of a call")
        panels[0].set_ylabel("µs a row")
        panels[0].legend(frameon=False)


if __name__ == "__main__":
    command(compare, __doc__ or "")
