"""A server under everything at once, for minutes: python -m benchmarks.soak [--seconds 600].

Good requests in JSON, in binary and over gRPC, each answer compared with the runtime's; bad ones, clients that send a
byte at a time, that vanish, that ask for much and leave. Every few seconds the bundle is replaced by another, twice
SIGHUP comes, and SIGTERM at the end.
"""

from __future__ import annotations

__all__ = ["Soak", "soak"]

import argparse
import asyncio
import contextlib
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import grpc.aio
import numpy as np

import flowexport
from flowexport.bundle import zoo_folder
from flowexport.bundle.place import place, staged
from flowexport.serving.proto import INFERENCE, messages

from .load import post

MODELS = ("banana", "moons")
ROWS = 200
REPLACED_SECONDS = 10.0
DRAIN_SECONDS = 2.0
GROWTH, DESCRIPTORS = 1.05, 1.2
"""What memory and descriptors of the last quarter may be, as the median, of the most that they were in the first half;
of descriptors there are a few dozen, and they come and go with the clients."""

BAD = (
    b"GET / HTTP/9\r\n\r\n",
    b"nonsense\r\n\r\n",
    post("/v2/models/m_log_prob/infer", b"{"),
    post("/v2/models/nope/infer", b"{}"),
    post("/v2/models/m_log_prob/infer", b'{"inputs":[{"name":"x","shape":[9,2],"datatype":"FP32","data":[null]}]}'),
    post("/v2/models/m_log_prob/infer", b"\x1f\x8b\x08", "Content-Encoding: gzip"),
)


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Soak:
    """What was found."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    samples: list[tuple[float, float, int]] = field(default_factory=list)
    exit_status: int | None = None

    def verdict(self) -> list[str]:
        """All that is wrong."""
        wrong = self.faults[:20]
        half, quarter = len(self.samples) // 2, max(1, len(self.samples) // 4)
        for at, unit, growth in ((1, "MiB", GROWTH), (2, "descriptors", DESCRIPTORS)):
            before, after = max(s[at] for s in self.samples[:half]), median(s[at] for s in self.samples[-quarter:])
            if after > growth * before:
                wrong.append(f"{before:.4g} {unit} in the first half became {after:.4g} in the last quarter")
        if self.exit_status != 0:
            wrong.append(f"the server ended with {self.exit_status}")
        return wrong


class Traffic:
    """Clients of one server.

    Arguments:
        port, grpc_port: of it.
        found: where what they see goes.
    """

    def __init__(self, port: int, grpc_port: int, found: Soak) -> None:
        self.port, self.grpc_port, self.found = port, grpc_port, found
        self.stopping = False
        self.x = np.random.default_rng(0).normal(size=(ROWS, 2)).astype(np.float32)
        self.expected = [flowexport.load(name, device="cpu").log_prob(self.x) for name in MODELS]
        self.types = messages(INFERENCE)

    def judge(self, rows: slice, answer: np.ndarray, kind: str) -> None:
        """Holds an answer to the runtime's of either bundle."""
        self.found.counts[kind] += 1
        if not any(np.allclose(answer, expected[rows], atol=1e-4, rtol=1e-5) for expected in self.expected):
            self.found.faults.append(f"{kind}: a wrong answer for rows {rows}")

    def some(self) -> slice:
        start = random.randrange(ROWS - 1)
        return slice(start, start + random.choice((1, 1, 1, min(50, ROWS - start))))

    async def exchange(
        self, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], sent: bytes
    ) -> tuple[int, bytes]:
        """One request on an open connection."""
        reader, writer = streams
        writer.write(sent)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        return int(head.split()[1]), await reader.readexactly(size)

    async def good(self, binary: bool) -> None:
        """A client that does all right, over one connection after the other."""
        while not self.stopping:
            streams = await asyncio.open_connection("127.0.0.1", self.port)
            for _ in range(100):
                if self.stopping:
                    break
                rows = self.some()
                x = self.x[rows]
                tensor: dict[str, object] = {"name": "x", "shape": list(x.shape), "datatype": "FP32"}
                if binary:
                    tensor["parameters"] = {"binary_data_size": x.nbytes}
                    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
                    size = f"Inference-Header-Content-Length: {len(head)}"
                    sent = post("/v2/models/m_log_prob/infer", head + x.tobytes(), size)
                else:
                    body = json.dumps({"inputs": [tensor | {"data": x.astype(float).ravel().tolist()}]})
                    sent = post("/v2/models/m_log_prob/infer", body.encode())
                try:
                    status, answer = await self.exchange(streams, sent)
                except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                    self.found.faults.append(f"a lost answer: {error!r}")
                    break
                if status != 200:
                    self.found.faults.append(f"a good request got {status}: {answer[:200]!r}")
                elif binary:
                    self.judge(rows, np.frombuffer(answer[-4 * len(x) :], "<f4"), "binary")
                else:
                    self.judge(rows, np.array(json.loads(answer)["outputs"][0]["data"], np.float32), "JSON")
                await asyncio.sleep(0.002)
            streams[1].close()

    async def good_grpc(self) -> None:
        """A client of gRPC that does all right."""
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.grpc_port}") as channel:
            reads = self.types["ModelInferResponse"].FromString
            call = channel.unary_unary(f"/{INFERENCE}.GRPCInferenceService/ModelInfer", response_deserializer=reads)
            while not self.stopping:
                rows = self.some()
                request = self.types["ModelInferRequest"](model_name="m_log_prob")
                request.inputs.add(name="x", datatype="FP32", shape=self.x[rows].shape)
                request.raw_input_contents.append(self.x[rows].tobytes())
                try:
                    response = await call(request.SerializeToString(), timeout=30)
                except grpc.aio.AioRpcError as error:
                    self.found.faults.append(f"a good call got {error.code()}: {error.details()}")
                    continue
                self.judge(rows, np.frombuffer(response.raw_output_contents[0], "<f4"), "gRPC")
                await asyncio.sleep(0.005)

    async def bad(self) -> None:
        """A client that does all wrong."""
        while not self.stopping:
            sent = random.choice(BAD)
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(sent)
                answer = await asyncio.wait_for(reader.read(1000), 30)
                if answer[9:12] not in (b"400", b"404", b"431"):
                    self.found.faults.append(f"{sent[:40]!r} got {answer[:100]!r}")
                self.found.counts["bad"] += 1
                writer.close()
            await asyncio.sleep(0.01)

    async def vanishing(self) -> None:
        """A client that leaves in the middle: of a head, of a body, of an answer."""
        much = json.dumps({"parameters": {"num_samples": 20_000, "seed": 0}}).encode()
        whole = post("/v2/models/m_sample/infer", much)
        while not self.stopping:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(whole[: random.choice((10, len(whole) - 5, len(whole)))])
                await asyncio.sleep(random.choice((0.0, 0.01, 0.1)))
                writer.transport.abort()
                self.found.counts["vanished"] += 1
            await asyncio.sleep(0.05)

    async def slow(self) -> None:
        """A client that sends a byte at a time, until the server has had enough."""
        while not self.stopping:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                for byte in BAD[2]:
                    writer.write(bytes((byte,)))
                    await asyncio.sleep(0.1)
                    if reader.at_eof() or writer.is_closing() or self.stopping:
                        break
                writer.close()
                self.found.counts["slow"] += 1


