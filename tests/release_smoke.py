"""What an extra of the wheel is for, tried where nothing else is installed: python tests/release_smoke.py EXTRA.

`tests/release.sh` runs it in a clean environment, away from the checkout; ``--list WHEEL`` prints what to install.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable
from email.parser import Parser
from pathlib import Path

NOT_FOR_USERS = ("bench", "dev", "models", "release", "site")
"""Extras that a checkout alone has a use for."""

WITH = {
    "": "",
    "evaluate": "[cpu,evaluate]",
    "interop": "[cpu,train,interop]",
    "ray": "[cpu,ray]",
    "serve": "[cpu,serve]",
    "sklearn": "[train,sklearn]",
}
"""Extras that are nothing alone, and those that each is installed with. ``""`` is the package without any."""

ROWS = "x1,x2\n" + "1,2\n0.5,-1\n3,0.25\n" * 40


def flowexport(*words: str, status: int = 0) -> str:
    """A command's standard output, and its error output behind it; another exit status is a fault."""
    done = subprocess.run(["flowexport", *words], capture_output=True, text=True, check=False)
    assert done.returncode == status, f"flowexport {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def alone() -> None:
    """The contract on disk needs no extra, and what does need one says which."""
    import importlib.metadata

    import flowexport as package

    assert "site-packages" in (package.__file__ or ""), package.__file__
    assert package.__version__ == importlib.metadata.version("flowexport")
    assert "banana" in flowexport("models")
    assert "sample" in flowexport("inspect", "banana")
    assert "flowexport[cpu]" in flowexport("sample", "banana", "-n", "1", status=2)
    assert "flowexport[train]" in flowexport("train", "recipe.toml", "-o", "run", status=2)
    assert "flowexport[cpu]" in flowexport("doctor", status=1)
    with subprocess.Popen(["flowexport", "view", "banana", "--no-open"], stdout=subprocess.PIPE, text=True) as viewed:
        assert viewed.stdout is not None
        address = viewed.stdout.readline().strip()
        begin = address.partition("?")[0]
        runtime = "web/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm"
        for file, inside in (("", b"flowexport"), ("bundle/flow.json", b"banana"), (runtime, b"\0asm")):
            with urllib.request.urlopen(begin + file) as answer:
                assert inside in answer.read(4096), file
        viewed.terminate()


def run_bundles() -> None:
    """Proves and runs a bundle."""
    import flowexport as package

    assert package.verify("breast_cancer").passed
    assert package.load("banana").sample(3, seed=0).shape == (3, 2)
    flowexport("sample", "banana", "-n", "20", "--seed", "0", "-o", "rows.npy")
    flowexport("score", "banana", "rows.npy", "-o", "scores.npy")
    flowexport("verify", "banana")
    flowexport("score", "banana", "rows.csv", "-o", "scores.csv")
    assert "flowexport[data]" in flowexport("score", "banana", "rows.csv", "-o", "scores.parquet", status=2)


def run_natively() -> None:
    """Runs a bundle with the prebuilt kernel and nothing else."""
    import flowexport as package

    model = package.load("banana", "cpu")
    assert model.engine.name == "native", model.engine.why
    assert package.verify("diamonds", "cpu").passed
    assert model.sample(3, seed=0).shape == (3, 2)
    assert "flowexport[cpu]" in flowexport("verify", "digits", "--device", "cpu", status=2)


def on_a_gpu() -> None:
    """The same, and a device that is not there is refused."""
    run_bundles()
    assert "cuda" in flowexport("sample", "banana", "-n", "1", "--device", "cuda:7", status=2)


