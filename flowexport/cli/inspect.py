"""``flowexport inspect``."""

import json
import re
from typing import TYPE_CHECKING

import click

from .options import as_json as json_option
from .options import examples

if TYPE_CHECKING:
    from flowexport.bundle import Bundle


@click.command("inspect", epilog=examples("inspect banana", "inspect bundle --all"))
@click.argument("bundle")
@click.option("--all", "everything", is_flag=True, help="Also arguments, signatures, files and every figure.")
@json_option
def command(bundle: str, everything: bool, as_json: bool) -> None:
    """Show what a BUNDLE (a folder, or the name of a zoo model) is: how good, how proved, how big, what it can do.

    How good is the negative log-likelihood of rows, beside that of a Gaussian on the same rows; how proved, the worst
    figure of the checks that export made.
    """
    from flowexport.bundle import open_bundle
    from flowexport.bundle.card import card

    from .screen import show_table

    opened = open_bundle(bundle)
    if as_json:
        # The file itself, which may hold keys that this version does not know.
        text = (opened.path / "flow.json").read_text(encoding="utf-8").rstrip()
        click.echo(re.sub(r"[^\x00-\x7f]", lambda character: json.dumps(character[0])[1:-1], text))
        return
    graphs = {}
    for name in opened.manifest.graphs:
        data, outline = opened.graph(name)
        graphs[name] = (outline, len(data))
    matters = card(opened.manifest, graphs) | {"digest": [opened.sha256]}
    if everything:
        matters |= details(opened)
    rows = [(label if not index else "", line) for label, lines in matters.items() for index, line in enumerate(lines)]
    show_table(("", str(opened.path)), rows)


def details(bundle: "Bundle") -> dict[str, list[str]]:
    """What only a developer asks for: arguments, signatures, figures and files."""
    manifest = bundle.manifest
    arguments = manifest.architecture.get("arguments")
    signatures = []
    for graph in manifest.graphs.values():
        inputs, outputs = (
            " × ".join(f"{t.name} [{', '.join(map(str, t.shape))}]" for t in tensors)
            for tensors in (graph.inputs, graph.outputs)
        )
        signatures.append(f"{graph.file}, opset {graph.opset}: {inputs} → {outputs}")
    return {
        "arguments": [f"{key}={value}" for key, value in arguments.items()] if isinstance(arguments, dict) else [],
        "graphs": signatures,
        "figures": [
            f"{each.check}, {each.subject}: {each.figure:.3g}" + ("" if each.bound is None else f" of {each.bound:.3g}")
            for each in manifest.verified or []
        ],
        "files": [f"{name} {digest[:12]}" for name, digest in manifest.files.items()],
    }
