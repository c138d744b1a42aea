"""Processes: what a model leaves on the machine, how forked children end, and what is opened in another process."""

import copy
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import flowexport
from flowexport.errors import BundleError, DeviceError
from flowexport.runtime.device import import_onnxruntime
from tests.conftest import Exported

ROOT = Path(__file__).resolve().parents[2]


def environment(home: Path, **more: str) -> dict[str, str]:
    """A user's environment, with an empty home and no word about telemetry."""
    home.mkdir(exist_ok=True)
    kept = {
        name: value for name, value in os.environ.items() if name not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    }
    return kept | {"HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"} | more


def run(code: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment(home, **more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


SCORES = "import flowexport, os, sys; model = flowexport.load('banana', device='cpu'); model.log_prob([[0, 1]])\n"


def test_no_telemetry_nothing_is_written_to_the_home_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert run(SCORES, home).returncode == 0
    assert list(home.rglob("*")) == []
    told = run(SCORES + "print(os.environ['ORT_DISABLE_TELEMETRY'])", home, ORT_DISABLE_TELEMETRY="0")
    assert told.stdout.strip() == "0"  # what the user says holds


def test_a_forked_child_ends_by_itself(tmp_path: Path) -> None:
    code = SCORES + (
        "for _ in range(5):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        model.log_prob([[0.0, 1.0]] * 5000)\n"
        "        sys.exit(0)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    found = run(code, tmp_path / "home")
    assert found.stdout.split() == ["0"] * 5


def test_gunicorn_with_a_preloaded_model_and_two_workers_stops_cleanly(tmp_path: Path) -> None:
    pytest.importorskip("gunicorn", reason="gunicorn is in [dev]")
    (tmp_path / "app.py").write_text(
        "import flowexport\n"
        "model = flowexport.load('banana', device='cpu', threads=2)\n"
        "model.log_prob([[0.0, 1.0]] * 5000)\n"
        "def app(environ, start):\n"
        "    start('200 OK', [('Content-Type', 'text/plain')])\n"
        "    return [repr(float(model.log_prob([[0.0, 1.0]])[0])).encode()]\n"
    )
    listening = tmp_path / "socket"
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "--preload",
            "-w",
            "2",
            "-b",
            f"unix:{listening}",
            "--no-control-socket",
            "app:app",
        ],
        cwd=tmp_path,
        env=environment(tmp_path / "home") | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(300):
            if listening.exists():
                break
            time.sleep(0.1)
        expected = repr(float(flowexport.load("banana", device="cpu").log_prob([[0.0, 1.0]])[0]))
        for _ in range(6):
            assert asked(listening).endswith(expected)
        server.send_signal(signal.SIGTERM)
        _, log = server.communicate(timeout=30)
    finally:
        server.kill()
    assert server.returncode == 0, log
    for bad in ("SIGABRT", "SIGKILL", "WORKER TIMEOUT", "Traceback"):
        assert bad not in log


def asked(path: Path) -> str:
    """An answer over a socket of the file system."""
    import socket

    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while part := client.recv(4096):
            answer += part
    return answer.decode()


def test_a_pickled_model_opens_the_same_bundle_and_no_other(
    plain: Exported, other: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, case in ((tmp_path / "here", plain), (tmp_path / "there", other)):
        shutil.copytree(case.path, folder / "bundle")
    monkeypatch.chdir(tmp_path / "here")
    model = flowexport.load("bundle", device="cpu")
    expected = model.log_prob(plain.x)
    monkeypatch.chdir(tmp_path / "there")
    data = pickle.dumps(model)
    for again in (pickle.loads(data), copy.copy(model), copy.deepcopy(model)):
        np.testing.assert_array_equal(again.log_prob(plain.x), expected)
    shutil.rmtree(tmp_path / "here" / "bundle")
    shutil.copytree(other.path, tmp_path / "here" / "bundle")
    with pytest.raises(BundleError, match=r"here/bundle: another bundle than that which was pickled"):
        pickle.loads(data)
    np.testing.assert_array_equal(copy.deepcopy(model).log_prob(plain.x), expected)


def test_a_pickled_model_takes_the_threads_of_where_it_is_opened(
    plain: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, three = (pickle.dumps(flowexport.load(plain.path, device="cpu", threads=n)) for n in (None, 3))
    monkeypatch.setenv("FLOWEXPORT_THREADS", "7")
    assert pickle.loads(free).workers.threads == 7
    assert pickle.loads(three).workers.threads == 3


@pytest.mark.parametrize("version", ["1.16.3", "1.17.0"])
def test_an_onnx_runtime_that_is_too_old_is_one_line(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime
    from click.testing import CliRunner

    from flowexport.cli import doctor
    from flowexport.cli.main import main

    monkeypatch.setattr(onnxruntime, "__version__", version)
    with pytest.raises(DeviceError, match=f"ONNX Runtime {version} is too old: a bundle needs 1.18 or later"):
        import_onnxruntime()
    said = CliRunner().invoke(main, ["score", "banana", __file__, "--engine", "onnxruntime"])
    assert said.exit_code == 2
    assert "too old" in said.output
    monkeypatch.setattr(doctor, "version_of", lambda name: version if name == "onnxruntime" else None)
    told = CliRunner().invoke(main, ["doctor"])
    assert told.exit_code == 1
    assert f"onnxruntime {version} is too old: a bundle needs 1.18 or later" in told.output
    monkeypatch.setattr(onnxruntime, "__version__", "1.18.0")
    assert import_onnxruntime() is onnxruntime


def test_ctrl_c_in_the_training_of_demo_ends_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from click.testing import CliRunner

    from flowexport import training
    from flowexport.cli.main import main

    monkeypatch.setattr(training, "train_recipe", lambda *_, **__: SimpleNamespace(interrupted=True))
    said = CliRunner().invoke(main, ["demo", "-o", str(tmp_path / "demo")])
    assert said.exit_code == 130
    assert said.output.splitlines()[-1] == "flowexport: stopped"
    assert "2. trained" not in said.output
