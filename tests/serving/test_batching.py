"""What comes in one turn runs together, answers are each request's own, and the loop stays live beside long runs."""

import asyncio
import sys
import time
from typing import Any

import numpy as np
import pytest

from flowexport.runtime import Model
from flowexport.serving import Limits
from flowexport.serving.batching import INLINE_SECONDS, Answers, Batcher, Waiting
from flowexport.serving.counters import Counters
from flowexport.serving.endpoint import Endpoint, Rows
from flowexport.serving.refusal import Refusal

X = np.random.default_rng(5).normal(size=(300, 2)).astype(np.float32)


class Queue:
    """A batcher, and what becomes of each request, by its number."""

    def __init__(self, model: Model, **limits: Any) -> None:
        self.limits = Limits(**limits)
        self.endpoint = Endpoint("m_log_prob", model, "log_prob", self.limits)
        self.counters = Counters(["m_log_prob"], ["m"])
        self.batcher = Batcher(self.limits, 1, self.counters)
        self.found: dict[int, Any] = {}

    def add(self, number: int, rows: np.ndarray) -> None:
        def done(answers: Answers, start: int, stop: int) -> Any:
            values = np.frombuffer(answers.data(start, stop), "<f4")
            return lambda: self.found.__setitem__(number, values)

        work = Rows(len(rows), rows.ravel().tolist())
        refused = lambda refusal: self.found.__setitem__(number, refusal)  # noqa: E731
        self.batcher.add(Waiting(self.endpoint, work, done, refused, time.perf_counter()))

    @property
    def runs(self) -> float:
        return float(self.counters.endpoints()["m_log_prob"].numbers["runs"])


def test_one_turn_is_one_run_with_answers_of_their_own(banana: Model) -> None:
    async def work() -> Queue:
        queue = Queue(banana)
        for number in range(20):
            queue.add(number, X[number : number + 1 + number % 3])
        assert not queue.found  # nothing before the turn
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return queue

    queue = asyncio.run(work())
    assert queue.runs == 1
    for number in range(20):
        expected = banana.log_prob(X[number : number + 1 + number % 3])
        np.testing.assert_allclose(queue.found[number], expected, atol=1e-4, rtol=1e-5)
    assert queue.batcher.queued == queue.batcher.queued_rows == 0
    totals = queue.counters.endpoints()["m_log_prob"]
    assert totals.numbers["requests"] == sum(totals.latencies) == 20


def test_requests_of_a_batch_are_counted_by_how_long_each_took() -> None:
    counters = Counters(["m_log_prob"], ["m"])
    now = time.perf_counter()
    counters.answered(0, [now - 100, now - 0.2, now - 0.2])
    latencies = counters.endpoints()["m_log_prob"].latencies
    assert latencies[-1] == 1
    assert sum(latencies) == 3


def test_bytes_reach_the_engine_as_the_type_that_it_takes_at_once(banana: Model) -> None:
    endpoint = Endpoint("m_log_prob", banana, "log_prob", Limits())
    seen = []

    def answer(x: np.ndarray, context: np.ndarray | None) -> np.ndarray:
        seen.append(x.dtype)
        return banana.log_prob(x, context)

    endpoint.answer = answer
    np.testing.assert_array_equal(endpoint.run([Rows(3, memoryview(X[:3].tobytes()))]), banana.log_prob(X[:3]))
    assert sys.byteorder == "big" or seen[0] is np.dtype(np.float32)


def test_a_faulty_request_is_refused_alone(banana: Model) -> None:
    async def work() -> Queue:
        queue = Queue(banana)
        for number in range(8):
            rows = X[number : number + 2].copy()
            if number == 3:
                rows[1, 0] = np.nan
            queue.add(number, rows)
        await asyncio.sleep(0.05)
        return queue

    queue = asyncio.run(work())
    assert isinstance(queue.found[3], Refusal)
    assert "row 2, column 1" in str(queue.found[3])
    for number in set(range(8)) - {3}:
        np.testing.assert_allclose(queue.found[number], banana.log_prob(X[number : number + 2]), atol=1e-4, rtol=1e-5)


def test_a_batch_has_no_more_rows_than_allowed(banana: Model) -> None:
    async def work() -> Queue:
        queue = Queue(banana, batch_rows=4)
        for number in range(10):
            queue.add(number, X[number : number + 2])
        await asyncio.sleep(0.05)
        return queue

    queue = asyncio.run(work())
    assert queue.runs == 5
    assert len(queue.found) == 10


def test_the_loop_is_live_beside_a_long_run(banana: Model) -> None:
    async def work() -> tuple[Queue, list[int]]:
        queue = Queue(banana)
        queue.add(0, np.repeat(X, 1000, axis=0))
        assert queue.endpoint.seconds(Rows(300_000, [])) > INLINE_SECONDS
        finished = []
        for number in range(1, 4):
            queue.add(number, X[:1])
            while number not in queue.found:
                await asyncio.sleep(0)
            finished.append(number)
            if 0 in queue.found:
                break
        while 0 not in queue.found:
            await asyncio.sleep(0.01)
        return queue, finished

    queue, finished = asyncio.run(work())
    assert len(finished) > 1, "small requests waited for the long one"
    np.testing.assert_allclose(queue.found[0], np.repeat(banana.log_prob(X), 1000), atol=1e-4, rtol=1e-5)


def test_a_queue_that_is_full_takes_no_more(banana: Model) -> None:
    async def work() -> None:
        queue = Queue(banana, queued_rows=10)
        queue.add(0, X[:8])
        with pytest.raises(Refusal, match="try again") as full:
            queue.add(1, X[:8])
        assert full.value.status == 503
        await asyncio.sleep(0.05)
        queue.add(2, X[:8])
        await asyncio.sleep(0.05)
        assert set(queue.found) == {0, 2}

    asyncio.run(work())
