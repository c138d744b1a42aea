"""A program of any language in its ``run`` mode, with a bundle open: the protocol of ../README.md."""

from __future__ import annotations

__all__ = ["Program"]

import subprocess
from array import array
from collections.abc import Sequence
from typing import IO

from .arrays import Array
from .errors import Failure, Refusal

LONGEST_LINE = 1 << 16
"""Of a reply: more than any message has."""


class Program:
    """A process that has a bundle open and answers one request after the other.

    Arguments:
        command: starts the program.
        path: the bundle.
        digest: that it must have, or None.

    Raises:
        Refusal: where the bundle cannot be opened.
    """

    def __init__(self, command: Sequence[str], path: str, digest: str | None) -> None:
        words = [*command, "run", path, *([digest] if digest else [])]
        try:
            self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            raise Failure(f"{command[0]}: cannot be started ({error.strerror})") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests: IO[bytes] = self._process.stdin
        self._replies: IO[bytes] = self._process.stdout
        try:
            self._reply()
        except Refusal:
            self.close(expected=2)
            raise

    def close(self, expected: int = 0) -> None:
        """Ends the process, which must end well.

        Raises:
            Failure: where its exit status is not as expected.
        """
        self._process.communicate()
        if self._process.returncode != expected:
            raise Failure(f"the program ended with status {self._process.returncode}")

    def kill(self) -> None:
        """Ends the process, whatever it does; it holds nothing that could be lost."""
        self._process.kill()
        self._process.communicate()

    def log_prob(self, x: Array, context: Array | None) -> Array:
        """``[rows]`` of the bundle's type."""
        return self._ask(["log_prob"], x, context)

    def sample_from(self, z: Array, context: Array | None) -> Array:
        """The numbers of x, flat, of the bundle's type."""
        return self._ask(["sample_from"], z, context)

    def sample(self, rows: int, seed: int, first: int, temperature: float, context: Array | None) -> Array:
        """The numbers of so many samples of a seed from the ``first`` on, flat, of the bundle's type."""
        return self._ask(["sample", rows, seed, first, repr(temperature)], context)

    def percentile(self, log_prob: Array) -> Array:
        """``[rows]`` of float64."""
        return self._ask(["percentile"], log_prob)

    def normals(self, seed: int, start: int, count: int) -> Array:
        """``[count]`` of float32."""
        return self._ask(["normals", seed, start, count])

    def category(self, column: str, label: str) -> float:
        """The code of a label, as its column of the context has them."""
        return self._ask(["category"], column.encode(), label.encode()).values[0]

    def time_log_prob(self, calls: int, x: Array, context: Array | None) -> array[float]:
        """Microseconds of each of so many calls."""
        return self._ask(["time", calls, "log_prob"], x, context).values

    def time_sample(self, calls: int, rows: int, context: Array | None) -> array[float]:
        """Microseconds of each of so many calls."""
        return self._ask(["time", calls, "sample", rows, 0, 0, 1.0], context).values

    def _ask(self, words: Sequence[object], *arrays: Array | bytes | None) -> Array:
        """A request, and its reply."""
        sent = [(_word(each), each if isinstance(each, bytes) else each.to_bytes() if each else b"") for each in arrays]
        line = " ".join([*map(str, words), *(word for word, _ in sent)])
        try:
            self._requests.write(b"".join([f"{line}\n".encode(), *(data for _, data in sent)]))
            self._requests.flush()
        except BrokenPipeError:
            pass  # it is told by the reply that does not come
        return self._reply()

    def _reply(self) -> Array:
        line = self._replies.readline(LONGEST_LINE).decode(errors="replace").rstrip("\n")
        if line.startswith("error "):
            _, code, message = line.split(" ", 2)
            raise Refusal(code, message)
        kind, colon, count = line.partition(":")
        size = int(count or "0") * int(kind[1:] or "1") if colon else 0
        data = self._replies.read(size)
        if not colon or len(data) != size:
            raise Failure(f"the program ended with status {self._process.wait()} in place of an answer")
        return Array.from_bytes(kind, (int(count),), data)


def _word(each: Array | bytes | None) -> str:
    """How a request announces an array: its type and shape."""
    if each is None:
        return "-"
    return f"u1:{len(each)}" if isinstance(each, bytes) else f"{each.kind}:{','.join(map(str, each.shape))}"
