"""What is fuzzed: five kinds of input, how each is changed, and the command lines that are to take it or refuse it."""

from __future__ import annotations

__all__ = ["SUBJECTS", "Subject"]

import hashlib
import io
import itertools
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from . import documents, tables, weights
from .mutations import Change, changed_bytes

Words = list[str]

GOLDEN_EVERY = 10
"""Of flows that can be read, every tenth is asked for its golden numbers."""


@dataclass(frozen=True)
class Subject:
    """One kind of input.

    Arguments:
        plant: changes a copy of the originals, and says what it changed.
        lines: the command lines that read it; what they write goes to the folder ``out``.
        prepare: is run once in the process, before the first.
        taken: what is said of the originals, where their command does not end with 0.
    """

    plant: Callable[[Random, Path], str]
    lines: Callable[[Random, Path, Path], list[Words]]
    prepare: Callable[[], None] = lambda: None
    taken: str = "nothing that is ever said"


def change(draw: Random, path: Path, how: Callable[[Random, bytes], Change]) -> str:
    """Changes a file."""
    data, told = how(draw, path.read_bytes())
    path.write_bytes(data)
    return f"{path.name}: {told}"


def misplace(draw: Random, path: Path, but: str = "") -> str:
    """Puts something else where a file was."""
    data = path.read_bytes()
    path.unlink()
    kinds = ("gone", "empty", "folder", "FIFO", "device", "loop", "link", "hole")
    kind = draw.choice([each for each in kinds if each != but])
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "folder":
        path.mkdir()
    elif kind == "FIFO":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "hole":
        path.write_bytes(data)
        os.truncate(path, 1 << 34)
    return f"{path.name}: {kind}"


# bundles --------------------------------------------------------------------------------------------------


def plant_bundle(draw: Random, folder: Path) -> str:
    """Any file of a bundle; the hashes are mostly made right again, so that the file itself is looked at."""
    bundle = folder / "bundle"
    manifest = bundle / "flow.json"
    kind = draw.random()
    if kind < 0.4:
        return change(draw, manifest, documents.changed_json)
    if kind < 0.45:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for path in sorted(bundle.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(bundle).as_posix())
        data, told = weights.changed_zip(draw, stream.getvalue())
        (folder / "bundle.zip").write_bytes(data)
        return f"zip: {told}"
    files = sorted(json.loads(manifest.read_bytes())["files"])
    if kind < 0.5:
        return misplace(draw, bundle / draw.choice([*files, "flow.json"]))
    graph = kind < 0.75
    name = draw.choice([each for each in files if each.endswith(".onnx") == graph])
    told = change(draw, bundle / name, weights.changed_onnx if graph else tables.changed_npy)
    if draw.random() < 0.9:
        document = json.loads(manifest.read_bytes())
        document["files"][name] = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
        manifest.write_text(json.dumps(document))
    return told


def bundle_lines(draw: Random, folder: Path, out: Path) -> list[Words]:
    bundle, rows = str(folder / "bundle"), str(folder / "rows.csv")
    if (folder / "bundle.zip").exists():
        return [["score", f"{bundle}.zip", rows, "-o", str(out / "scores.csv"), "--device", "cpu"]]
    more = ["score", bundle, rows, "-o", str(out / "scores.csv")], ["sample", bundle, "-n", "3", "--context", "a,1"]
    return [["verify", bundle], ["inspect", bundle, "--all"], *([draw.choice(more)] if draw.random() < 0.3 else [])]


# recipes --------------------------------------------------------------------------------------------------


def plant_recipe(draw: Random, folder: Path) -> str:
    path = folder / "recipe.toml"
    if draw.random() < 0.02:
        return misplace(draw, path)
    return change(draw, path, documents.changed_toml)


def recipe_lines(draw: Random, folder: Path, out: Path) -> list[Words]:
    return [["train", str(folder / "recipe.toml"), "-o", str(out / "run")]]


def no_training() -> None:
    """All that comes before the first epoch, and no more: how long a training takes is up to the recipe."""
    from flowexport.errors import TrainingError
    from flowexport.training import run

    def stopped(*given: object) -> object:
        raise TrainingError("stopped before the first epoch")

    run.train = stopped  # type: ignore[assignment]


# tables ---------------------------------------------------------------------------------------------------


