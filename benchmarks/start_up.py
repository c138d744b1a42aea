"""How long a new process takes: python benchmarks/start_up.py.

Prints a Markdown table of the best of five, and exits with 1 where a goal is not met.
"""

from __future__ import annotations

import subprocess
import sys
import time

RUNS = 5
COMMANDS = {
    "flowexport --help": (["-m", "flowexport", "--help"], 0.3),
    "load a model and score a row": (
        ["-c", "import flowexport; flowexport.load('banana', device='cpu').log_prob([[1.0, 2.0]])"],
        None,
    ),
}
"""What is run, and the most seconds that it may take, where an issue named a goal."""


def best_of(arguments: list[str]) -> float:
    """Seconds of the quickest of five runs."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return min(times)


def main() -> None:
    """Prints the table."""
    missed = False
    print(f"| a new process | seconds, best of {RUNS} | goal | |\n| --- | ---: | ---: | --- |")
    for name, (arguments, goal) in COMMANDS.items():
        seconds = best_of(arguments)
        verdict = "" if goal is None else "met" if seconds <= goal else "not met"
        missed |= verdict == "not met"
        print(f"| {name} | {seconds:.3f} | {'' if goal is None else goal} | {verdict} |")
    sys.exit(missed)


if __name__ == "__main__":
    main()
