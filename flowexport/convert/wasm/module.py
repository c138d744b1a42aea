"""Compiles the C of a bundle to a module, and writes it into JavaScript."""

from __future__ import annotations

__all__ = ["compiled", "wasm_files"]

import base64
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

import msgspec
import numpy as np

from flowexport.bundle import Bundle, directions_of
from flowexport.convert.c.names import in_comment, model_name
from flowexport.convert.c.project import c_project
from flowexport.convert.precision import Answers, Precision
from flowexport.convert.storage import Weights
from flowexport.errors import ArgumentError, ExportError
from flowexport.proof.bounds import NOISE_ATOL
from flowexport.runtime.noise import normals

TOOLS = ("clang", "wasm-ld")

FLAGS = (
    *("--target=wasm32", "-std=c99", "-Os", "-msimd128", "-nostdlib", "-fno-builtin"),
    *("-ffunction-sections", "-fdata-sections", "-Wl,--no-entry,--strip-all,--gc-sections,--export=__heap_base"),
)
"""For size, not speed: clang 14's -O2 is slower here. Four numbers at once are in every browser since 2023."""

ROWS = 64
"""Of the test: data, tails and samples each."""

SEED, START = 2**63 + 5, 3
"""Of the noise in the test: more than 63 bits, and not from the first row on."""

CALLS = {
    "log_prob": "const nats = model.logProb({row}{with});",
    "sample": "const samples = model.sample(1000, {{ seed: 7{options} }});",
}
"""What the README shows of each graph."""


def wasm_files(
    bundle: Bundle, weights: Weights = "float32", max_nats: float | None = None, name: str | None = None
) -> tuple[dict[str, bytes], dict[str, Precision]]:
    """A bundle as a folder that npm takes.

    Arguments and errors are those of `c_project`.

    Raises:
        ArgumentError: where clang or its linker is not there.
        ExportError: where they fail.
    """
    require_tools()
    sources, costs, answers = c_project(bundle, weights, max_nats, name)
    called = model_name(name or bundle.manifest.name)
    module = compiled({Path(path).name: data for path, data in sources.items() if path.startswith("src/")}, called)
    manifest = bundle.manifest
    contexts = msgspec.to_builtins(manifest.context_columns)
    features = [column.name for column in manifest.feature_columns]
    held = directions_of(manifest.graphs)
    methods = [*held, "percentile"] if manifest.reference is not None else held
    selector = int(bool(manifest.selector))
    values = {
        "name": called,
        "about": in_comment(manifest.description),
        "module": base64.b64encode(module).decode(),
        "features": json.dumps(features),
        "contexts": json.dumps(contexts),
        "latent": manifest.latent_size,
        "methods": "\n".join(template(f"{each}.js.in", name=called, selector=selector) for each in methods),
    }
    example = {"row": zeros(len(features)), "with": "", "options": ""}
    if contexts:
        example |= {"with": f", {zeros(len(contexts))}", "options": f", context: {zeros(len(contexts))}"}
    texts = {
        "index.js": template("index.js.in", **values),
        "index.d.ts": template("index.d.ts.in", methods="".join(template(f"{each}.d.ts.in") for each in methods)),
        "test.mjs": template("test.mjs.in"),
        "golden.json": json.dumps(golden(bundle, answers)) + "\n",
        "package.json": json.dumps(package(called, values["about"]), indent=2) + "\n",
        "README.md": template(
            "README.md.in",
            name=called,
            about=values["about"],
            calls="\n".join(CALLS[graph].format(**example) for graph in held),
        ),
    }
    kept = {f"{called}.wasm": module, "precision.json": sources["precision.json"]}
    return {path: text.encode() for path, text in texts.items()} | kept, costs


def zeros(count: int) -> str:
    """An array of so many, as JavaScript has it."""
    return f"[{', '.join(['0'] * count)}]"


def template(file: str, **values: object) -> str:
    """A file of this folder with names put in."""
    return Template((files(__package__) / file).read_text(encoding="utf-8")).substitute(values)


def require_tools() -> None:
    """Looks for what compiles.

    Raises:
        ArgumentError: with the cure.
    """
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        raise ArgumentError(f"needs {' and '.join(absent)}", key="--to wasm", cure="apt-get install clang lld")


def compiled(sources: Mapping[str, bytes], name: str) -> bytes:
    """The module of a model's sources, by the names of the files.

    Raises:
        ExportError: with what clang says.
    """
    exports = [f"-Wl,--export-if-defined={name}_{each}" for each in ("log_prob", "log_prob_rows", "sample", "noise")]
    exports.append(f"-Wl,--export-if-defined={name}_percentile")
    with tempfile.TemporaryDirectory() as folder:
        for file, data in sources.items():
            (Path(folder) / file).write_bytes(data)
        words = ["clang", *FLAGS, *exports, f"{name}.c", "-o", "module.wasm"]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise ExportError(f"clang failed: {' '.join(done.stderr.split())[:500]}", key="--to wasm")
        return (Path(folder) / "module.wasm").read_bytes()


def package(name: str, about: object) -> dict[str, object]:
    """``package.json``."""
    return {
        "name": name,
        "version": "1.0.0",
        "description": about,
        "type": "module",
        "exports": {".": {"types": "./index.d.ts", "default": "./index.js"}, f"./{name}.wasm": f"./{name}.wasm"},
        "files": ["index.js", "index.d.ts", f"{name}.wasm", "precision.json"],
        "scripts": {"test": "node test.mjs"},
        "sideEffects": False,
    }


def golden(bundle: Bundle, answers: Mapping[str, Answers]) -> dict[str, object]:
    """The rows of ``test.mjs`` of each graph, all numbers flat; one that is not finite is a text."""
    found: dict[str, object] = {}
    for graph in directions_of(bundle.manifest.graphs):
        found[graph] = rows_of([each.first(ROWS) for each in answers.values() if each.graph == graph])
    if "sample" in found:
        noise = normals(SEED, START * bundle.manifest.latent_size, ROWS * bundle.manifest.latent_size)
        found["noise"] = {
            "seed": str(SEED),
            "count": ROWS,
            "expected": flat([noise]),
            "allowed": flat([0 * noise + NOISE_ATOL]),
        }
    return found


def rows_of(answers: list[Answers]) -> dict[str, list[float | str]]:
    """Rows and what is expected of them."""
    inputs = {name: flat([each.inputs[name] for each in answers]) for name in answers[0].inputs}
    expected, allowed = flat([each.expected for each in answers]), flat([each.allowed for each in answers])
    return inputs | {"expected": expected, "allowed": allowed}


def flat(arrays: list[np.ndarray]) -> list[float | str]:
    """Numbers as JSON has them."""
    listed = np.concatenate([each.ravel() for each in arrays]).tolist()
    return [number if np.isfinite(number) else f"{'-' if number < 0 else ''}Infinity" for number in listed]
