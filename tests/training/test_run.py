"""A run folder is complete after every epoch, and goes on to the numbers of an unbroken run."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
from safetensors.torch import load_file, save_file

from flowexport.errors import CheckpointError, DataError, TrainingError
from flowexport.evaluation.gaussian import SHRINKAGES
from flowexport.tables import open_table, open_writer
from flowexport.training import Outcome, checkpoint, epoch, load_checkpoint, loop, run, train_recipe
from flowexport.training.data import Rows, read_rows
from flowexport.training.epoch import log_prob_of, nll_of
from flowexport.training.recipe import load_recipe

FILES = ["config.json", "learning_curve.png", "metrics.csv", "model.safetensors", "resume.json", "rows.safetensors"]


class Stop:
    """Ctrl-C after an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def __call__(self, epoch: loop.Epoch, epochs: int) -> None:
        if epoch.epoch == self.epoch:
            raise KeyboardInterrupt


def stop_at_call(number: int, function: Callable) -> Callable:
    """The function, with Ctrl-C at one of its calls."""
    calls = iter(range(1, 1_000_000))

    def stopped(*arguments, **named):
        if next(calls) == number:
            raise KeyboardInterrupt
        return function(*arguments, **named)

    return stopped


def nan_at_call(number: int, function: Callable) -> Callable:
    """The function, with NaN for the result of one of its calls."""
    calls = iter(range(1, 1_000_000))
    return lambda *arguments: float("nan") if next(calls) == number else function(*arguments)