def serve() -> None:
    """Answers a request, and ends when it is told to."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with subprocess.Popen(["flowexport", "serve", "banana", "--port", port, "--drain", "0"]) as served:
        rows = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [0.5, 1.0]}
        address = f"http://127.0.0.1:{port}/v2/models/banana_log_prob/infer"
        for _ in range(300):
            try:
                with urllib.request.urlopen(address, json.dumps({"inputs": [rows]}).encode()) as answer:
                    assert json.loads(answer.read())["outputs"][0]["shape"] == [1]
                break
            except OSError:
                assert served.poll() is None, served.returncode
                time.sleep(0.2)
        else:
            raise AssertionError("no answer in a minute")
        served.terminate()
    assert served.returncode == 0, served.returncode


def on_ray() -> None:
    """Scores by processes of a cluster of its own, and gives the numbers of one process."""
    flowexport("score", "banana", "rows.csv", "-o", "alone.csv")
    flowexport("score", "banana", "rows.csv", "-o", "ray", "--engine", "ray", "--workers", "1")
    assert Path("ray/rows.csv").read_text() == Path("alone.csv").read_text()


def tables() -> None:
    """Reads and writes Parquet."""
    from flowexport.tables import open_table, open_writer

    with open_writer(Path("rows.parquet"), ["x1", "x2"]) as writer:
        for block in open_table(Path("rows.csv")).blocks(["x1", "x2"]):
            writer.write(*block.values.T)
    assert open_table(Path("rows.parquet")).rows == ROWS.count("\n") - 1


def train() -> None:
    """Trains, and exports what was trained as far as it can without an ONNX Runtime."""
    import torch

    import flowexport as package

    flow = package.RealNVP(features=2, transforms=2, hidden_features=(8,))
    package.fit(flow, torch.randn(500, 2, generator=torch.Generator().manual_seed(0)), epochs=1)
    refusal = None
    try:
        package.export(flow, "bundle")
    except package.FlowExportError as error:
        refusal = str(error)
    assert refusal is not None, "exported without an ONNX Runtime to prove it"
    assert "flowexport[cpu]" in refusal, refusal


def evaluate() -> None:
    """Judges a bundle, and writes the report."""
    flowexport("evaluate", "banana", "rows.csv", "-o", "report.html")
    assert "<svg" in Path("report.html").read_text() or "data:image" in Path("report.html").read_text()


def adopt() -> None:
    """Adopts a model of zuko, trains one of ours, exports and proves both."""
    import torch
    import zuko

    import flowexport as package
    from flowexport.interop import from_zuko, zuko_numbers

    theirs = zuko.flows.RealNVP(2, transforms=2, hidden_features=(8,))
    assert package.export(from_zuko(theirs), "adopted", original=zuko_numbers(theirs)).passed
    flow = package.RealNVP(features=2, transforms=2, hidden_features=(8,))
    package.fit(flow, torch.randn(500, 2), epochs=1)
    assert package.export(flow, "bundle").passed
    flowexport("verify", "bundle")


def estimate() -> None:
    """Fits the estimator."""
    import numpy as np

    from flowexport.sklearn import FlowDensity

    x = np.random.default_rng(0).normal(size=(300, 2))
    assert np.isfinite(FlowDensity(epochs=1).fit(x).score_samples(x)).all()


def convert_for_openvino() -> None:
    """Writes OpenVINO's files, which are held to the golden cases in OpenVINO."""
    flowexport("convert", "banana", "--to", "openvino", "-o", "converted")
    assert list(Path("converted").glob("*.xml"))


SMOKES: dict[str, Callable[[], None]] = {
    "": alone,
    "cpu": run_bundles,
    "gpu": on_a_gpu,
    "native": run_natively,
    "serve": serve,
    "ray": on_ray,
    "data": tables,
    "train": train,
    "evaluate": evaluate,
    "sklearn": estimate,
    "interop": adopt,
    "openvino": convert_for_openvino,
}


def kinds(wheel: Path) -> list[tuple[str, str]]:
    """Every extra that a wheel has for users, and what it is installed with.

    Raises:
        SystemExit: where one has no smoke test.
    """
    with zipfile.ZipFile(wheel) as file:
        (name,) = [each for each in file.namelist() if each.endswith(".dist-info/METADATA")]
        extras = Parser().parsestr(file.read(name).decode()).get_all("Provides-Extra") or []
    wanted = ["", *(extra for extra in extras if extra not in NOT_FOR_USERS)]
    if without := [extra for extra in wanted if extra not in SMOKES]:
        sys.exit(f"{', '.join(without)}: an extra without a smoke test in {Path(__file__).name}")
    return [(extra, WITH.get(extra, f"[{extra}]")) for extra in wanted]


if __name__ == "__main__":
    if sys.argv[1] == "--list":
        for extra, together in kinds(Path(sys.argv[2])):
            print(extra or "-", together)
    else:
        Path("rows.csv").write_text(ROWS)
        SMOKES[sys.argv[1].removeprefix("-")]()
