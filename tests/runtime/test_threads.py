"""Threads over blocks: one pool a process, as many as a container may spend, and none goes on after a failure."""

import _thread
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import flowexport
from flowexport.errors import ArgumentError
from flowexport.runtime.blocks import BLOCK_ROWS, Workers
from flowexport.runtime.processors import available_threads, quota
from flowexport.runtime.threads import MOST_THREADS
from tests.conftest import Exported

HOLDS = 0.05
"""Seconds that a block of these tests takes."""


def flows_threads() -> int:
    return sum(thread.name.startswith("flowexport") for thread in threading.enumerate())


def test_all_models_share_one_pool_of_threads(plain: Exported) -> None:
    x = np.resize(plain.x, (BLOCK_ROWS * 2 + 1, 2))
    models = [flowexport.load(plain.path, device="cpu", threads=3) for _ in range(MOST_THREADS)]
    # A pool makes a thread where none has yet said that it is free again, so that only its bound is sure.
    for model in models:
        model.log_prob(x)
    assert flows_threads() <= MOST_THREADS


def test_there_are_never_more_threads_than_blocks() -> None:
    before = flows_threads()
    seen = set()
    Workers(50, 10).over_blocks(30, lambda start, stop: seen.add(threading.get_ident()) or time.sleep(HOLDS))
    assert 1 < len(seen) <= 3
    assert flows_threads() <= before + 2


@pytest.fixture
def listening() -> Iterator[None]:
    """Ctrl-C is taken, though a shell that started the tests in its background had it passed over."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listening")
def test_no_block_is_begun_after_ctrl_c() -> None:
    begun: list[int] = []

    def work(start: int, stop: int) -> None:
        begun.append(start)
        if start == 4:
            _thread.interrupt_main()
        time.sleep(HOLDS)

    with pytest.raises(KeyboardInterrupt):
        Workers(2, 1).over_blocks(1000, work)
    at_once = len(begun)
    assert at_once < 20
    time.sleep(4 * HOLDS)
    assert len(begun) == at_once


MET_AT_A_START = """
import threading, time
from flowexport.runtime.blocks import Workers

start = threading.Thread.start

def met(thread):
    start(thread)
    threading.Thread.start = start
    raise KeyboardInterrupt

threading.Thread.start = met
try:
    Workers(2, 1).over_blocks(4, lambda start, stop: time.sleep(0.01))
except KeyboardInterrupt:
    print("stopped")
"""


def test_ctrl_c_while_a_thread_is_being_started_leaves_none_that_the_process_waits_for() -> None:
    """It hung at its end for ever."""
    child = subprocess.run([sys.executable, "-c", MET_AT_A_START], capture_output=True, text=True, timeout=60)
    assert (child.returncode, child.stdout) == (0, "stopped\n"), child.stderr


@pytest.mark.parametrize("bad", [3, 4])
def test_no_block_is_begun_after_another_failed(bad: int) -> None:
    """In the caller's own share, and in that of another thread."""
    begun: list[int] = []

    def work(start: int, stop: int) -> None:
        begun.append(start)
        if start == bad:
            raise ValueError(f"block {bad}")
        time.sleep(HOLDS)

    with pytest.raises(ValueError, match=f"block {bad}"):
        Workers(2, 1).over_blocks(1000, work)
    at_once = len(begun)
    assert at_once < 20
    time.sleep(4 * HOLDS)
    assert len(begun) == at_once


GROUPS = {
    "version 2": ({"proc/self/cgroup": "0::/app\n", "sys/fs/cgroup/app/cpu.max": "150000 100000\n"}, 1.5),
    "version 2, at a higher level": (
        {
            "proc/self/cgroup": "0::/pod/app\n",
            "sys/fs/cgroup/pod/cpu.max": "200000 100000\n",
            "sys/fs/cgroup/pod/app/cpu.max": "max 100000\n",
        },
        2,
    ),
    "version 2, as a container sees it": (
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"},
        0.5,
    ),
    "version 1": (
        {
            "proc/self/cgroup": "5:memory:/a\n4:cpu,cpuacct:/a\n",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "300000\n",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
        },
        3,
    ),
    "version 1, with the path of the host": (
        {
            "proc/self/cgroup": "4:cpu,cpuacct:/docker/0123\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "50000\n",
        },
        2,
    ),
    "version 1 without a limit": (
        {
            "proc/self/cgroup": "4:cpu:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
        np.inf,
    ),
    "none": ({}, np.inf),
    "not readable as such": ({"proc/self/cgroup": "\n::\n0\n", "sys/fs/cgroup/cpu.max": "many\n"}, np.inf),
}


@pytest.mark.parametrize("case", GROUPS)
def test_a_containers_quota_is_kept(case: str, tmp_path: Path) -> None:
    texts, expected = GROUPS[case]
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert quota(tmp_path) == expected


def test_threads_are_the_smaller_of_affinity_and_quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)))
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/\n")
    for limit, expected in (("max", 8), ("1200000", 8), ("250000", 3), ("10000", 1)):
        (tmp_path / "sys/fs/cgroup/cpu.max").write_text(f"{limit} 100000\n")
        assert available_threads(tmp_path) == expected


def test_threads_can_be_set_from_outside(plain: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWEXPORT_THREADS", "5")
    assert flowexport.load(plain.path, device="cpu").workers.threads == 5
    assert flowexport.load(plain.path, device="cpu", threads=2).workers.threads == 2
    for bad in ("0", "-1", "two", "1.5", "²"):
        monkeypatch.setenv("FLOWEXPORT_THREADS", bad)
        with pytest.raises(ArgumentError, match="FLOWEXPORT_THREADS: expected a whole number of at least 1"):
            flowexport.load(plain.path, device="cpu")
