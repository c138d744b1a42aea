"""Runs the comparisons one after the other, writes RESULTS.md and docs/speed.md's table: python -m benchmarks."""

from __future__ import annotations

__all__ = ["COMPARISONS", "page_with", "results"]

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flowexport.bench import machine

from .flows import SHAPES
from .peers import OURS, PLAIN, ZUKO
from .report import PACKAGES, Goal, Report, Table, goals_table, microseconds

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
RESULTS, PAGE = HERE / "RESULTS.md", ROOT / "docs" / "speed.md"

COMPARISONS = {
    "speed": (1,),
    "call_overhead": (2,),
    "block_size": (),
    "large_batch": (3,),
    "memory": (3,),
    "growth": (),
    "cuda": (4,),
    "training_step": (5,),
    "training_time": (5,),
    "start_up": (6,),
    "native": (),
}
"""The commands, and the goals that each is to find."""

MINUTES = 45
"""Of one comparison, after which it is given up: three times what the longest takes."""

BEGIN, END = "<!-- speed -->", "<!-- end -->"

PAGE_ROWS = (1, 16384)

HEAD = """\
# Results

<!-- Made by `make bench`. -->
"""


def run(name: str, quick: bool) -> tuple[Report, bool]:
    """One comparison in a process of its own, so that none has the threads and the caches of another.

    Returns:
        What it found, and whether it broke.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        words = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(file), *(["--quick"] if quick else [])]
        started = time.perf_counter()
        try:
            done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60 * MINUTES)
            said = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            fault = f"it ended with: {said[:200]}" if done.returncode else ""
        except subprocess.TimeoutExpired:
            fault = f"it takes longer than {MINUTES} minutes"
        print(f"{name}: {time.perf_counter() - started:.0f} s {fault}", file=sys.stderr, flush=True)
        if fault:
            return failed(name, fault), True
        return Report.from_json(file.read_text(encoding="utf-8")), False


def failed(name: str, fault: str) -> Report:
    """What is told of a comparison that broke."""
    goals = [Goal(item, f"all of `{name}`", None, reason=fault) for item in COMPARISONS[name]]
    return Report(name, "", [Table("Not run", ["reason"], [[fault]])], goals)


def results(reports: dict[str, Report], quick: bool = False) -> str:
    """RESULTS.md."""
    facts = machine(PACKAGES)
    cpu, cores, system, python = (facts.pop(key) for key in ("cpu", "cores", "system", "python"))
    versions = ", ".join(f"{package} {version}" for package, version in facts.items())
    minutes = sum(report.seconds for report in reports.values()) / 60
    goals = [goal for report in reports.values() for goal in report.goals]
    verdicts = [goal.verdict.partition(":")[0] for goal in goals]
    counted = ", ".join(
        f"{verdicts.count(each)} {each}" for each in ("met", "not met", "not run", "reported") if each in verdicts
    )
    parts = [
        HEAD,
        f"{cpu}, {cores} cores, {system}, Python {python}. {versions}. {minutes:.0f} minutes.\n",
        "Ratios hold from machine to machine, times do not. `python -m benchmarks.NAME` measures one section again.\n",
        "**Quick: a small part of each, by which no goal can be judged.**\n" if quick else "",
        f"## Goals\n\n{counted}.\n",
        goals_table(sorted(goals, key=lambda goal: goal.item)),
    ]
    for name, report in reports.items():
        parts += [report.markdown(), f"`python -m benchmarks.{name}`, {report.seconds:.0f} s.\n"]
    return "\n".join(parts)


def page_with(text: str, report: Report) -> str:
    """The page with the short table of the comparison ``speed`` between its markers; without them as it was."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{begin}\n{short_table(report.figures)}{end}{after}" if begin and end else text


def short_table(figures: Sequence[dict[str, Any]]) -> str:
    """One thread, both verbs: how many times as fast as zuko and the plain export, and µs a call."""

    def median(shape: tuple[int, ...], rows: int, verb: str, peer: str) -> float | None:
        task = {"shape": list(shape), "rows": rows, "verb": verb, "peer": peer}
        found = [each for each in figures if task.items() <= each.items() and "median" in each]
        return found[0]["median"] if found else None

    def cells(shape: tuple[int, ...], rows: int, verb: str) -> list[str]:
        ours = median(shape, rows, verb, OURS)
        if ours is None:
            return ["not run"] * 3
        peers = [median(shape, rows, verb, peer) for peer in (ZUKO, PLAIN)]
        return [*("not run" if peer is None else f"{peer / ours:.3g}" for peer in peers), microseconds(ours)]

    heads = [f"{verb}: {what}" for verb in ("log_prob", "sample") for what in ("× zuko", "× plain export", "µs")]
    lines = [["features, layers, hidden", "rows", *heads], ["---", *["---:"] * 7]]
    for shape in SHAPES:
        for rows in PAGE_ROWS:
            lines.append([str(shape), f"{rows:,}", *cells(shape, rows, "log_prob"), *cells(shape, rows, "sample")])
    facts = machine(("flowexport-native", "onnxruntime", "onnxruntime-gpu", "torch", "zuko"))
    versions = ", ".join(f"{key} {value}" for key, value in facts.items() if key not in ("cpu", "cores", "system"))
    source = f"{facts['cpu']}, {facts['cores']} cores, {versions}."
    source += " All figures: [benchmarks/RESULTS.md](../benchmarks/RESULTS.md)."
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{source}\n"


def main() -> int:
    """The command; its exit status is 1 where a comparison broke, however its goals stand."""
    parser = argparse.ArgumentParser(description="Compare flowexport with its peers.")
    parser.add_argument("--quick", action="store_true", help="a small part of each: to see that it works; prints only")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=list(COMPARISONS), help="these; prints only, writes nothing"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    given = parser.parse_args()
    names = given.only or list(COMPARISONS)
    found = {name: run(name, given.quick) for name in names}
    reports = {name: report for name, (report, _) in found.items()}
    document = results(reports, given.quick)
    print(document)
    if given.json:
        documents = {name: json.loads(report.to_json()) for name, report in reports.items()}
        given.json.write_text(json.dumps(documents, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if not (given.quick or given.only):
        RESULTS.write_text(document, encoding="utf-8")
        if "speed" in reports and reports["speed"].figures:
            PAGE.write_text(page_with(PAGE.read_text(encoding="utf-8"), reports["speed"]), encoding="utf-8")
    return int(any(broke for _, broke in found.values()))


if __name__ == "__main__":
    sys.exit(main())
