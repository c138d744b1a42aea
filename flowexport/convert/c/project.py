"""The folder of C: source, builds, a test, and what it costs."""

from __future__ import annotations

__all__ = ["c_files", "c_project"]

import json
from collections.abc import Mapping

from flowexport.bundle import Bundle, directions_of
from flowexport.convert.precision import Answers, Precision, answers_of, costs_of, precision_json, said
from flowexport.convert.storage import Weights, reduced
from flowexport.native.interpret import interpret
from flowexport.native.read import read_form

from .golden import golden_rows, golden_test
from .names import in_comment, model_name
from .source import header, source, template

CALLS = {
    "log_prob": "float log_prob = {name}_log_prob(x, {context});  /* nats */",
    "sample": "{name}_noise(seed, row, z);  /* row 0, 1, 2 … of a seed */\n{name}_sample(z, {context}, x);",
}
"""What the README shows of each graph."""


def c_files(
    bundle: Bundle, weights: Weights = "float32", max_nats: float | None = None, name: str | None = None
) -> tuple[dict[str, bytes], dict[str, Precision]]:
    """A bundle as a folder of C99.

    Arguments, results and errors are those of `c_project`, without the answers.
    """
    files, costs, _ = c_project(bundle, weights, max_nats, name)
    return files, costs


def c_project(
    bundle: Bundle, weights: Weights = "float32", max_nats: float | None = None, name: str | None = None
) -> tuple[dict[str, bytes], dict[str, Precision], dict[str, Answers]]:
    """A bundle as a folder of C99, and what its programs are to answer: log_prob, samples or both, as the bundle has.

    Arguments:
        weights: how the weights of products are kept; the arithmetic is float32.
        max_nats: the most that the 99th percentile of |Δ log_prob| on data may be.
        name: of the files and the functions; by default the bundle's.

    Returns:
        The bytes of each file by its path; what the form costs on ``data`` and ``tails``; and what these weights say of
        ``data``, ``tails`` and ``noise``, each where its graph is held.

    Raises:
        BundleError: for what a form cannot say: float64, images, operators that it does not know.
        CheckFailed: where a golden case does not hold, or it costs more than ``max_nats``.
    """
    called = model_name(name or bundle.manifest.name)
    forms = {graph: read_form(bundle, graph) for graph in directions_of(bundle.manifest.graphs)}
    kept = {graph: reduced(form, weights) for graph, form in forms.items()}
    answers = answers_of(bundle)
    costs = costs_of(answers, lambda each: interpret(kept[each.graph], each.inputs), weights, max_nats)
    if weights != "float32":
        # The program is held to what these weights say; what they cost is told beside it.
        answers = {rows: said(kept[each.graph], each) for rows, each in answers.items()}
    texts = {
        f"src/{called}.h": header(bundle.manifest, called),
        f"src/{called}.c": source(bundle.manifest, called, forms, weights),
        "src/flowexport_kernels.h": template("flowexport_kernels.h"),
        "test/golden.c": golden_test(bundle, called),
        "test/golden_rows.h": golden_rows(bundle, answers),
        "precision.json": precision_json(weights, costs),
        **builds(bundle, called),
    }
    return {path: text.encode() for path, text in texts.items()}, costs, answers


def builds(bundle: Bundle, name: str) -> Mapping[str, str]:
    """What builds the folder: make, CMake, PlatformIO and Arduino."""
    about = in_comment(bundle.manifest.description) or "A normalizing flow"
    library = {
        "name": name,
        "version": "1.0.0",
        "description": about,
        "frameworks": "*",
        "platforms": "*",
        "headers": f"{name}.h",
        "build": {"srcDir": "src", "includeDir": "src"},
    }
    values = {"name": name, "upper": name.upper(), "about": about}
    values["context"] = "context" if bundle.manifest.context_size else "NULL"
    held = directions_of(bundle.manifest.graphs)
    calls = "\n".join(CALLS[graph].format(**values) for graph in held)
    return {
        "Makefile": template("Makefile.in", **values),
        "CMakeLists.txt": template("CMakeLists.txt.in", **values),
        "library.json": json.dumps(library, indent=2) + "\n",
        "library.properties": template("library.properties.in", **values),
        **{f"examples/{name}_{graph}/{name}_{graph}.ino": template(f"{graph}.ino.in", **values) for graph in held},
        "README.md": template("README.md.in", **values, calls=calls),
    }
