"""``flowexport demo``."""

from pathlib import Path
from types import ModuleType

import click

from .options import as_json as json_option
from .options import examples

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
    import contextlib
    import io
    import json
    import shutil
    import sys
    import warnings

    import numpy as np

    import flowexport
    from flowexport.bundle import zoo_folder
    from flowexport.errors import CheckFailed, DataWarning
    from flowexport.export import export_checkpoint, references_from
    from flowexport.proof import verify
    from flowexport.tables import open_writer
    from flowexport.training import load_checkpoint, load_recipe, train_recipe

    from .screen import progress, report_table, show_table, waiting

    def say(line: str) -> None:
        click.echo(line, err=as_json)

    source = zoo_folder() / "breast_cancer"
    require_own(output, source / "recipe.toml")
    output.mkdir(parents=True, exist_ok=True)
    # What it says of its rows is no JSON.
    with contextlib.redirect_stdout(io.StringIO() if as_json else sys.stdout):
        script("make_rows", source).write(output)
    shutil.copy(source / "recipe.toml", output / "recipe.toml")
    evaluate = script("evaluate", source)
    benign, malignant = (evaluate.read_csv(output / f"{name}.csv") for name in ("benign", "malignant"))
    say(f"1. rows: {len(benign)} benign, {len(malignant)} malignant, {benign.shape[1]} features")

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
    say(f"2. trained {len(outcome.epochs)} epochs; kept {outcome.best_epoch}, NLL {outcome.best_nll:.3f} nats")

    checkpoint = load_checkpoint(output / "run")
    with waiting("exporting both directions"):
        export_checkpoint(checkpoint, output / "bundle")
    say("3. exported two graphs, proved before they were put in place")

    rows = None if checkpoint.x is None else checkpoint.x.double().numpy()
    report = verify(output / "bundle", "auto", references_from(checkpoint.flow, rows, None))
    say("4. verified once more, against fresh references")

    model = flowexport.load(output / "bundle")
    with open_writer(output / "scores.csv", ["log_prob", "percentile", "malignant"]) as writer:
        for x, label in ((benign, 0.0), (malignant, 1.0)):
            scores = model.log_prob(x)
            writer.write(scores.astype(np.float64), model.percentile(scores), np.full(len(x), label))
    with open_writer(output / "samples.csv", model.manifest.features or [], model.dtype) as writer:
        writer.write(model.sample(1000, seed=0))
    say(f"5. scored {len(benign) + len(malignant)} rows and drew 1000, on {model.device}\n")

    if not as_json:
        report_table(report)
    recipe = load_recipe(output / "recipe.toml")
    with progress() as bar, warnings.catch_warnings():
        # That 286 rows are few for 30 features is no news of the rows that the demo brings along.
        warnings.simplefilter("ignore", DataWarning)
        task = bar.add_task("five splits", total=5)
        pairs = []
        for seed in range(5):
            pairs += evaluate.auc_of_splits(recipe, benign, malignant, [seed])
            bar.advance(task)
    flow, gaussian = np.mean(pairs, axis=0)
    files = [path for path in sorted(output.rglob("*")) if path.is_file() and "golden" not in path.parts]
    if as_json:
        areas = {"flow": [pair[0] for pair in pairs], "gaussian": [pair[1] for pair in pairs]}
        sizes = {str(path): path.stat().st_size for path in files}
        trained = {"epochs": len(outcome.epochs), "best_epoch": outcome.best_epoch, "best_nll": outcome.best_nll}
        click.echo(json.dumps({**trained, "report": report.to_dict(), "roc_auc": areas, "files": sizes}, indent=2))
    else:
        table = [
            (str(seed), f"{of_flow:.4f}", f"{of_gaussian:.4f}") for seed, (of_flow, of_gaussian) in enumerate(pairs)
        ]
        title = "\nROC AUC of malignant against held-out benign rows"
        show_table(("split", ">flow", ">Gaussian"), [*table, ("mean", f"{flow:.4f}", f"{gaussian:.4f}")], title)
        show_table(("file", ">bytes"), [(str(path), f"{path.stat().st_size:,}") for path in files], "\nfiles")
    if not report.passed:
        raise CheckFailed(report.fault(), report)


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