def plant_table(draw: Random, folder: Path) -> str:
    changes = {
        "rows.csv": tables.changed_csv,
        "rows.csv.gz": tables.changed_gz,
        "rows.feather": changed_bytes,
        "rows.npy": tables.changed_npy,
        "rows.parquet": tables.changed_parquet,
    }
    name = draw.choice(list(changes))
    kind = draw.random()
    path = folder / name
    if kind < 0.03:
        told = misplace(draw, path, "FIFO")  # which is a table, for whoever writes to it
    elif kind < 0.08:
        # What another format's name promises.
        path.write_bytes((folder / draw.choice([*changes, "rows.npz"])).read_bytes())
        told = f"another format under {name}"
    else:
        told = change(draw, path, changes[name])
    if os.path.lexists(path):
        path.rename(folder / name.replace("rows", "table"))
    return told


def table_lines(draw: Random, folder: Path, out: Path) -> list[Words]:
    table = next(folder.glob("table.*"), folder / "rows.csv")
    bundle = str(folder / "bundle")
    score = ["score", bundle, str(table), "-o", str(out / "scores.csv")]
    sample = ["sample", bundle, "-n", "2", "--context", str(table), "-o", str(out / "samples.npy")]
    return [draw.choice((score, score, score, sample))]


# run folders ----------------------------------------------------------------------------------------------


def plant_run(draw: Random, folder: Path) -> str:
    run = folder / "run"
    path = draw.choice([*run.iterdir(), *run.glob("*.json"), *run.glob("*.safetensors")])
    if draw.random() < 0.05:
        return misplace(draw, path)
    changes = {".json": documents.changed_json, ".safetensors": weights.changed_safetensors}
    return change(draw, path, changes.get(path.suffix, changed_bytes))


def run_lines(draw: Random, folder: Path, out: Path) -> list[Words]:
    run, recipe = str(folder / "run"), str(folder / "recipe.toml")
    export = ["export", run, "-o", str(out / "bundle")]
    resume = ["train", recipe, "-o", run, "--resume"]
    return [draw.choice((export, export, resume))]


def no_graphs() -> None:
    """All that comes before the graphs are written, proved and put in place; what takes long, once in a while."""
    from flowexport.errors import ExportError
    from flowexport.export import export
    from flowexport.lowering.form import Vectors
    from flowexport.training import run

    exact, calls = export.steady_arrays, itertools.count()

    def sometimes(*given: object) -> object:
        if next(calls) % GOLDEN_EVERY:
            raise ExportError("stopped before the graphs")
        return exact(*given)  # type: ignore[arg-type]

    def stopped(*given: object) -> bytes:
        raise ExportError("stopped before the graphs")

    export.steady_arrays = sometimes  # type: ignore[assignment]
    Vectors.graph = stopped  # type: ignore[assignment]
    run.learning_curve = lambda *given: b""  # type: ignore[assignment]


# checkpoints of other libraries ---------------------------------------------------------------------------


def plant_checkpoint(draw: Random, folder: Path) -> str:
    kind = draw.random()
    if kind < 0.25:
        (folder / "flow.pt").unlink()
        return change(draw, folder / "flow.safetensors", weights.changed_safetensors)
    if kind < 0.45:
        (folder / "flow.pt").unlink()
        return change(draw, folder / "arguments.json", documents.changed_json)
    (folder / "flow.safetensors").unlink()
    if kind < 0.48:
        return misplace(draw, folder / "flow.pt")
    return change(draw, folder / "flow.pt", weights.changed_pt)


def checkpoint_lines(draw: Random, folder: Path, out: Path) -> list[Words]:
    file = next(folder.glob("flow.*"), folder / "flow.pt")
    arguments = ["--arguments", str(folder / "arguments.json")]
    return [["export", "--from", "zuko", str(file), *arguments, "-o", str(out / "bundle")]]


SUBJECTS = {
    "bundles": Subject(plant_bundle, bundle_lines),
    "recipes": Subject(plant_recipe, recipe_lines, no_training, "stopped before the first epoch"),
    "tables": Subject(plant_table, table_lines),
    "runs": Subject(plant_run, run_lines, no_graphs, "stopped before the graphs"),
    "checkpoints": Subject(plant_checkpoint, checkpoint_lines, no_graphs, "stopped before the graphs"),
}
