"""What all ready sockets brought in one turn of the event loop runs together.

A request that arrives asks for a turn by ``call_soon``, which the loop grants once it has read every socket that was
ready. So a batch waits for nothing: no timer, no thread, and where there is one request it runs alone. What was
measured to take longer than `INLINE_SECONDS` goes to a thread instead, so that the loop stays live.
"""

from __future__ import annotations

__all__ = ["INLINE_SECONDS", "Answers", "Batcher", "Queued", "Waiting"]

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from .counters import Counters
from .endpoint import Draw, Endpoint, Rows
from .messages import number_text
from .refusal import Refusal, refusal_of
from .settings import Limits

INLINE_SECONDS = 0.002
"""The longest run in the loop itself: no other request waits longer for one that it shares nothing with."""


class Answers:
    """What one run gave; as text or bytes it is written once for all requests in it."""

    __slots__ = ("_data", "_texts", "rows", "width")

    def __init__(self, rows: np.ndarray, width: int) -> None:
        self.rows, self.width = rows, width
        self._texts: list[bytes] | None = None
        self._data: bytes | None = None

    def text(self, start: int, stop: int) -> bytes:
        """The numbers of rows ``start`` … ``stop − 1`` as JSON has them."""
        if stop - start == len(self.rows):
            return number_text(self.rows)
        if self._texts is None:
            self._texts = number_text(self.rows).split(b",")
        return b",".join(self._texts[start * self.width : stop * self.width])

    def data(self, start: int, stop: int) -> bytes:
        """The bytes of rows ``start`` … ``stop − 1``, little endian."""
        if self._data is None:
            self._data = self.rows.astype(self.rows.dtype.newbyteorder("<"), copy=False).tobytes()
        row = self.width * self.rows.itemsize
        return self._data[start * row : stop * row]


class Queued(Protocol):
    """A request in the queue.

    Attributes:
        endpoint: of the model that was loaded when it came, and stays its own if that is replaced.
        work: its rows.
        began: when it was here, by ``time.perf_counter``.
    """

    endpoint: Endpoint
    work: Rows | Draw
    began: float

    def done(self, answers: Answers, start: int, stop: int, /) -> Callable[[], None]:
        """Called with the answers and which rows of them are its own, in the loop or, for a run that was long, in the
        thread that ran it; what it returns is called in the loop."""

    def refused(self, refusal: Refusal, /) -> None:
        """Called in the loop, in place of ``done``."""


class Waiting:
    """A `Queued` request of two functions."""

    __slots__ = ("began", "done", "endpoint", "refused", "work")

    def __init__(
        self,
        endpoint: Endpoint,
        work: Rows | Draw,
        done: Callable[[Answers, int, int], Callable[[], None]],
        refused: Callable[[Refusal], None],
        began: float,
    ) -> None:
        self.endpoint, self.work, self.done, self.refused, self.began = endpoint, work, done, refused, began


class Batcher:
    """The queue.

    Arguments:
        limits: of rows together, and of rows that wait.
        threads: long runs at a time.
        counters: of runs and requests.
    """

    def __init__(
        self,
        limits: Limits,
        threads: int,
        counters: Counters,
    ) -> None:
        self.limits, self.counters = limits, counters
        self.loop = asyncio.get_running_loop()
        self.queued_rows = self.queued = 0
        self._short: dict[Endpoint, list[Queued]] = {}
        self._asked = False
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="flowexport-serve")

    def add(self, waiting: Queued) -> None:
        """Takes a request.

        Raises:
            Refusal: where too many rows wait already.
        """
        rows = waiting.work.count
        if self.queued_rows + rows > self.limits.queued_rows and self.queued:
            raise Refusal(503, "busy", f"{self.queued_rows:,} rows wait already; try again in a second")
        self.queued_rows += rows
        self.queued += 1
        endpoint = waiting.endpoint
        if endpoint.seconds(waiting.work) > INLINE_SECONDS:
            self.loop.run_in_executor(self._threads, self._run_long, waiting)
            return
        self._short.setdefault(endpoint, []).append(waiting)
        if not self._asked:
            self._asked = True
            self.loop.call_soon(self._turn)

    def close(self) -> None:
        """Ends the threads, once what they run has ended."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _turn(self) -> None:
        """Runs batches of each endpoint while the time of one lasts; what is left has its turn after the sockets."""
        until = time.perf_counter() + INLINE_SECONDS
        while self._short:
            for endpoint in list(self._short):
                queue = self._short.pop(endpoint)
                count = self._batch_of(endpoint, queue)
                if count < len(queue):
                    self._short[endpoint] = queue[count:]
                self._run(endpoint, queue[:count])
            if time.perf_counter() > until:
                break
        self._asked = bool(self._short)
        if self._asked:
            self.loop.call_soon(self._turn)

    def _batch_of(self, endpoint: Endpoint, queue: list[Queued]) -> int:
        """How many requests, in the order that they came in, make a batch: at least one, and no longer than allowed."""
        most = min(self.limits.batch_rows, endpoint.rows_within(INLINE_SECONDS))
        rows = 0
        for at, waiting in enumerate(queue):
            rows += waiting.work.count
            # A draw has noise of its own to make, and runs alone.
            if type(waiting.work) is Draw:
                return at or 1
            if at and rows > most:
                return at
        return len(queue)

    def _run(self, endpoint: Endpoint, batch: list[Queued]) -> None:
        """Runs a batch in the loop; where it fails as one, each request alone, and only the faulty is refused."""
        began = time.perf_counter()
        try:
            answer = endpoint.run([waiting.work for waiting in batch])
        except Exception as error:
            if len(batch) == 1:
                self._end(batch[0], refusal_of(error))
                return
            for waiting in batch:
                self._run(endpoint, [waiting])
            return
        self.counters.ran(endpoint.index, len(batch), len(answer), time.perf_counter() - began)
        self._leave(len(batch), len(answer))
        answers = Answers(answer, endpoint.output_width)
        finite = bool(np.isfinite(answer).all())
        start = 0
        answered = []
        for waiting in batch:
            stop = start + waiting.work.count
            fault = None if finite else endpoint.fault_of(waiting.work, answer[start:stop])
            if fault is None:
                waiting.done(answers, start, stop)()
                answered.append(waiting.began)
            else:
                waiting.refused(fault)
            start = stop
        self.counters.answered(endpoint.index, answered)

    def _run_long(self, waiting: Queued) -> None:
        """Runs a long request in a thread, and makes its answer there."""
        endpoint = waiting.endpoint
        began = time.perf_counter()
        try:
            answer = endpoint.run([waiting.work])
            seconds = time.perf_counter() - began
            fault = endpoint.fault_of(waiting.work, answer)
            if fault is not None:
                raise fault
            written = waiting.done(Answers(answer, endpoint.output_width), 0, len(answer))
        except Exception as error:
            self.loop.call_soon_threadsafe(self._end, waiting, refusal_of(error))
            return
        self.loop.call_soon_threadsafe(self._end_long, waiting, written, len(answer), seconds)

    def _end_long(self, waiting: Queued, written: Callable[[], None], rows: int, seconds: float) -> None:
        self._leave(1, rows)
        self.counters.ran(waiting.endpoint.index, 1, rows, seconds)
        written()
        self.counters.answered(waiting.endpoint.index, [waiting.began])

    def _end(self, waiting: Queued, refusal: Refusal) -> None:
        self._leave(1, waiting.work.count)
        waiting.refused(refusal)

    def _leave(self, requests: int, rows: int) -> None:
        self.queued -= requests
        self.queued_rows -= rows
