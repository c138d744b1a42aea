"""flowexport serve beside the kserve SDK, itself without batching, and no work at all: python -m benchmarks.serving."""

from __future__ import annotations

__all__ = ["report"]

import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

import flowexport
from flowexport.errors import FlowExportError
from flowexport.serving.proto import INFERENCE, messages

from .flows import SHAPES, Flows
from .load import Load, cpu_seconds, post, run_closed, run_grpc, run_open
from .report import Goal, Report, Table, command

ROOT = Path(__file__).resolve().parents[1]
KSERVE = ROOT / ".venv-kserve" / "bin" / "python"
"""An environment of its own: what the kserve SDK needs is older than what the tests do. `uv venv .venv-kserve`, then
`uv pip install --python .venv-kserve/bin/python kserve onnxruntime`."""

CONNECTIONS = 16
RATE = 4000.0
"""Requests a second of the open loop."""

ROUNDS, SECONDS = 3, 2.0
STARTS = 3
MANY = 1000
INFER = "/v2/models/a_log_prob/infer"
ENGINES = ("native", "onnxruntime")
OURS, ALONE, PEER, FLOOR = "flowexport serve", "without batching", "kserve SDK", "GET, no work"

HOW = f"""\
Everything on the loopback, the load generator (uvloop) beside the server on the same processors; candidates in turn,
{ROUNDS} rounds of {SECONDS:g} s, medians; one thread for runs. One row a request from {CONNECTIONS} connections, each
of which asks again when it is answered; CPU is the server's user and system time. The floor is a bare GET of
/v2/health/live by the same server. Servers take the engine that they take by themselves, unless one is named. What
batching is to gain, 2.3 and 3, was set when ONNX Runtime was the only engine; the native one, on which a row alone
costs a fraction, is held to the same. At a fixed rate a latency counts from when the request was due,
{2 * CONNECTIONS} connections."""


class Running(NamedTuple):
    """A server."""

    pid: int
    port: int
    grpc_port: int
    first_answer: float
    memory: float


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextlib.contextmanager
def running(words: list[str], port: int, grpc_port: int, ask: bytes) -> Iterator[Running]:
    """A server in a process, once it has answered a request."""
    began = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not answers(port, ask):
            if process.poll() is not None or time.perf_counter() - began > 60:
                raise RuntimeError(f"{' '.join(words[:4])} does not answer")
            time.sleep(0.005)
        first = time.perf_counter() - began
        status = Path(f"/proc/{process.pid}/status").read_text()
        memory = int(status.partition("VmRSS:")[2].split()[0]) / 1024
        yield Running(process.pid, port, grpc_port, first, memory)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def answers(port: int, ask: bytes) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(ask)
            return client.recv(100).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def ours(bundles: list[str], *more: str, ask: bytes) -> contextlib.AbstractContextManager[Running]:
    port, grpc_port = free_port(), free_port()
    words = [sys.executable, "-m", "flowexport", "serve", *bundles, "--port", str(port), "--device", "cpu"]
    if "--grpc-port" in more:
        more = tuple(str(grpc_port) if each == "PORT" else each for each in more)
    return running([*words, "--threads", "1", *more], port, grpc_port, ask)


def kserve(flows: Flows, ask: bytes) -> contextlib.AbstractContextManager[Running]:
    port, grpc_port = free_port(), free_port()
    words = [str(KSERVE), str(Path(__file__).with_name("serving_kserve.py")), str(flows.graph("log_prob"))]
    return running([*words, str(flows.shape.features), str(port), str(grpc_port)], port, grpc_port, ask)


def in_json(x: np.ndarray) -> bytes:
    numbers = [round(float(value), 6) for value in x.ravel()]
    tensor = {"name": "x", "shape": list(x.shape), "datatype": "FP32", "data": numbers}
    return post(INFER, json.dumps({"inputs": [tensor]}).encode(), "Content-Type: application/json")


def in_binary(x: np.ndarray) -> bytes:
    tensor = {"name": "x", "shape": list(x.shape), "datatype": "FP32", "parameters": {"binary_data_size": x.nbytes}}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    kind = "Content-Type: application/octet-stream"
    return post(INFER, head + x.tobytes(), kind, f"Inference-Header-Content-Length: {len(head)}")


def in_grpc(x: np.ndarray) -> bytes:
    request = messages(INFERENCE)["ModelInferRequest"](model_name="a_log_prob")
    request.inputs.add(name="x", datatype="FP32", shape=x.shape)
    request.raw_input_contents.append(x.tobytes())
    data: bytes = request.SerializeToString()
    return data


