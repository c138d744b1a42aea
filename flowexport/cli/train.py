"""``flowexport train``."""

from pathlib import Path

import click

from .options import as_json as json_option
from .options import examples

SILENCE = 10.0
"""Seconds after which a line is written where there is no terminal."""


@click.command("train", epilog=examples("train recipe.toml -o run", "train recipe.toml -o run --resume"))
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("-o", "--output", "run", required=True, type=click.Path(path_type=Path), help="The run folder to make.")
@click.option("--resume", is_flag=True, help="Go on from the last epoch of that folder.")
@click.option("--compile", is_flag=True, help="Compile the steps with torch.compile; needs a C++ compiler.")
@json_option
def command(recipe: Path, run: Path, resume: bool, compile: bool, as_json: bool) -> None:
    """Train a flow by a RECIPE (TOML) into a run folder.

    Ctrl-C keeps the best weights so far; --resume goes on to the same numbers as an unbroken run.
    """
    import json
    import time
    import warnings

    import msgspec

    from flowexport.bundle.card import compared
    from flowexport.training import Epoch, train_recipe
    from flowexport.training.progress import line_of

    from .main import INTERRUPTED
    from .screen import progress

    with progress("nll", "best") as bar:
        task = bar.add_task("training", total=None, nll="", best="")
        best = float("inf")
        spoken = time.monotonic()

        def on_epoch(epoch: Epoch, epochs: int) -> None:
            nonlocal best, spoken
            best = min(best, epoch.validation_nll)
            bar.update(task, completed=epoch.epoch, total=epochs, nll=f"{epoch.validation_nll:.4f}", best=f"{best:.4f}")
            if bar.disable and time.monotonic() - spoken >= SILENCE:
                # The cell of a notebook, or a file: a line now and then says that it lives.
                click.echo(line_of(epoch, epochs, best), err=True)
                spoken = time.monotonic()

        def say(message: Warning | str, *_: object, **__: object) -> None:
            bar.console.print(f"flowexport: {message}", markup=False, highlight=False, soft_wrap=True)

        with warnings.catch_warnings():
            # Above the bar, where one is drawn; else as every verb says it.
            if not bar.disable:
                warnings.showwarning = say
            outcome = train_recipe(recipe, run, resume, on_epoch, compile)
    bits, quality = outcome.best_bits_per_dimension, outcome.quality
    if as_json:
        figures = {"run": str(run), "epochs": len(outcome.epochs), "best_epoch": outcome.best_epoch}
        figures |= {"best_nll": outcome.best_nll, "interrupted": outcome.interrupted}
        figures |= {} if bits is None else {"best_bits_per_dimension": bits}
        click.echo(json.dumps(figures | ({} if quality is None else {"quality": msgspec.to_builtins(quality)})))
    else:
        error = f" ± {quality.standard_error:.2g}" if quality and quality.standard_error is not None else ""
        click.echo(
            f"{run}: {len(outcome.epochs)} epochs, kept epoch {outcome.best_epoch}, "
            f"{'training' if quality and quality.judged_on == 'training rows' else 'held-out'} "
            f"NLL {outcome.best_nll:.4f}{error} nats" + ("" if bits is None else f", {bits:.4f} bits per dimension")
        )
        if quality and quality.gaussian_nll is not None:
            click.echo(f"on the same {quality.rows:,} {quality.judged_on}: {compared(quality)}")
        click.echo(f"next: flowexport evaluate {run} (how good it is, in pictures), flowexport export {run} -o BUNDLE")
    if outcome.interrupted:
        click.echo(f"flowexport: stopped; flowexport train {recipe} -o {run} --resume goes on", err=True)
        raise SystemExit(INTERRUPTED)
