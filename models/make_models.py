"""Trains and exports the zoo anew, by default each model that has a bundle: python models/make_models.py [NAME ...]."""

import runpy
import sys
import tempfile
from pathlib import Path

from flowexport.export import export_checkpoint
from flowexport.training import load_checkpoint, train_recipe

ZOO = Path(__file__).resolve().parent


def make(name: str) -> None:
    """Makes the rows of a model, trains it in a temporary folder, and replaces its bundle."""
    folder = ZOO / name
    runpy.run_path(str(folder / "make_rows.py"), run_name="__main__")
    with tempfile.TemporaryDirectory() as temporary:
        outcome = train_recipe(folder / "recipe.toml", Path(temporary) / "run")
        report = export_checkpoint(load_checkpoint(outcome.folder), folder / "bundle")
    worst = max((c for c in report.checks if c.figure is not None and c.bound), key=lambda c: c.figure / c.bound)
    print(
        f"{name}: epoch {outcome.best_epoch} of {len(outcome.epochs)}, NLL {outcome.best_nll:.4f} nats; nearest to its "
        f"bound: {worst.name}, {worst.subject}, {worst.figure:.3g} of {worst.bound:.3g}"
    )


if __name__ == "__main__":
    sys.argv, names = sys.argv[:1], sys.argv[1:]
    for model in names or sorted(path.parent.parent.name for path in ZOO.glob("*/bundle/flow.json")):
        make(model)