def in_turn(candidates: dict[str, tuple[Running, bytes]], rounds: int, seconds: float) -> dict[str, Load]:
    """Each candidate under the closed load, in turn: medians of its rounds."""
    found: dict[str, list[Load]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, (server, message) in candidates.items():
            found[name].append(run_closed(server.port, server.pid, message, CONNECTIONS, seconds))
    return {name: middle(loads) for name, loads in found.items()}


def middle(loads: list[Load]) -> Load:
    latencies = [latency for load in loads for latency in load.latencies]
    return Load(median(load.rate for load in loads), median(load.cpu for load in loads), latencies)


def line(name: str, load: Load, first: Load) -> list[str]:
    p50, p99 = np.percentile(np.array(load.latencies) * 1e6, (50, 99))
    ratio = f"{load.rate / first.rate:.2f}"
    return [name, f"{load.rate:,.0f}", ratio, f"{load.cpu * 1e6:,.1f}", f"{p50:,.0f}", f"{p99:,.0f}"]


COLUMNS = ["", "answers a second", "× the last", "server CPU, µs an answer", "p50, µs", "p99, µs"]


def one_row(flows: Flows, peer: str | None, rounds: int, seconds: float) -> tuple[list[Table], list[Goal]]:
    """One row a request, beside everything."""
    x = np.random.default_rng(0).normal(size=(1, flows.shape.features)).astype(np.float32)
    get = b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    json_one, binary_one = in_json(x), in_binary(x)
    bundle = [f"a={flows.bundle}"]
    tables, goals = [], []
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(ours(bundle, "--grpc-port", "PORT", ask=json_one))
        alone = stack.enter_context(ours(bundle, "--max-batch", "1", ask=json_one))
        others = {} if peer else {PEER: stack.enter_context(kserve(flows, json_one))}
        for form, message in (("JSON", json_one), ("binary", binary_one)):
            candidates = {FLOOR: (server, get), OURS: (server, message), ALONE: (alone, message)}
            candidates |= {name: (other, message) for name, other in others.items()}
            found = in_turn(candidates, rounds, seconds)
            last = found[list(found)[-1]]
            rows = [line(name, load, last) for name, load in found.items()]
            tables.append(Table(f"One row, {form}, {flows.shape}", COLUMNS, rows, [peer] if peer else []))
            of_peer = found[OURS].rate / found[PEER].rate if not peer else None
            goals.append(Goal(14, f"one row, {form}, × the kserve SDK", 20, "≥", "", of_peer, peer or ""))
            goals.append(Goal(14, f"one row, {form}, server CPU", 25, "≤", "µs", found[OURS].cpu * 1e6))
            goals.append(Goal(14, f"beside {form}: server CPU of a bare GET", None, "≤", "µs", found[FLOOR].cpu * 1e6))
        both = {OURS: server} | others
        method, message = f"/{INFERENCE}.GRPCInferenceService/ModelInfer", in_grpc(x)
        calls: dict[str, list[Load]] = {name: [] for name in both}
        for _ in range(rounds):
            for name, each in both.items():
                calls[name].append(run_grpc(each.grpc_port, each.pid, method, message, CONNECTIONS, seconds))
        found = {name: middle(loads) for name, loads in calls.items()}
        last = found[list(found)[-1]]
        tables.append(Table(f"One row, gRPC, {flows.shape}", COLUMNS, [line(n, ld, last) for n, ld in found.items()]))
        of_peer = found[OURS].rate / found[PEER].rate if not peer else None
        goals.append(Goal(14, "one row, gRPC, × the kserve SDK", 1.4, "≥", "", of_peer, peer or ""))
        rows = []
        for name, each in both.items():
            latencies = run_open(each.port, json_one, RATE, 2 * seconds, 2 * CONNECTIONS)
            figure = np.percentile(np.array(latencies) * 1e3, (50, 99)) if latencies else None
            rows.append([name, *([f"{v:.2f}" for v in figure] if figure is not None else ["cannot keep up"] * 2)])
        tables.append(Table(f"{RATE:,.0f} requests a second, JSON", ["", "p50, ms", "p99, ms"], rows))
    return tables, goals


def batching(flows: Flows, form: str, bound: float, rounds: int, seconds: float) -> tuple[Table, list[Goal]]:
    """One row a request with batching and without it, on each engine: the less a row costs, the less there is to gain.

    Arguments:
        flows: what is served.
        form: ``JSON`` or ``binary``.
        bound: of the ratio, as it was set when ONNX Runtime was the only engine.
        rounds, seconds: of each candidate.
    """
    x = np.random.default_rng(0).normal(size=(1, flows.shape.features)).astype(np.float32)
    message = in_json(x) if form == "JSON" else in_binary(x)
    bundle = [f"a={flows.bundle}"]
    missing = {name: reason for name in ENGINES if (reason := reason_against(flows, name))}
    with contextlib.ExitStack() as stack:
        candidates = {}
        for name in (each for each in ENGINES if each not in missing):
            for how, more in ((OURS, ()), (ALONE, ("--max-batch", "1"))):
                server = stack.enter_context(ours(bundle, "--engine", name, *more, ask=message))
                candidates[f"{how}, {name}"] = server, message
        found = in_turn(candidates, rounds, seconds)
    rows = [line(name, load, found[list(found)[-1]]) for name, load in found.items()]
    goals = []
    for name in ENGINES:
        ratio = None if name in missing else found[f"{OURS}, {name}"].rate / found[f"{ALONE}, {name}"].rate
        said = f"one row, {form}, × without batching, {flows.shape}, {name}"
        goals.append(Goal(14, said, bound, "≥", "", ratio, missing.get(name, "")))
    return Table(f"With batching and without, {form}, {flows.shape}", COLUMNS, rows, list(missing.values())), goals


def reason_against(flows: Flows, engine: str) -> str:
    """Why an engine cannot be measured; empty where it can."""
    try:
        flowexport.load(flows.bundle, device="cpu", threads=1, engine=engine)
    except FlowExportError as error:
        return f"{engine}: not run, {error}"
    return ""


def many_rows(flows: Flows, rounds: int, seconds: float) -> tuple[Table, list[Goal]]:
    """1,000 rows a request, beside the runtime without a network: rows a second of a processor."""
    x = np.random.default_rng(0).normal(size=(MANY, flows.shape.features)).astype(np.float32)
    model = flowexport.load(flows.bundle, device="cpu", threads=1)
    runtime, served = [], {"binary": in_binary(x), "JSON": in_json(x)}
    found: dict[str, list[float]] = {form: [] for form in served}
    with ours([f"a={flows.bundle}"], ask=served["binary"]) as server:
        for _ in range(rounds):
            began, count = time.process_time(), 0
            while time.process_time() - began < seconds / 2:
                model.log_prob(x)
                count += 1
            runtime.append(count * MANY / (time.process_time() - began))
            for form, message in served.items():
                found[form].append(MANY / run_closed(server.port, server.pid, message, 2, seconds).cpu)
    rows = [["runtime, no network", f"{median(runtime):,.0f}", "1.00"]]
    goals = []
    for form, bound in (("binary", 0.8), ("JSON", 0.7)):
        ratio = median(found[form]) / median(runtime)
        rows.append([form, f"{median(found[form]):,.0f}", f"{ratio:.2f}"])
        goals.append(Goal(14, f"{MANY} rows, {form}, × the runtime without a network", bound, "≥", "", ratio))
    columns = ["", "rows a second of a processor", "× the runtime"]
    return Table(f"{MANY} rows a request, {flows.shape}", columns, rows), goals


def start() -> list[Goal]:
    """A new server with two small bundles."""
    x = np.zeros((1, 2), np.float32)
    found = []
    for _ in range(STARTS):
        with ours(["a=banana", "moons"], ask=in_json(x)) as server:
            found.append((server.first_answer, cpu_seconds(server.pid), server.memory))
    first, cpu, memory = (min(each) for each in zip(*found, strict=True))
    return [
        Goal(14, "server CPU until the first answer", None, "≤", "s", cpu),
        Goal(14, "memory of a server with two small bundles", 80, "≤", "MiB", memory),
        Goal(14, "first answer after the start", 1, "≤", "s", first),
    ]


def report(quick: bool) -> Report:
    """All of it; quick: one round of half a second."""
    rounds, seconds = (1, 0.5) if quick else (ROUNDS, SECONDS)
    peer = None if KSERVE.exists() else f"{PEER}: not run, {KSERVE.parents[1].name} is not there"
    with tempfile.TemporaryDirectory() as folder:
        flows = Flows(SHAPES[1], Path(folder))
        tables, goals = one_row(flows, peer, rounds, seconds)
        table, more = many_rows(flows, rounds, seconds)
        tables.append(table)
        goals += more
        wide = Flows(SHAPES[2], Path(folder))
        for each, form, bound in ((flows, "JSON", 2.3), (flows, "binary", 2.3), (wide, "binary", 3.0)):
            table, more = batching(each, form, bound, rounds, seconds)
            tables.append(table)
            goals += more
        goals += start()
    return Report("Serving", HOW, tables, goals)


if __name__ == "__main__":
    command(report, __doc__ or "")
