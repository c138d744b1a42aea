"""``flowexport demo``."""

import contextlib
import io
import json
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import click

from .options import as_json as json_option
from .options import examples

if TYPE_CHECKING:
    import numpy as np

    from flowexport.proof import Report
    from flowexport.runtime.device import Device
    from flowexport.training import Checkpoint, Outcome

FILES = {"benign.csv", "bundle", "malignant.csv", "recipe.toml", "run", "samples.csv", "scores.csv"}
"""What a demo writes."""


@click.command("demo", epilog=examples("demo", "demo -o demo"))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help="The folder."
)
@json_option
def command(output: Path, as_json: bool) -> None:
    """The whole way on real rows: train, export, verify, score and sample, in a minute or two.

    The flow learns benign tumours (scikit-learn's breast cancer table, 30 features); malignant ones, which it
    has never seen, are the anomalies. Ends with the parity table, the ROC AUC of five splits beside that of a
    Gaussian, and the files that it wrote.
    """
    from flowexport.bundle import zoo_folder
    from flowexport.errors import CheckFailed

    from .screen import report_table

    def say(line: str) -> None:
        click.echo(line, err=as_json)

    source = zoo_folder() / "breast_cancer"
    require_own(output, source / "recipe.toml")
    evaluate = script("evaluate", source)
    benign, malignant = rows_of(output, source, evaluate, as_json)
    say(f"1. rows: {len(benign)} benign, {len(malignant)} malignant, {benign.shape[1]} features")
    outcome = trained(output)
    say(f"2. trained {len(outcome.epochs)} epochs; kept {outcome.best_epoch}, NLL {outcome.best_nll:.3f} nats")
    checkpoint = exported(output)
    say("3. exported two graphs, proved before they were put in place")
    report = verified(output, checkpoint)
    say("4. verified once more, against fresh references")
    device = scored(output, benign, malignant)
    say(f"5. scored {len(benign) + len(malignant)} rows and drew 1000, on {device}\n")
    if not as_json:
        report_table(report)
    show(output, outcome, report, areas(output, evaluate, benign, malignant), as_json)
    if not report.passed:
        raise CheckFailed(report.fault(), report)


def rows_of(output: Path, source: Path, evaluate: ModuleType, quiet: bool) -> "tuple[np.ndarray, np.ndarray]":
    """Writes the rows and the recipe, and reads the rows: benign, malignant ``[rows, features]``."""
    import shutil

    output.mkdir(parents=True, exist_ok=True)
    # What it says of its rows is no JSON.
    with contextlib.redirect_stdout(io.StringIO() if quiet else sys.stdout):
        script("make_rows", source).write(output)
    shutil.copy(source / "recipe.toml", output / "recipe.toml")
    return evaluate.read_csv(output / "benign.csv"), evaluate.read_csv(output / "malignant.csv")


def trained(output: Path) -> "Outcome":
    """Trains by the recipe, anew."""
    import shutil

    from flowexport.training import train_recipe

    from .screen import progress

    shutil.rmtree(output / "run", ignore_errors=True)
    with progress("nll") as bar:
        task = bar.add_task("training", total=None, nll="")
        outcome = train_recipe(
            output / "recipe.toml",
            output / "run",
            on_epoch=lambda epoch, total: bar.update(
                task, completed=epoch.epoch, total=total, nll=f"{epoch.validation_nll:.3f}"
            ),
        )
    if outcome.interrupted:
        raise KeyboardInterrupt
    return outcome


def exported(output: Path) -> "Checkpoint":
    """Makes the bundle of the run, which it gives."""
    from flowexport.export import export_checkpoint
    from flowexport.training import load_checkpoint

    from .screen import waiting

    checkpoint = load_checkpoint(output / "run")
    with waiting("exporting both directions"):
        export_checkpoint(checkpoint, output / "bundle")
    return checkpoint


def verified(output: Path, checkpoint: "Checkpoint") -> "Report":
    """The proof of the bundle, by the flow that was trained."""
    from flowexport.export import references_from
    from flowexport.proof import verify

    rows = None if checkpoint.x is None else checkpoint.x.double().numpy()
    return verify(output / "bundle", "auto", references_from(checkpoint.flow, rows, None))


