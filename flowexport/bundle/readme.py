"""The ``README.md`` of a bundle: its card, and how to run it."""

from __future__ import annotations

__all__ = ["readme"]

from collections.abc import Mapping

from .card import card
from .onnx_file import OnnxFile
from .schema import Manifest

LANGUAGES = {
    "C11": "c",
    "C++17": "cpp",
    "Rust": "rust",
    "Go": "go",
    "Java": "java",
    "Node": "node",
    "Python, without flowexport": "python",
    "the browser": "web",
}
"""The libraries of ``runtime_examples``, and their folders there."""


def readme(manifest: Manifest, graphs: Mapping[str, tuple[OnnxFile, int]]) -> bytes:
    """``README.md``: the same for the same bundle, and of plain text alone."""
    context = ", context" if manifest.context_size else ""
    table = "\n".join(
        f"| {label if first else ''} | {cell(line)} |"
        for label, lines in card(manifest, graphs).items()
        for first, line in zip((True, *[False] * len(lines)), lines, strict=False)
    )
    given = " --context …" if manifest.context_size else ""
    files = " and ".join(f"`{graph.file}`" for graph in manifest.graphs.values())
    files += " are" if len(manifest.graphs) > 1 else " is"
    opset = next(iter(manifest.graphs.values())).opset
    # Of pixels without names the first do.
    features = manifest.feature_columns[: None if manifest.features else 3]
    columns = " ".join(",".join(column.name for column in (*features, *manifest.context_columns)).split())
    told = {
        "log_prob": (
            f"log_prob = model.log_prob(x{context})  # nats",
            f"flowexport score FOLDER rows.csv -o scores.csv  # columns {columns}",
        ),
        "sample": (
            f"samples = model.sample(1000{context}, seed=0)",
            f"flowexport sample FOLDER -n 1000 --seed 0{given} -o samples.csv",
        ),
    }
    calls, verbs = ("\n".join(told[name][which] for name in manifest.graphs if name in told) for which in (0, 1))
    languages = "\n".join(f"| {language} | `runtime_examples/{folder}` |" for language, folder in LANGUAGES.items())
    text = f"""\
# {cell(manifest.name)}

{cell(manifest.description) or "A density, and its samples."}

| | |
| --- | --- |
{table}

NLL is the negative log-likelihood, the mean of −log_prob: lower is better. All numbers are in the units of the data.

## Run it

A bundle is this folder, whole: `flow.json` says what it is, {files} plain ONNX (opset \
{opset}, standard operators), `golden/` holds the cases that prove them.

```python
import flowexport  # pip install 'flowexport[cpu]'

model = flowexport.load("FOLDER")
{calls}
```

```sh
flowexport verify FOLDER
{verbs}
```

Other languages: flowexport comes with a small library for each, and a program with the same commands, `run.sh golden \
FOLDER`, `run.sh score FOLDER < rows.csv`, `run.sh sample FOLDER 1000 0`.

| language | library and program |
| --- | --- |
{languages}

## Read on

In flowexport's documents: *The bundle format* says how to write a reader, *Is my model good* what the figures above \
mean, *Anomalies and thresholds* how to find odd rows.
"""
    return text.encode()


def cell(text: str) -> str:
    """A text of the manifest in a line of Markdown: no line ends, and nothing that would be markup."""
    line = " ".join(text.split())
    for mark in "\\`*[]<>|":
        line = line.replace(mark, f"\\{mark}")
    return line
