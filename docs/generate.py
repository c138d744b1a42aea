"""Writes the documents that are made from the code: python docs/generate.py [--check | --pictures].

Without an option it writes ``cli.md``, ``flow.schema.json``, ``runtime_examples/operators.json`` and its forms in each
language, the table of parity of ``proof.md`` and that of ``flows.md``, of which it measures only new rows; ``--check``
compares them instead, and exits with 1 where one is stale; ``--pictures`` also draws the pictures and measures the
whole table, which takes minutes.
"""

from __future__ import annotations

__all__ = ["documents", "draw_banana", "stale"]

import argparse
import inspect
import json
import re
import sys
from pathlib import Path
from typing import Literal

import click

DOCS = Path(__file__).resolve().parent
# The tests load this file by its path, and its neighbours then need theirs.
sys.path.append(str(DOCS))

PROOF = DOCS / "proof.md"
OPERATORS = DOCS.parent / "runtime_examples" / "operators.json"
PARITY_BEGIN, PARITY_END = "<!-- parity: generated -->", "<!-- end -->"

CLI_HEAD = """\
# Command line

<!-- Made by docs/generate.py from the commands themselves: `make docs` writes it anew. -->
"""

SAMPLES = 1500
"""Dots of the picture: enough to show the shape, few enough to stay dots."""

MASSES = (0.5, 0.9, 0.99)
"""Parts of the probability that the contour lines hold."""

WINDOW = (-7.2, 7.2, -4.0, 13.0)
"""Left, right, bottom and top of the picture; about one row in two thousand lies outside."""

SHADE = 0.65
"""Colour goes with this power of the density, so that the arms of the banana are seen beside its middle."""


def documents(measure: Literal["none", "new", "all"] = "new") -> dict[Path, str]:
    """Every generated document: its path and its text.

    Arguments:
        measure: which rows of the table of ``flows.md``: none, those that it lacks, or all.
    """
    from flow_table import with_table
    from operator_tables import operator_tables

    from flowexport.bundle import json_schema
    from flowexport.bundle.operators import operators_json

    made = {}
    flows = DOCS / "flows.md"
    if flows.is_file():
        # First, since it may take minutes: what is read after it is as it is when all are written.
        made[flows] = with_table(flows.read_text(encoding="utf-8"), measure)
    schema = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    made |= {DOCS / "cli.md": cli_reference(), DOCS / "flow.schema.json": schema}
    made |= {OPERATORS: operators_json()} | operator_tables()
    proof = PROOF.read_text(encoding="utf-8")
    before, begin, rest = proof.partition(PARITY_BEGIN)
    _, end, after = rest.partition(PARITY_END)
    # A page without both markers is left alone: there is no place to write to.
    if begin and end:
        made[PROOF] = f"{before}{begin}\n{parity_table()}{end}{after}"
    return made


