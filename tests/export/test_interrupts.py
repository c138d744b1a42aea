"""Ctrl-C in an export is one line: inside of torch's exporter it waits for the graph."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from flowexport.cli.main import main
from flowexport.cli.screen import progress
from flowexport.cli.streams import Stopped, stop_if_asked, stopped_by_signals
from flowexport.lowering import lowered
from flowexport.lowering.interrupts import interrupts_later
from flowexport.lowering.opaque import graph_of
from flowexport.training import run
from tests.lowering.programs import FLOWS

NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def a_foreground() -> Iterator[None]:
    """A shell's background job ignores Ctrl-C, and the tests may run in one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_inside_of_the_exporter_stops_behind_it(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    went = []

    def export(*given: object, **named: object) -> None:
        os.kill(os.getpid(), number)
        went.append("on")

    monkeypatch.setattr(torch.onnx, "export", export)
    graph_of.cache_clear()
    form = lowered(FLOWS["a map of one's own"]())
    with stopped_by_signals(), pytest.raises(Stopped) as stopped:
        form.graph("log_prob", "float32")
    assert went == ["on"]
    assert stopped.value.args == (number,)


def test_a_second_signal_stops_at_once() -> None:
    went = []

    @interrupts_later()
    def interrupted_twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        went.append("on")
        os.kill(os.getpid(), signal.SIGINT)
        went.append("too far")

    with pytest.raises(KeyboardInterrupt):
        interrupted_twice()
    assert went == ["on"]


def test_handlers_are_as_they_were_and_another_thread_has_none() -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    with interrupts_later():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert [signal.getsignal(number) for number in NUMBERS] == before

    went = []

    def elsewhere() -> None:
        with interrupts_later():
            went.append("on")

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert went == ["on"]


@pytest.mark.parametrize("step", ["update", "advance"])
def test_a_signal_that_a_library_passes_over_stops_at_the_next_step(step: str) -> None:
    with stopped_by_signals(), progress() as bar:
        task = bar.add_task("work", total=2)
        with suppress(Stopped):
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Stopped):
            getattr(bar, step)(task)
    with stopped_by_signals():
        stop_if_asked()


def test_ctrl_c_before_the_first_epoch_is_no_failed_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "train", stopped)
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n2,1\n3,5\n4,2\n")
    (tmp_path / "recipe.toml").write_text('name = "x"\n[data]\nfile = "rows.csv"\ncolumns = ["a", "b"]\n')
    with pytest.raises(SystemExit) as ended:
        main.main(["train", str(tmp_path / "recipe.toml"), "-o", str(tmp_path / "run")], "flowexport")
    assert ended.value.code == 130


def test_what_a_signal_left_half_done_is_not_told_as_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module whose import was stopped, for instance, of which a name is missing later."""

    def half_imported(*given: object) -> None:
        with suppress(Stopped):
            os.kill(os.getpid(), signal.SIGINT)
        raise AttributeError("partially initialized module")

    monkeypatch.setattr(main, "invoke", half_imported)
    with pytest.raises(SystemExit) as ended:
        main.main(["models"], "flowexport")
    assert ended.value.code == 130
