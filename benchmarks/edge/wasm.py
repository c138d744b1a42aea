"""What bundles cost as WebAssembly in Node: python -m benchmarks.edge does this after the devices."""

from __future__ import annotations

__all__ = ["table"]

import gzip
import subprocess
import tempfile
from pathlib import Path

from flowexport.bundle import open_bundle
from flowexport.convert import wasm_files

SCRIPT = Path(__file__).parent / "measure.mjs"


def table(models: list[str]) -> str:
    """The figures as Markdown."""
    lines = [
        "| | module, bytes | gzip | `index.js`, gzip | one row, µs | 1,000 rows, µs |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for model in models:
        with tempfile.TemporaryDirectory() as folder:
            files, _ = wasm_files(open_bundle(model))
            for path, data in files.items():
                (Path(folder) / path).write_bytes(data)
            words = ["node", str(SCRIPT), folder, model]
            said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        one, many = map(float, said.split())
        module, script = files[f"{model}.wasm"], files["index.js"]
        sizes = f"{len(module):,} | {len(gzip.compress(module)):,} | {len(gzip.compress(script)):,}"
        lines.append(f"| {model} | {sizes} | {one:.2f} | {many:,.0f} |")
        print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"
