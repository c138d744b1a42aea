"""Putting a bundle in place: killed at any step, it leaves the old one whole or the new one whole."""

import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flowexport.bundle import Bundle, open_bundle, place, read, settled, staged
from flowexport.bundle.place import renameat2, require_replaceable
from flowexport.bundle.read import identity
from flowexport.errors import BundleError
from flowexport.flows import architecture_of
from flowexport.training.checkpoint import FORMAT, Config, save_checkpoint
from tests.conftest import Exported

STEPS = frozenset(
    {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "shutil.rmtree", "ctypes.dlopen"}
)
"""Events of Python's audit hook that touch the file system, or come just before what does."""


def no_exchange(one: Path, other: Path) -> bool:
    """A system that cannot exchange two folders."""
    return False


def in_child(work: Callable[[], None]) -> int:
    """Runs work in a forked child: its exit status, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(70)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_at(step: int) -> None:
    """Ends this process, without any clean-up, before its file-system step of that number."""
    seen = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event in STEPS:
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def replace(source: Path, target: Path, exchange: Callable[[Path, Path], bool] | None) -> None:
    """What export does once the bundle is built."""
    with staged(target) as folder:
        shutil.copytree(source, folder, dirs_exist_ok=True)
        place(folder, target, exchange)


def name_of_whole(target: Path) -> str:
    """Which bundle stands there, every file of it held to its hash."""
    return name_of(open_bundle(target))


def name_of(bundle: Bundle) -> str:
    for name in bundle.manifest.files:
        bundle.read(name)
    return bundle.manifest.name


@pytest.mark.thorough
@pytest.mark.parametrize("exchange", [renameat2, no_exchange])
def test_a_kill_at_each_step_leaves_one_whole_bundle(
    plain: Exported, other: Exported, tmp_path: Path, exchange: Callable[[Path, Path], bool]
) -> None:
    target = tmp_path / "bundle"
    seen: set[str] = set()
    for step in range(1, 2000):
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(plain.path, target)

        def work(step: int = step) -> None:
            kill_at(step)
            replace(other.path, target, exchange)

        status = in_child(work)
        assert status in (0, -signal.SIGKILL)
        found = name_of_whole(target)
        seen.add(found)
        if status == 0:
            assert found == "other"
            break
        replace(plain.path, target, exchange)
        assert [path.name for path in tmp_path.iterdir()] == ["bundle"], "the next export removes what was left"
    else:
        raise AssertionError("never came to an end")
    assert seen == {"plain", "other"}
    assert step > 30  # the hook really counted steps


@pytest.mark.thorough
def test_twenty_kills_at_random_times_leave_one_whole_bundle(plain: Exported, other: Exported, tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    replace(plain.path, target, None)
    generator = random.Random(0)
    for _ in range(20):
        child = os.fork()
        if child == 0:
            while True:
                replace(other.path, target, None)
                replace(plain.path, target, None)
        time.sleep(generator.uniform(0.005, 0.15))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert name_of_whole(target) in ("plain", "other")
    replace(other.path, target, None)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_what_a_crash_between_two_renames_left_is_read_where_it_is(
    plain: Exported, other: Exported, tmp_path: Path
) -> None:
    target, aside = tmp_path / "bundle", tmp_path / ".bundle.aside-x"
    shutil.copytree(plain.path, aside)
    assert name_of_whole(target) == "plain"
    assert [path.name for path in tmp_path.iterdir()] == [aside.name], "a reader repairs nothing"
    replace(other.path, target, no_exchange)
    assert name_of_whole(target) == "other"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"], "the next who writes does"


def test_folders_that_are_named_like_ours_are_left_alone(plain: Exported, tmp_path: Path) -> None:
    """Neither who reads nor who writes touches what is no bundle."""
    target = tmp_path / "bundle"
    strangers = [tmp_path / f".bundle.{kind}" for kind in ("aside", "aside-mine", "aside-0123abcd", "staged-mine")]
    for folder in strangers:
        folder.mkdir()
        (folder / "chapter.tex").write_text("years of work")
    replace(plain.path, target, no_exchange)
    replace(plain.path, target, no_exchange)
    assert name_of_whole(target) == "plain"
    assert all((folder / "chapter.tex").read_text() == "years of work" for folder in strangers)


@pytest.mark.parametrize(
    ("name", "text"),
    [("notes.txt", "years of work"), ("golden/mine.npy", ""), (".git/HEAD", "ref"), ("golden/deep/er.txt", "")],
)
def test_a_bundle_with_a_stranger_in_it_is_not_replaced(plain: Exported, tmp_path: Path, name: str, text: str) -> None:
    target = tmp_path / "bundle"
    shutil.copytree(plain.path, target)
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    (target / name).write_text(text)
    with pytest.raises(BundleError, match="is no file of the bundle that would be replaced; nothing was changed"):
        replace(plain.path, target, None)
    assert (target / name).read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.parametrize("text", ['{"nodes": []}', "{}", "[]", "no JSON", '{"format": "flowexport/1", "files": {}}'])
def test_a_project_that_has_a_flow_json_is_not_replaced(plain: Exported, tmp_path: Path, text: str) -> None:
    target = tmp_path / "project"
    target.mkdir()
    (target / "flow.json").write_text(text)
    (target / "source.py").write_text("years of work")
    with pytest.raises(BundleError, match="nothing was changed"):
        replace(plain.path, target, None)
    assert (target / "source.py").read_text() == "years of work"


@pytest.mark.thorough
@pytest.mark.parametrize("exchange", [renameat2, no_exchange])
def test_four_writers_and_a_reader_do_not_meet(
    plain: Exported, other: Exported, tmp_path: Path, exchange: Callable[[Path, Path], bool]
) -> None:
    target = tmp_path / "bundle"
    replace(plain.path, target, None)

    def write() -> None:
        for _ in range(6):
            replace(other.path, target, exchange)
            replace(plain.path, target, exchange)

    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            try:
                write()
            except BaseException:
                os._exit(70)
            os._exit(0)
        children.append(child)
    names, statuses = set(), []
    while len(statuses) < len(children):
        names.add(settled(target, name_of))
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended:
            statuses.append(status)
    assert statuses == [0] * len(children)
    assert names <= {"plain", "other"}
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_reader_between_two_replacements_reads_again(
    plain: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old bundle that it read is gone, the next one waits aside, and the newest moves in while it looks."""
    target, first, second = tmp_path / "bundle", tmp_path / ".bundle.aside-1", tmp_path / ".bundle.aside-2"
    shutil.copytree(plain.path, first)

    def use(bundle: Bundle) -> str:
        if bundle.path == first:
            first.rename(second)
            raise BundleError("a file of it is gone")
        return name_of(bundle)

    def looked(path: Path) -> object:
        found = identity(path)
        if second.exists():
            second.rename(target)
        return found

    monkeypatch.setattr(read, "identity", looked)
    assert settled(target, use) == "plain"