def put(name: str, target: Path) -> None:
    """Puts a zoo model where the server has its bundle, in one step."""
    with staged(target) as folder:
        shutil.copytree(zoo_folder() / name / "bundle", folder, dirs_exist_ok=True)
        place(folder, target)


async def run(server: subprocess.Popen[str], port: int, grpc_port: int, bundle: Path, seconds: float) -> Soak:
    """All of it."""
    found = Soak()
    traffic = Traffic(port, grpc_port, found)
    good = [traffic.good(False), traffic.good(False), traffic.good(True), traffic.good_grpc()]
    clients = [asyncio.create_task(each) for each in (*good, traffic.bad(), traffic.vanishing(), traffic.slow())]
    began, replaced, hung_up = time.monotonic(), 0, 0
    while (now := time.monotonic() - began) < seconds:
        if now > (replaced + 1) * min(REPLACED_SECONDS, seconds / 4):
            replaced += 1
            await asyncio.to_thread(put, MODELS[replaced % 2], bundle)
        if now > (hung_up + 1) * seconds / 3 and hung_up < 2:
            hung_up += 1
            server.send_signal(signal.SIGHUP)
        status = Path(f"/proc/{server.pid}/status").read_text()
        memory = int(status.partition("VmRSS:")[2].split()[0]) / 1024
        found.samples.append((now, memory, len(list(Path(f"/proc/{server.pid}/fd").iterdir()))))
        await asyncio.sleep(min(1.0, seconds / 40))
    found.counts["replaced"], found.counts["SIGHUP"] = replaced, hung_up
    server.send_signal(signal.SIGTERM)
    await asyncio.sleep(DRAIN_SECONDS / 2)  # requests are taken on
    traffic.stopping = True
    await asyncio.gather(*clients)
    found.exit_status = await asyncio.to_thread(server.wait, 60)
    return found


def soak(seconds: float, seed: int = 0) -> Soak:
    """A server of its own under everything, for so long."""
    random.seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "m"
        put(MODELS[0], bundle)
        words = ["serve", f"m={bundle}", "--port", "0", "--grpc-port", "0", "--device", "cpu", "--head-timeout", "2"]
        words += ["--drain", str(DRAIN_SECONDS)]
        server = subprocess.Popen([sys.executable, "-m", "flowexport", *words], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            grpc_port, port = (int(server.stdout.readline().rsplit(":", 1)[1]) for _ in range(2))
            return asyncio.run(run(server, port, grpc_port, bundle, seconds))
        finally:
            server.kill()
            server.wait()


def main() -> None:
    """Prints what was found; exit status 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    found = soak(parser.parse_args().seconds)
    print(", ".join(f"{count:,} {kind}" for kind, count in sorted(found.counts.items())))
    for at in (len(found.samples) // 4, len(found.samples) // 2, -1):
        second, memory, files = found.samples[at]
        print(f"after {second:.0f} s: {memory:.1f} MiB, {files} descriptors")
    wrong = found.verdict()
    print("\n".join(wrong) or "nothing was wrong")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
