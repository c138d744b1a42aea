"""What Ray is asked for: a cluster of our own unless one is named, no word to its makers, our signals left alone."""

from __future__ import annotations

import os
import signal
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from flowexport.cluster.session import session
from flowexport.errors import DeviceError


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `ray.init` is called with, by a Ray that takes SIGTERM for itself and reaches one address alone."""
    calls: list[dict[str, Any]] = []

    def init(**given: Any) -> None:
        calls.append(given)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if given["address"] not in ("local", "192.0.2.1:6379"):
            raise ConnectionError("nobody\nanswers")

    ray = SimpleNamespace(init=init, cluster_resources=lambda: {"CPU": 3.0}, shutdown=lambda: calls.append({}))
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    # Where a cluster runs, and ray.init() would join it.
    monkeypatch.setenv("RAY_ADDRESS", "192.0.2.1:6379")
    return calls


def test_without_an_address_no_cluster_that_runs_is_joined(asked: list[dict[str, Any]]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with session(workers=2) as cluster:
        assert cluster.processors == 3
        assert signal.getsignal(signal.SIGTERM) is before
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert (asked[0]["address"], asked[0]["num_cpus"]) == ("local", 2)
    assert asked[1:] == [{}], "it ends with the block"


def test_a_cluster_that_is_named_is_joined_or_refused(asked: list[dict[str, Any]]) -> None:
    with session("192.0.2.1:6379"):
        assert asked[0]["address"] == "192.0.2.1:6379"
        assert "num_cpus" not in asked[0]
    with (
        pytest.raises(DeviceError, match=r"^--address: nowhere:1: cannot be had \(nobody answers\)"),
        session("nowhere:1"),
    ):
        pass
