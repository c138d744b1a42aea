"""NVIDIA's tritonserver, as nvidia-pytriton brings it, serves what `deploy triton --backend python` writes."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import tritonclient.http
from click.testing import CliRunner

import flowexport
from flowexport.cli.deploy import command
from flowexport.runtime import Model
from tests.deploy.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv-triton"
PYTRITON = "0.7.0"
"""Of nvidia-pytriton: its tritonserver is 2.51, with the Python backend alone."""
LIBRARY = "libpython3.11.so.1.0"
"""What the backend's process for Python 3.11 is linked with."""
START_SECONDS = 60
STARTS = 3

pytestmark = pytest.mark.slow


def absent(reason: str) -> None:
    """Skips, or fails where everything has to run."""
    if os.environ.get("FLOWEXPORT_REQUIRE_ALL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """An environment of Python 3.11 with tritonserver and what flowexport needs; made once, and kept."""
    python = next(filter(None, map(shutil.which, ("/usr/bin/python3.11", "python3.11"))), None)
    if python is None:
        absent("Triton's Python backend needs Python 3.11, as Debian 12 has it: apt-get install python3.11")
    uv = str(Path(sys.executable).with_name("uv"))
    # The runtime of these tests, whose bits are compared.
    wanted = [f"nvidia-pytriton=={PYTRITON}", f"onnxruntime=={onnxruntime.__version__}"]
    wanted += [f"{name}=={importlib.metadata.version(name)}" for name in ("click", "msgspec", "narwhals", "rich")]
    marker = VENV / "installed"
    if not marker.is_file() or marker.read_text(encoding="utf-8").split() != wanted:
        subprocess.run([uv, "venv", "-q", "--clear", "--python", python, VENV], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", VENV / "bin" / "python", *wanted, "numpy"], check=True)
        marker.write_text("\n".join(wanted), encoding="utf-8")
    site = VENV / "lib" / "python3.11" / "site-packages"
    (site / "checkout.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_config_var('LIBDIR'))"]
    libraries = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    found = dict(os.environ) | {
        "LD_LIBRARY_PATH": f"{site / 'nvidia_pytriton.libs'}:{libraries}",
        "PATH": f"{VENV / 'bin'}:{os.environ['PATH']}",
    }
    found.pop("PYTHONPATH", None)
    linked = subprocess.run(["ldd", stub_of(site)], capture_output=True, text=True, check=True, env=found).stdout
    if f"{LIBRARY} => not found" in linked:
        absent(f"Triton's Python backend needs {LIBRARY}: apt-get install libpython3.11")
    return found


def stub_of(site: Path) -> Path:
    """The process of the Python backend for Python 3.11."""
    return site / "pytriton" / "tritonserver" / "python_backend_stubs" / "3.11" / "triton_python_backend_stub"


@pytest.fixture(scope="module")
def server(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a tritonserver of two models, one of which has a context."""
    folder = tmp_path_factory.mktemp("triton")
    words = [
        "triton",
        "banana",
        "diamonds",
        "-o",
        str(folder / "repository"),
        "--backend",
        "python",
        "--delay",
        "20000",
    ]
    assert CliRunner().invoke(command, words).exit_code == 0
    site = VENV / "lib" / "python3.11" / "site-packages"
    triton = site / "pytriton" / "tritonserver"
    shutil.copytree(triton / "backends", folder / "backends")
    shutil.copy(stub_of(site), folder / "backends" / "python")
    http, grpc = free_ports(2)
    words = [
        str(triton / "bin" / "tritonserver"),
        f"--model-repository={folder / 'repository'}",
        f"--backend-directory={folder / 'backends'}",
        f"--backend-config=python,shm-region-prefix-name=flowexport-{os.getpid()}",
        *("--http-address=127.0.0.1", f"--http-port={http}"),
        *("--grpc-address=127.0.0.1", f"--grpc-port={grpc}", "--allow-metrics=false"),
    ]
    running = started(words, environment, f"127.0.0.1:{http}", folder / "log")
    yield f"127.0.0.1:{http}"
    running.send_signal(signal.SIGTERM)
    running.wait(60)


def started(words: list[str], environment: dict[str, str], address: str, log: Path) -> subprocess.Popen[bytes]:
    """A tritonserver that is ready; one that dies by SIGSEGV while it loads, as one of five did, is started again."""
    client = tritonclient.http.InferenceServerClient(address)
    for _ in range(STARTS):
        with log.open("wb") as stream:
            running = subprocess.Popen(words, stdout=stream, stderr=stream, env=environment)
        until = time.monotonic() + START_SECONDS
        while running.poll() is None and time.monotonic() < until:
            if ready(client):
                return running
            time.sleep(0.2)
        running.kill()
        if running.wait() != -signal.SIGSEGV:
            break
    pytest.fail(log.read_text(errors="replace")[-3000:])


def ready(client: tritonclient.http.InferenceServerClient) -> bool:
    try:
        return bool(client.is_server_ready())
    except OSError:
        return False


def asked(server: str, model: str, **inputs: np.ndarray) -> tritonclient.http.InferResult:
    """One request, by the unmodified client."""
    tensors = []
    for name, array in inputs.items():
        tensors.append(tritonclient.http.InferInput(name, list(array.shape), "FP32"))
        tensors[-1].set_data_from_numpy(array)
    with tritonclient.http.InferenceServerClient(server) as client:
        return client.infer(model, tensors)


@pytest.fixture(scope="module", params=["banana", "diamonds"])
def case(request: pytest.FixtureRequest) -> tuple[Model, dict[str, np.ndarray]]:
    """A model, in the engine that Triton's environment has, and 600 golden rows of it."""
    model = flowexport.load(request.param, device="cpu", threads=1, engine="onnxruntime")
    golden = model.bundle.path / "golden"
    names = ["x", "context"] if model.context_size else ["x"]
    return model, {name: np.load(golden / f"{name}.npy")[:600] for name in names}


def test_log_prob_is_the_runtimes(server: str, case: tuple[Model, dict[str, np.ndarray]]) -> None:
    model, rows = case
    expected = model.log_prob(rows["x"], rows.get("context"))
    answer = asked(server, f"{model.manifest.name}_log_prob", **rows)
    assert answer.as_numpy("log_prob").shape == (600, 1)
    np.testing.assert_array_equal(answer.as_numpy("log_prob")[:, 0], expected)
    np.testing.assert_array_equal(answer.as_numpy("percentile")[:, 0], model.percentile(expected))


def test_samples_are_the_runtimes(server: str, case: tuple[Model, dict[str, np.ndarray]]) -> None:
    model, rows = case
    z = np.random.default_rng(0).normal(size=(600, model.latent_size)).astype(np.float32)
    context = {name: rows[name] for name in rows if name == "context"}
    answer = asked(server, f"{model.manifest.name}_sample", z=z, **context)
    np.testing.assert_array_equal(answer.as_numpy("x"), model.sample_from(z, context.get("context")))


def test_requests_that_run_together_are_answered_each_and_a_wrong_one_alone(
    server: str, case: tuple[Model, dict[str, np.ndarray]]
) -> None:
    model, rows = case
    name = f"{model.manifest.name}_log_prob"
    expected = model.log_prob(rows["x"], rows.get("context"))

    def of_rows(first: int) -> np.ndarray | str:
        given = {key: value[first : first + 3].copy() for key, value in rows.items()}
        if first == 30:
            given["x"][1, 0] = np.nan
        if first == 60 and "context" in given:
            given["context"][2, 0] = 99
        try:
            return asked(server, name, **given).as_numpy("log_prob")[:, 0]
        except tritonclient.http.InferenceServerException as error:
            return error.message()

    with tritonclient.http.InferenceServerClient(server) as client:
        before = client.get_inference_statistics(name)["model_stats"][0]
        firsts = range(0, 120, 3)
        with ThreadPoolExecutor(16) as pool:
            answers = dict(zip(firsts, pool.map(of_rows, firsts), strict=True))
        after = client.get_inference_statistics(name)["model_stats"][0]
    assert answers.pop(30) == "x: holds NaN"
    if "context" in rows:
        assert answers.pop(60) == "context: row 3, column 'cut' holds 99, not a code from 0 to 4"
    for first, answer in answers.items():
        np.testing.assert_allclose(answer, expected[first : first + 3], rtol=1e-5)
    runs = after["execution_count"] - before["execution_count"]
    assert runs < len(firsts), "so that some ran together"


def test_more_rows_than_run_together_and_another_shape_are_refused(server: str) -> None:
    for shape, words in (((1025, 2), "1024"), ((3, 3), r"\[-1,2\]")):
        with pytest.raises(tritonclient.http.InferenceServerException, match=words):
            asked(server, "banana_log_prob", x=np.zeros(shape, np.float32))