def test_what_is_not_a_bundle_is_not_replaced(plain: Exported, tmp_path: Path) -> None:
    target = tmp_path / "thesis"
    target.mkdir()
    (target / "chapter.tex").write_text("years of work")
    with pytest.raises(BundleError, match="is not a bundle; nothing was changed"):
        replace(plain.path, target, None)
    assert (target / "chapter.tex").read_text() == "years of work"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis"]


def test_a_folder_has_the_rights_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with staged(tmp_path / "new") as folder:
            place(folder, tmp_path / "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o750


def test_a_staged_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    with staged(tmp_path / "bundle") as first, staged(tmp_path / "bundle") as second:
        assert first.exists()
        assert first != second


@pytest.mark.slow
def test_twenty_kills_of_a_whole_export(plain: Exported, other: Exported, tmp_path: Path) -> None:
    """The real verb, in processes of its own, killed at random times."""
    run, target = tmp_path / "run", tmp_path / "out" / "bundle"
    run.mkdir()
    config = Config(FORMAT, "other", architecture_of(other.flow), ["x0", "x1"], [])
    save_checkpoint(run, other.flow.state_dict(), config)
    shutil.copytree(plain.path, target)
    command = [sys.executable, "-m", "flowexport", "export", str(run), "-o", str(target)]
    started = time.perf_counter()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    whole = time.perf_counter() - started
    generator = random.Random(1)
    for _ in range(20):
        shutil.rmtree(target)
        shutil.copytree(plain.path, target)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(generator.uniform(0.3, 1.0) * whole)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert name_of_whole(target) in ("plain", "other")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert [path.name for path in target.parent.iterdir()] == ["bundle"]


@pytest.mark.parametrize("name", ["a**b", "[a]", "a?b", "-", "a b", "\u00e9", "~"])
def test_a_name_with_signs_of_a_pattern_is_a_name(plain: Exported, tmp_path: Path, name: str) -> None:
    for _ in range(2):
        with staged(tmp_path / name) as folder:
            shutil.copytree(plain.path, folder, dirs_exist_ok=True)
            place(folder, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    open_bundle(tmp_path / name)


@pytest.mark.parametrize("name", ["/", "a\0b"])
def test_what_is_no_name_of_a_bundle(name: str) -> None:
    with pytest.raises(BundleError, match="is not a name of a folder"):
        require_replaceable(Path(name))
