"""A file is written whole or not at all, wherever that goes wrong, and what a killed process left is swept."""

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowexport.bundle import staged
from flowexport.files import whole_file, write_file
from flowexport.tables import open_writer

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, locks and /dev/full are POSIX")


@pytest.fixture
def small_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full when a file is brought to it, and says so once more when it is closed."""

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".parquet"])
def test_a_full_disk_leaves_nothing_and_names_the_file(tmp_path: Path, small_disk: None, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    with pytest.raises(OSError, match="No space left") as caught, open_writer(path, ["a"]) as writer:
        writer.write(np.ones((3, 1)))
    assert caught.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_a_close_that_raises_leaves_nothing(tmp_path: Path) -> None:
    """A descriptor that somebody closed: flushing what is buffered fails, and closing fails again."""

    def write() -> None:
        with whole_file(tmp_path / "a.bin") as stream:
            stream.write(b"x")
            os.close(stream.fileno())

    with pytest.raises(OSError, match="Bad file descriptor"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_no_link_that_was_planted_is_followed(tmp_path: Path) -> None:
    """Names that earlier versions used."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in (".a.bin.tmp", f".a.bin.{os.getpid()}.tmp"):
        (tmp_path / name).symlink_to(victim)
    write_file(tmp_path / "a.bin", b"new")
    assert victim.read_text() == "precious"
    assert (tmp_path / "a.bin").read_bytes() == b"new"


def test_a_link_stays_one_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "a.bin").symlink_to("there/b.bin")
    for text in (b"one", b"two"):
        write_file(tmp_path / "a.bin", text)
        assert (tmp_path / "a.bin").is_symlink()
        assert (tmp_path / "there/b.bin").read_bytes() == text


def test_the_umask_holds(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "a.bin", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == 0o640


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time\nfrom flowexport.files import whole_file\n"
        "with whole_file(pathlib.Path(sys.argv[1])) as stream:\n    print(flush=True)\n    time.sleep(60)"
    )
    path = tmp_path / "a.bin"
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        write_file(path, b"mine")
        assert len(list(tmp_path.iterdir())) == 2
        child.kill()
    write_file(path, b"mine")
    assert [left.name for left in tmp_path.iterdir()] == ["a.bin"]


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    write_file(tmp_path / ("ä" * 125 + ".bin"), b"x")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_signal_at_once_leaves_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def interrupted(*given: Any) -> int:
        os.close(opened(*given))
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "s.npy", b"x")
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_no_litter(tmp_path: Path, number: signal.Signals) -> None:
    """A long sampling, ended as schedulers and closed terminals do it."""
    command = [sys.executable, "-m", "flowexport", "sample", "banana", "-n", "300000000", "-o", tmp_path / "s.npy"]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: [signal.signal(each, signal.SIG_DFL) for each in (signal.SIGINT, signal.SIGHUP)],
    ) as child:
        deadline = time.monotonic() + 120
        while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.05)
        child.send_signal(number)
        _, errors = child.communicate(timeout=60)
    assert errors == "flowexport: stopped\n"
    assert child.returncode == 128 + number
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_made_is_named_as_the_user_calls_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not by a hidden name that nobody has heard of."""

    def refused(path: object, *_: object, **__: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refused)
        with pytest.raises(OSError, match="Read-only") as found:
            write_file(tmp_path / "a.bin", b"")
    assert found.value.filename == str(tmp_path / "a.bin")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", lambda path, *_, **named: None if "parents" in named else refused(path))
        with pytest.raises(OSError, match="Read-only") as found, staged(tmp_path / "bundle"):
            pass
    assert found.value.filename == str(tmp_path / "bundle")


@pytest.mark.parametrize("name", [None, "golden/x.npy"])
def test_what_a_full_disk_stops_in_a_staged_folder_is_named_as_it_would_be_there(
    tmp_path: Path, name: str | None
) -> None:
    with pytest.raises(OSError, match="No space") as found, staged(tmp_path / "bundle") as folder:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *([] if name is None else [str(folder / name)]))
    assert found.value.filename == str(tmp_path / "bundle" / (name or ""))
    assert list(tmp_path.iterdir()) == []


def test_what_else_fails_beside_a_staged_folder_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as found, staged(tmp_path / "bundle"):
        (tmp_path / "rows.csv").read_bytes()
    assert found.value.filename == str(tmp_path / "rows.csv")