def stale() -> list[Path]:
    """The documents that differ from what the code says, or are not there."""
    return [
        path
        for path, text in documents("none").items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def parity_table() -> str:
    """What the proofs of the zoo's bundles found, each figure against its bound, as their flow.json keeps it.

    A bundle that keeps no figures has no line.
    """
    from flowexport.bundle import open_bundle, zoo_names

    # By check, and the beginning of the subject. The worst is shown: of batch sizes, and of contexts for the mass.
    columns = {
        "log_prob on data, nats": ("parity", "log_prob, data_"),
        "log_prob in the tails, of itself": ("parity", "log_prob, tails_64"),
        "samples, standard deviations": ("parity", "sample, noise_"),
        "direction, nats": ("direction", ""),
        "mass": ("mass", ""),
    }
    own = {"float32 alone: on data, nats": "log_prob, data", "in the tails, of itself": "log_prob, tails"}
    titles = [*columns, *own]
    lines = [f"| model | {' | '.join(titles)} |", "| --- |" + " ---: |" * len(titles)]
    for name in zoo_names():
        figures = open_bundle(name).manifest.verified or []
        bounded = [(each.check, each.subject, each.figure, each.bound) for each in figures if each.bound]
        cells = []
        for wanted, beginning in columns.values():
            found = [
                (figure, bound)
                for check, subject, figure, bound in bounded
                if check == wanted and subject.startswith(beginning)
            ]
            worst = max(found, key=lambda pair: pair[0] / pair[1], default=None)
            cells.append("–" if worst is None else f"{worst[0]:.1e} of {worst[1]:.1e}")
        costs = {each.subject: each.figure for each in figures if each.check == "rounding"}
        cells += [f"{costs[subject]:.1e}" if subject in costs else "–" for subject in own.values()]
        if bounded:
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def cli_reference() -> str:
    """Every verb with its help and its options, as Markdown; no line depends on a terminal's width."""
    from flowexport.cli.main import VERBS, main

    context = within(main, "flowexport", None)
    index = ", ".join(f"[{verb}](#flowexport-{verb})" for verb in VERBS)
    parts = [CLI_HEAD, *paragraphs(main), f"Verbs: {index}.\n", *options_table(main, context), *example_block(main)]
    for verb in VERBS:
        command = main.get_command(context, verb)
        assert command is not None
        of_verb = within(command, verb, context)
        parts += section("##", f"flowexport {verb}", command, of_verb)
        for name, part in command.commands.items() if isinstance(command, click.Group) else ():
            parts += section("###", f"flowexport {verb} {name}", part, within(part, name, of_verb))
    return "\n".join(parts)


def section(level: str, name: str, command: click.Command, context: click.Context) -> list[str]:
    """A command's heading, usage, help and options."""
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    parts = [f"{level} {name}\n", f"```\n{usage}\n```\n", *paragraphs(command), *options_table(command, context)]
    return parts + example_block(command)


def example_block(command: click.Command) -> list[str]:
    """The examples at the end of a command's help, as they are typed."""
    lines = [line.strip() for line in (command.epilog or "").splitlines()[2:]]
    return ["\n".join(["```sh", *lines, "```\n"])] if lines else []


def within(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    """The context that a command's help is asked in."""
    return click.Context(command, info_name=name, parent=parent, **command.context_settings)


def paragraphs(command: click.Command) -> list[str]:
    """A command's help, a line a paragraph."""
    return [" ".join(part.split()) + "\n" for part in inspect.cleandoc(command.help or "").split("\n\n")]


def options_table(command: click.Command, context: click.Context) -> list[str]:
    """A command's options, as click words them."""
    options = [parameter for parameter in command.get_params(context) if isinstance(parameter, click.Option)]
    records = [option.get_help_record(context) or ("", "") for option in options]
    # A bar that ends no cell, and a bracket that begins no link.
    cells = [(name.replace("|", "\\|"), re.sub(r"[|[]", r"\\\g<0>", text)) for name, text in records]
    rows = [" ".join(f"| `{name}` | {text} |".split()) for name, text in cells]
    return ["| option | |", "| --- | --- |", *rows, ""]


def draw_banana(path: Path) -> None:
    """Draws the density of the zoo model banana beside its samples, from the bundle alone."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    import flowexport

    ink, paper = "#1b2a41", "#ffffff"
    shades = LinearSegmentedColormap.from_list("banana", [paper, "#fdf0c4", "#f8cf61", "#e8963c", "#b04a3a", "#5b1d3b"])
    model = flowexport.load("banana", device="cpu")
    samples = model.sample(SAMPLES, seed=0)
    left, right, bottom, top = WINDOW
    across, up = np.meshgrid(np.linspace(left, right, 600), np.linspace(bottom, top, 600))
    log_prob = model.log_prob(np.stack([up, across], axis=-1))
    # The level above which a part of the mass lies is a quantile of log_prob over the model's own samples.
    levels = np.quantile(model.log_prob(model.sample(100_000, seed=1)), [1 - mass for mass in MASSES[::-1]])

    style = {"font.size": 11, "font.family": "DejaVu Sans", "text.color": ink, "axes.edgecolor": "#c3cad5"}
    style |= {"axes.labelcolor": ink, "xtick.color": ink, "ytick.color": ink, "axes.linewidth": 0.8}
    with plt.rc_context(style):
        figure, (density, dots) = plt.subplots(1, 2, figsize=(12, 5), sharex=True, sharey=True, layout="constrained")
        figure.get_layout_engine().set(wspace=0.05)
        density.imshow(
            np.exp(log_prob), extent=WINDOW, origin="lower", aspect="auto", cmap=shades, norm=PowerNorm(SHADE, vmin=0)
        )
        for axes, colour, width in ((density, ink, 0.9), (dots, "#9aa6b8", 0.9)):
            lines = axes.contour(
                across, up, log_prob, levels=levels, colors=colour, linewidths=width, linestyles="solid"
            )
            if axes is density:
                words = {level: f"{mass:.0%}" for level, mass in zip(levels, MASSES[::-1], strict=True)}
                axes.clabel(lines, fmt=words, fontsize=9, inline_spacing=3)
        dots.scatter(samples[:, 1], samples[:, 0], s=9, color="#b04a3a", alpha=0.6, linewidths=0)
        density.set_title("Density, from log_prob.onnx", fontsize=13, loc="left", pad=10)
        dots.set_title(f"{SAMPLES:,} samples, from sample.onnx", fontsize=13, loc="left", pad=10)
        density.set_ylabel("$x_1$")
        for axes in (density, dots):
            axes.set(xlim=(left, right), ylim=(bottom, top), xlabel="$x_2$", yticks=range(-4, 13, 4))
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(length=3, width=0.8)
        # Neither date nor software, so that the same model gives the same bytes.
        figure.savefig(path, dpi=100, facecolor=paper, metadata={"Software": None})
        plt.close(figure)


def run(arguments: list[str] | None = None) -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(description="Write the documents that are made from the code.")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--check", action="store_true", help="compare; exit status 1 where a document is stale")
    either.add_argument("--pictures", action="store_true", help="draw the pictures, and measure all figures anew")
    given = parser.parse_args(arguments)
    if given.check:
        found = stale()
        if found:
            examples = OPERATORS.parent
            names = ", ".join(
                str(path.relative_to(examples.parent)) if examples in path.parents else f"docs/{path.name}"
                for path in found
            )
            print(f"{names}: not what the code says now; run `make docs`", file=sys.stderr)
        return 1 if found else 0
    for path, text in documents("all" if given.pictures else "new").items():
        path.write_text(text, encoding="utf-8")
    if given.pictures:
        from pictures import draw_pictures

        draw_banana(DOCS / "banana.png")
        draw_pictures(DOCS)
    return 0


if __name__ == "__main__":
    sys.exit(run())