def scored(output: Path, benign: "np.ndarray", malignant: "np.ndarray") -> "Device":
    """Writes scores and samples by the bundle; where it ran."""
    import numpy as np

    from flowexport.runtime import load
    from flowexport.tables import open_writer

    model = load(output / "bundle")
    with open_writer(output / "scores.csv", ["log_prob", "percentile", "malignant"]) as writer:
        for x, label in ((benign, 0.0), (malignant, 1.0)):
            scores = model.log_prob(x)
            writer.write(scores.astype(np.float64), model.percentile(scores), np.full(len(x), label))
    with open_writer(output / "samples.csv", model.features, model.dtype) as writer:
        writer.write(model.sample(1000, seed=0))
    return model.device


def areas(
    output: Path, evaluate: ModuleType, benign: "np.ndarray", malignant: "np.ndarray"
) -> list[tuple[float, float]]:
    """The ROC AUC of five splits, by flow and by Gaussian."""
    from flowexport.errors import DataWarning
    from flowexport.training import load_recipe

    from .screen import progress

    recipe = load_recipe(output / "recipe.toml")
    pairs: list[tuple[float, float]] = []
    with progress() as bar, warnings.catch_warnings():
        # That 286 rows are few for 30 features is no news of the rows that the demo brings along.
        warnings.simplefilter("ignore", DataWarning)
        task = bar.add_task("five splits", total=5)
        for seed in range(5):
            pairs += evaluate.auc_of_splits(recipe, benign, malignant, [seed])
            bar.advance(task)
    return pairs


def show(output: Path, outcome: "Outcome", report: "Report", pairs: list[tuple[float, float]], as_json: bool) -> None:
    """The end: areas of each split, by flow and by Gaussian, and the files."""
    from statistics import fmean

    from .screen import show_table

    files = [path for path in sorted(output.rglob("*")) if path.is_file() and "golden" not in path.parts]
    flow, gaussian = zip(*pairs, strict=True)
    if as_json:
        found = {
            "epochs": len(outcome.epochs),
            "best_epoch": outcome.best_epoch,
            "best_nll": outcome.best_nll,
            "report": report.to_dict(),
            "roc_auc": {"flow": flow, "gaussian": gaussian},
            "files": {str(path): path.stat().st_size for path in files},
        }
        click.echo(json.dumps(found, indent=2))
        return
    rows = [*((str(split), *pair) for split, pair in enumerate(pairs)), ("mean", fmean(flow), fmean(gaussian))]
    table = [(split, f"{of_flow:.4f}", f"{of_gaussian:.4f}") for split, of_flow, of_gaussian in rows]
    title = "\nROC AUC of malignant against held-out benign rows"
    show_table(("split", ">flow", ">Gaussian"), table, title)
    show_table(("file", ">bytes"), [(str(path), f"{path.stat().st_size:,}") for path in files], "\nfiles")


def require_own(folder: Path, recipe: Path) -> None:
    """Refuses a folder that holds what no demo wrote: the demo begins anew in it, and removes its run.

    Raises:
        ArgumentError: naming the stranger.
    """
    from flowexport.errors import ArgumentError
    from flowexport.training.folder import stranger

    if not folder.is_dir():
        return
    names = {path.name for path in folder.iterdir()}
    strangers = names - FILES
    if not strangers and names:
        copy = folder / "recipe.toml"
        ours = copy.is_file() and not copy.is_symlink() and copy.read_bytes() == recipe.read_bytes()
        strangers = set() if ours else {"recipe.toml"} if copy.exists() else names
    run = folder / "run"
    if not strangers and run.is_dir() and (run.is_symlink() or stranger(run)):
        strangers = {f"run/{stranger(run)}"}
    if strangers:
        found = folder / min(strangers)
        raise ArgumentError(f"{found}: is of no demo; name an empty folder or a new one; nothing was changed")


def script(name: str, folder: Path) -> ModuleType:
    """A script of a zoo model, imported from its file."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(f"flowexport_zoo_{folder.name}_{name}", folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