def metrics(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


def assert_same_run(one: Path, other: Path) -> None:
    for name in ("model.safetensors", "config.json", "rows.safetensors"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    assert metrics(one) == metrics(other)
    assert names(one) == names(other)
    states = [load_file(next(folder.glob("resume-*.safetensors"))) for folder in (one, other)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


def read_all(path: Path) -> np.ndarray:
    table = open_table(path)
    return np.concatenate([block.values for block in table.blocks(table.columns)])


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


# The run folder


def test_run_folder_holds_what_it_says(tmp_path, write_recipe):
    outcome = train_recipe(write_recipe(), tmp_path / "run")
    assert names(tmp_path / "run") == sorted([*FILES, "resume-4.safetensors"])
    assert (outcome.folder, outcome.interrupted, len(outcome.epochs)) == (tmp_path / "run", False, 4)
    assert (tmp_path / "run" / "learning_curve.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert (tmp_path / "run" / "learning_curve.png").read_bytes().endswith(b"IEND\xaeB`\x82")


def test_metrics_are_the_epochs(tmp_path, write_recipe):
    outcome = train_recipe(write_recipe(), tmp_path / "run")
    with (tmp_path / "run" / "metrics.csv").open() as file:
        lines = [
            loop.Epoch(int(row.pop("epoch")), **{k: float(v) for k, v in row.items()}) for row in csv.DictReader(file)
        ]
    assert lines == outcome.epochs
    assert outcome.best_nll == min(epoch.validation_nll for epoch in outcome.epochs)
    assert outcome.epochs[outcome.best_epoch - 1].validation_nll == outcome.best_nll


def held_out(recipe_path: Path) -> tuple[Rows, Rows]:
    recipe = load_recipe(recipe_path)
    return read_rows(recipe.data, recipe_path.parent).split(recipe.data.validation, recipe.training.seed)


@pytest.mark.thorough
@pytest.mark.parametrize("suffix", [".csv", ".npy", ".parquet"])
def test_checkpoint_is_the_flow_of_the_best_epoch(tmp_path, write_recipe, suffix):
    recipe = write_recipe(data={"file": f"rows{suffix}", "context": ["x0"], "validation": 0.25}, flow={"whiten": False})
    outcome = train_recipe(recipe, tmp_path / "run")
    assert outcome.best_epoch
    loaded = load_checkpoint(tmp_path / "run")
    assert not loaded.flow.training
    assert (loaded.config.features, loaded.config.context_features) == (["x1", "x2"], ["x0"])
    assert loaded.config.rows == {"training": 45, "held_out": 15, "dropped": 0}
    assert loaded.config.best == {"epoch": outcome.best_epoch, "nll": outcome.best_nll}
    assert loaded.config.recipe["training"]["seed"] == 3
    _, held = held_out(recipe)
    assert np.array_equal(loaded.x.numpy(), held.x.astype(np.float32))
    assert np.array_equal(loaded.context.numpy(), held.context.astype(np.float32))
    assert nll_of(log_prob_of(loaded.flow, loaded.x, loaded.context), None) == pytest.approx(outcome.best_nll, rel=1e-6)


@pytest.mark.thorough
@pytest.mark.parametrize("caller", [1, 2])
def test_the_same_recipe_gives_the_same_bytes(tmp_path, unbroken, caller):
    recipe, whole = unbroken
    torch.manual_seed(caller)  # whatever the caller's own generator says
    train_recipe(recipe, tmp_path / "run")
    assert_same_run(tmp_path / "run", whole)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("validation", "kept"), [(0.5, (7, 2)), (0.05, (3, 2)), (0.0, (7, 2))], ids=["many", "few", "none held out"]
)
def test_kept_rows_are_spread_over_the_held_out_or_else_training_rows(
    tmp_path, write_recipe, monkeypatch, validation, kept
):
    monkeypatch.setattr(run, "KEPT_ROWS", 7)
    recipe = write_recipe(data={"context": ["x2"], "validation": validation})
    train_recipe(recipe, tmp_path / "run")
    tensors = load_file(tmp_path / "run" / "rows.safetensors")
    training, held = held_out(recipe)
    expected = held if validation else training
    assert tensors["x"].shape == kept
    chosen = np.arange(kept[0]) * len(expected) // kept[0]
    assert np.array_equal(tensors["x"], expected.x[chosen].astype(np.float32))
    assert np.array_equal(tensors["context"], expected.context[chosen].astype(np.float32))
    if validation:
        assert np.array_equal(tensors["training_x"], training.x[np.arange(7) * len(training) // 7].astype(np.float32))
    else:
        assert "training_x" not in tensors


def test_a_finished_run_says_how_good_it_is_beside_a_gaussian(tmp_path, write_recipe):
    recipe = write_recipe()
    outcome = train_recipe(recipe, tmp_path / "run")
    kept = json.loads((tmp_path / "run" / "config.json").read_text())["quality"]
    training, held = held_out(recipe)
    assert kept["nll"] == pytest.approx(outcome.best_nll, rel=1e-5)
    assert (kept["training_rows"], kept["rows"]) == (len(training), len(held)) == (54, 6)
    assert kept["ranges"] == np.stack([training.x.min(0), training.x.max(0)], axis=1).tolist()
    normal = scipy.stats.multivariate_normal
    # Few rows for nine numbers: the correlations may be shrunk, the mean and the deviations are the rows'.
    mean, cov = training.x.mean(0), np.cov(training.x.T, bias=True)
    by_shrinkage = [
        -normal(mean, (1 - share) * cov + share * np.diag(np.diag(cov))).logpdf(held.x).mean() for share in SHRINKAGES
    ]
    assert min(abs(kept["gaussian_nll"] - each) for each in by_shrinkage) < 1e-4


@pytest.mark.thorough
@pytest.mark.parametrize("suffix", [".csv", ".npy", ".parquet"])
def test_the_format_of_the_rows_changes_no_weight(tmp_path, write_recipe, suffix):
    weights = []
    for file in ("rows.parquet", f"rows{suffix}"):
        train_recipe(write_recipe(data={"file": file}), tmp_path / f"run {file} {len(weights)}")
        weights.append((tmp_path / f"run {file} {len(weights)}" / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_row_weights_come_from_their_column(tmp_path, write_recipe, rows):
    rows[:, 2] = np.random.default_rng(1).integers(0, 3, len(rows))
    recipe = write_recipe(rows, data={"weight": "x2", "validation": 0})
    train_recipe(recipe, tmp_path / "run")
    loaded = load_checkpoint(tmp_path / "run")
    assert loaded.config.features == ["x0", "x1"]
    expected = np.average(rows[:, :2], axis=0, weights=rows[:, 2])
    np.testing.assert_allclose(loaded.flow.standardize.mean, expected, rtol=1e-6)


def test_dropped_rows_are_counted(tmp_path, write_recipe):
    recipe = write_recipe(data={"file": "rows.csv", "missing": "drop"})
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    lines[5] = "," + lines[5].split(",", 1)[1]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    train_recipe(recipe, tmp_path / "run")
    assert load_checkpoint(tmp_path / "run").config.rows == {"training": 53, "held_out": 6, "dropped": 1}


@pytest.mark.parametrize("fault", ["nan", "constant", "absent"])
def test_rows_that_cannot_be_trained_on_leave_no_folder(tmp_path, write_recipe, rows, fault):
    if fault == "nan":
        rows[7, 1] = np.nan
    if fault == "constant":
        rows[:, 1] = 4.0
    recipe = write_recipe(rows)
    if fault == "absent":
        (tmp_path / "rows.parquet").unlink()
    messages = {"nan": "row 8, column 'x1'", "constant": "column 'x1' is constant", "absent": "no such file"}
    with pytest.raises(DataError, match=messages[fault]):
        train_recipe(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.thorough
def test_early_stopping_by_the_recipe(tmp_path, write_recipe):
    training = {"epochs": 400, "learning_rate": 0.1, "schedule": "constant", "patience": 4, "batch_size": 60}
    recipe = write_recipe(training=training, data={"validation": 0.5}, flow={"whiten": False})
    outcome = train_recipe(recipe, tmp_path / "run")
    assert len(outcome.epochs) < 400
    assert len(outcome.epochs) - outcome.best_epoch == 4
    loaded = load_checkpoint(tmp_path / "run")
    assert nll_of(log_prob_of(loaded.flow, loaded.x, None), None) == pytest.approx(outcome.best_nll, rel=1e-6)


# A loss that is not finite


@pytest.mark.thorough
def test_loss_that_is_not_finite_keeps_the_best_and_says_which_epoch(tmp_path, write_recipe, monkeypatch):
    recipe = write_recipe(training={"epochs": 9})
    unbroken = train_recipe(recipe, tmp_path / "whole", on_epoch=Stop(3))
    run_epoch = loop.run_epoch

    def diverging(flow, averaged, descent, rows, spec, done, density):
        losses, norms = run_epoch(flow, averaged, descent, rows, spec, done, density)
        return [*losses[:-1], float("inf") if done // len(rows) == 3 else losses[-1]], norms

    monkeypatch.setattr(loop, "run_epoch", diverging)
    best = f"the best is epoch {unbroken.best_epoch}, NLL {unbroken.best_nll:.4f}"
    with pytest.raises(TrainingError, match=f"^epoch 4: the loss is not finite; {best}"):
        train_recipe(recipe, tmp_path / "run")
    loaded = load_checkpoint(tmp_path / "run")
    assert loaded.config.best == {"epoch": unbroken.best_epoch, "nll": unbroken.best_nll}
    assert nll_of(log_prob_of(loaded.flow, loaded.x, None), None) == pytest.approx(unbroken.best_nll, rel=1e-6)
    assert names(tmp_path / "run") == sorted([*FILES, "resume-3.safetensors"])


@pytest.mark.thorough
def test_resumed_after_a_loss_that_was_not_finite_it_is_the_unbroken_run(tmp_path, unbroken, monkeypatch):
    """As when memory failed, or a driver did: what diverges by the recipe does so again."""
    recipe, whole = unbroken
    with monkeypatch.context() as patched:
        patched.setattr(epoch, "nll_of", lambda *arguments: float("nan"))
        with pytest.raises(TrainingError, match=r"^epoch 1: the loss is not finite; nothing kept"):
            train_recipe(recipe, tmp_path / "run")
        # The first call is of the start.
        patched.setattr(epoch, "nll_of", nan_at_call(4, nll_of))
        with pytest.raises(TrainingError, match=r"^epoch 3: the loss is not finite; the best is epoch"):
            train_recipe(recipe, tmp_path / "run", resume=True)
    train_recipe(recipe, tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "run", whole)


def test_divergence_in_the_first_epoch_keeps_nothing(tmp_path, write_recipe):
    recipe = write_recipe(training={"learning_rate": 1e30, "clip": 0})
    with pytest.raises(TrainingError, match=r"^epoch 1: the loss is not finite; the best is epoch 0"):
        train_recipe(recipe, tmp_path / "run")
    assert not (tmp_path / "run" / "model.safetensors").exists()


# Stopping and going on


@pytest.mark.thorough
@pytest.mark.parametrize("stops", [[1], [3], [4], [5], [1, 2, 3, 4]], ids=str)
def test_resumed_after_an_epoch_it_is_the_unbroken_run(tmp_path, unbroken, stops):
    recipe, whole = unbroken
    for resume, stop in enumerate(stops):
        outcome = train_recipe(recipe, tmp_path / "run", resume=resume > 0, on_epoch=Stop(stop))
        assert outcome.interrupted
        assert len(outcome.epochs) == len(metrics(tmp_path / "run")) == stop
        # Epoch 0 is the start, which is kept where no epoch was clearly better.
        if outcome.best_epoch:
            assert outcome.best_nll == outcome.epochs[outcome.best_epoch - 1].validation_nll
        assert load_checkpoint(tmp_path / "run").config.best == {"epoch": outcome.best_epoch, "nll": outcome.best_nll}
    outcome = train_recipe(recipe, tmp_path / "run", resume=True)
    assert not outcome.interrupted
    assert [epoch.epoch for epoch in outcome.epochs] == [1, 2, 3, 4, 5]
    assert_same_run(tmp_path / "run", whole)


@pytest.mark.thorough
@pytest.mark.parametrize("step", [5, 9, 12, 20], ids=lambda step: f"step {step} of 20")
def test_resumed_after_a_stop_within_an_epoch_it_is_the_unbroken_run(tmp_path, unbroken, monkeypatch, step):
    recipe, whole = unbroken
    with monkeypatch.context() as patched:
        patched.setattr(epoch, "schedule", stop_at_call(step, epoch.schedule))  # 54 rows: four steps an epoch
        outcome = train_recipe(recipe, tmp_path / "run")
    assert outcome.interrupted
    assert len(outcome.epochs) == (step - 1) // 4
    train_recipe(recipe, tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "run", whole)


@pytest.mark.parametrize(
    ("place", "call"),
    # The rows, then three files for each of five epochs; weights and config for each of two that were the best so far.
    [*((run, call) for call in range(1, 17)), *((checkpoint, call) for call in range(1, 5))],
    ids=lambda value: value.__name__.split(".")[-1] if hasattr(value, "__name__") else str(value),
)
@pytest.mark.thorough
def test_resumed_after_a_stop_while_writing_it_is_the_unbroken_run(tmp_path, unbroken, monkeypatch, place, call):
    recipe, whole = unbroken
    with monkeypatch.context() as patched:
        patched.setattr(place, "write_file", stop_at_call(call, place.write_file))
        try:
            stopped = train_recipe(recipe, tmp_path / "run").interrupted
        except (KeyboardInterrupt, TrainingError):  # before the first epoch was done
            stopped = True
    assert stopped
    train_recipe(recipe, tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "run", whole)


@pytest.mark.thorough
def test_killed_at_any_file_it_resumes_to_the_unbroken_run(tmp_path, unbroken, monkeypatch):
    """The folder is copied before each file gets its name, and before each is removed: what a kill there leaves."""
    recipe, whole = unbroken
    killed = []

    def copied(step: Callable) -> Callable:
        def stepped(path: Path, *arguments, **named):
            killed.append(shutil.copytree(tmp_path / "run", tmp_path / f"killed {len(killed)} at {path.name}"))
            return step(path, *arguments, **named)

        return stepped

    with monkeypatch.context() as patched:
        for name in ("replace", "unlink"):
            patched.setattr(Path, name, copied(getattr(Path, name)))
        train_recipe(recipe, tmp_path / "run")
    assert_same_run(tmp_path / "run", whole)
    assert len(killed) > 1 + 5 * 3 + 4  # the rows; three files an epoch; an old state removed after each but the first
    for folder in killed:
        train_recipe(recipe, folder, resume=True)
        assert_same_run(folder, whole)


@pytest.mark.thorough
@pytest.mark.parametrize("newer", ["model.safetensors", "config.json", "metrics.csv", "resume-5.safetensors"])
def test_files_newer_than_the_state_are_written_again(tmp_path, unbroken, newer):
    recipe, whole = unbroken
    train_recipe(recipe, tmp_path / "run", on_epoch=Stop(1))
    shutil.copy(whole / newer, tmp_path / "run")
    train_recipe(recipe, tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "run", whole)


def test_stopped_before_the_first_epoch_was_done_it_says_so_and_can_be_resumed(tmp_path, unbroken, monkeypatch):
    recipe, whole = unbroken
    with monkeypatch.context() as patched:
        patched.setattr(epoch, "schedule", stop_at_call(2, epoch.schedule))
        with pytest.raises(TrainingError, match="stopped before the first epoch was done"):
            train_recipe(recipe, tmp_path / "run")
    train_recipe(recipe, tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "run", whole)


def test_a_finished_run_stays_as_it_is(unbroken):
    recipe, whole = unbroken
    before = {name: (whole / name).read_bytes() for name in names(whole)}
    outcome = train_recipe(recipe, whole, resume=True)
    assert len(outcome.epochs) == 5
    assert {name: (whole / name).read_bytes() for name in names(whole)} == before


@pytest.mark.thorough
def test_early_stopping_goes_on_counting(tmp_path, write_recipe):
    training = {"epochs": 400, "learning_rate": 0.1, "schedule": "constant", "patience": 4, "batch_size": 60}
    recipe = write_recipe(training=training, data={"validation": 0.5})
    last = len(train_recipe(recipe, tmp_path / "whole").epochs)
    train_recipe(recipe, tmp_path / "run", on_epoch=Stop(last - 2))
    for _ in range(2):  # the second time there is nothing to do
        assert len(train_recipe(recipe, tmp_path / "run", resume=True).epochs) == last
        assert_same_run(tmp_path / "run", tmp_path / "whole")


def test_resume_without_a_run_starts_one(tmp_path, unbroken):
    recipe, whole = unbroken
    train_recipe(recipe, tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "run", whole)


def test_a_folder_that_holds_a_run_is_refused(unbroken):
    recipe, whole = unbroken
    before = {name: (whole / name).read_bytes() for name in names(whole)}
    with pytest.raises(CheckpointError, match=f"^{whole}: holds a run already; --resume"):
        train_recipe(recipe, whole)
    assert {name: (whole / name).read_bytes() for name in names(whole)} == before


def test_resume_by_another_recipe_is_refused(unbroken):
    recipe, whole = unbroken
    recipe.write_text(recipe.read_text().replace("epochs = 5", "epochs = 6"))
    with pytest.raises(CheckpointError, match=f"^{whole}: was trained by another recipe"):
        train_recipe(recipe, whole, resume=True)


@pytest.mark.parametrize("column", [0, 2, 3], ids=["feature", "context", "weight"])
def test_resume_on_other_rows_is_refused(tmp_path, unbroken, column):
    recipe, whole = unbroken
    names_of, rows = ["x0", "x1", "x2", "x3"], read_all(tmp_path / "rows.parquet")
    rows[11, column] = np.nextafter(rows[11, column], 1e9)
    with open_writer(tmp_path / "rows.parquet", names_of) as writer:
        writer.write(rows)
    with pytest.raises(CheckpointError, match=f"^{whole}: was trained on other rows"):
        train_recipe(recipe, whole, resume=True)


def test_resume_from_a_state_outside_the_folder_is_refused(tmp_path, unbroken):
    recipe, whole = unbroken
    shutil.copy(whole / "resume-5.safetensors", tmp_path / "elsewhere.safetensors")
    progress = json.loads((whole / "resume.json").read_text())
    (whole / "resume.json").write_text(json.dumps(progress | {"file": "../elsewhere.safetensors"}))
    with pytest.raises(CheckpointError, match=r"resume\.json: file: '\.\./elsewhere\.safetensors' leaves the folder"):
        train_recipe(recipe, whole, resume=True)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"file": 3}'])
def test_resume_from_a_broken_state_is_refused(unbroken, content):
    recipe, whole = unbroken
    (whole / "resume.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"resume\.json: "):
        train_recipe(recipe, whole, resume=True)


def test_resume_without_the_file_of_its_state_is_refused(unbroken):
    recipe, whole = unbroken
    (whole / "resume-5.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"resume-5\.safetensors: cannot be read"):
        train_recipe(recipe, whole, resume=True)


def test_a_folder_that_cannot_be_made(tmp_path, write_recipe):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be made"):
        train_recipe(write_recipe(), tmp_path / "file" / "run")


def shorter(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.flatten()[:1].clone()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("optimizer.0.exp_avg", shorter),
        ("optimizer.0.exp_avg_sq", lambda tensor: tensor.double()),
        ("optimizer.1.step", lambda tensor: torch.zeros(3)),
        ("optimizer.0.exp_avg", None),
        ("optimizer.10000.exp_avg", lambda tensor: torch.zeros(2)),
        ("optimizer.x.exp_avg", lambda tensor: torch.zeros(2)),
        ("generator", shorter),
        ("generator", None),
        ("generator", lambda tensor: torch.full_like(tensor, 255)),
        ("flow.standardize.mean", shorter),
        ("best.standardize.mean", lambda tensor: tensor.to(torch.bfloat16)),
        ("best.standardize.mean", None),
        ("colour", lambda tensor: torch.zeros(1)),
    ],
)
def test_resume_from_tensors_of_another_shape_is_refused_before_they_are_used(unbroken, name, change):
    """Fused Adam would run past the end of them, and corrupt memory."""
    recipe, whole = unbroken
    file = whole / "resume-5.safetensors"
    tensors = load_file(file)
    changed = tensors | {name: change(tensors.get(name))} if change else {k: t for k, t in tensors.items() if k != name}
    save_file({k: t.contiguous() for k, t in changed.items()}, file)
    with pytest.raises(CheckpointError, match=rf"resume-5\.safetensors: {re.escape(name)}: "):
        train_recipe(recipe, whole, resume=True)


def test_an_outcome_is_short_to_print_and_a_table_in_a_notebook():
    outcome = Outcome(Path("runs") / "<a>", [], 3, 1.25, True)
    assert repr(outcome) == "<Outcome 'runs/<a>': 0 epochs, kept 3, NLL 1.2500 nats, interrupted>"
    table = outcome._repr_html_()
    assert "<tr><th>held-out NLL, nats</th><td>1.2500</td></tr>" in table
    assert "<td>runs/&lt;a&gt;</td>" in table


def test_a_pipe_in_a_run_folder_is_refused_and_not_waited_for(tmp_path, unbroken):
    recipe, _ = unbroken
    train_recipe(recipe, tmp_path / "run", on_epoch=Stop(1))
    (tmp_path / "run" / "config.json").unlink()
    os.mkfifo(tmp_path / "run" / "config.json")
    with pytest.raises(CheckpointError, match=r"config\.json: is no plain file"):
        train_recipe(recipe, tmp_path / "run", resume=True)


def test_pictures_are_drawn_whatever_backend_a_notebook_has_named(tmp_path: Path) -> None:
    """The cell of a notebook names its own to all that it starts, another environment's programs too."""
    code = "import sys; from flowexport.figures import new_figure; new_figure(1, 1).savefig(sys.argv[1])"
    environment = os.environ | {"MPLBACKEND": "module://matplotlib_of_another_environment.backend"}
    command = [sys.executable, "-c", code, str(tmp_path / "figure.png")]
    subprocess.run(command, check=True, env=environment, timeout=120)
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
