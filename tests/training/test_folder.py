"""A run folder is made where nothing is lost, and one training at a time writes to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowexport.cli.demo import require_own as require_demo
from flowexport.errors import ArgumentError, CheckpointError
from flowexport.training import train_recipe
from flowexport.training.folder import LOCK, alone, require_own


@pytest.mark.parametrize("name", ["metrics.csv", "model.safetensors", "thesis.tex", "resume-3.safetensors"])
@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_with_a_file_that_no_run_wrote_is_left_alone(tmp_path, write_recipe, name, resume):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / name).write_text("years of work")
    with pytest.raises(CheckpointError, match=rf"{name}: is of no run; .* nothing was changed"):
        train_recipe(write_recipe(), folder, resume=resume)
    assert [path.name for path in folder.iterdir()] == [name]
    assert (folder / name).read_text() == "years of work"


def test_what_a_run_left_that_was_stopped_at_once_can_be_begun_in(tmp_path):
    for name in ("rows.safetensors", "metrics.csv", "resume-1.safetensors"):
        (tmp_path / name).write_text("")
    require_own(tmp_path)


def test_a_second_training_says_who_holds_the_folder(tmp_path):
    with alone(tmp_path):
        assert (tmp_path / LOCK).read_text() == str(os.getpid())
        child = os.fork()
        if child == 0:
            try:
                with alone(tmp_path):
                    os._exit(1)
            except CheckpointError as error:
                os._exit(0 if f"process {os.getppid()} trains into it" in str(error) else 2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [*tmp_path.iterdir()] == []


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "target").write_text("years of work")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LOCK).symlink_to(tmp_path / "target")
    with pytest.raises((CheckpointError, OSError)), alone(tmp_path / "run"):
        pass
    assert (tmp_path / "target").read_text() == "years of work"


@pytest.mark.parametrize("name", ["metrics.csv", "learning_curve.png", ".metrics.csv.tmp", "resume-1.safetensors"])
def test_a_link_in_a_run_folder_is_not_written_through(tmp_path: Path, write_recipe, name):
    target = tmp_path / "target"
    target.write_text("years of work")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "rows.safetensors").write_text("")
    (tmp_path / "run" / name).symlink_to(target)
    with pytest.raises(CheckpointError, match=rf"{name}: is a link"):
        train_recipe(write_recipe(), tmp_path / "run", resume=True)
    assert target.read_text() == "years of work"


@pytest.mark.parametrize("strangers", [["run"], ["thesis.tex"], ["scores.csv"], ["recipe.toml", "run/thesis.tex"]])
def test_a_demo_takes_no_folder_that_it_did_not_make(tmp_path, strangers):
    recipe = tmp_path / "original.toml"
    recipe.write_text("name = 'demo'")
    folder = tmp_path / "folder"
    for name in strangers:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("name = 'demo'" if name == "recipe.toml" else "years of work")
    with pytest.raises(ArgumentError, match=r"is of no demo; .* nothing was changed"):
        require_demo(folder, recipe)


def test_a_demo_begins_anew_where_one_was(tmp_path):
    recipe = tmp_path / "original.toml"
    recipe.write_text("name = 'demo'")
    folder = tmp_path / "folder"
    require_demo(folder, recipe)
    (folder / "run").mkdir(parents=True)
    require_text = {"recipe.toml": "name = 'demo'", "scores.csv": "", "run/config.json": "{}"}
    for name, text in require_text.items():
        (folder / name).write_text(text)
    require_demo(folder, recipe)
