"""The answer of an inference over HTTP: JSON, or the binary form where it is asked for."""

from __future__ import annotations

__all__ = ["Reply", "reply_of"]

from collections.abc import Callable
from functools import partial

from .batching import Answers
from .endpoint import Draw, Endpoint, Rows
from .http import Exchange
from .messages import Inference, answer_binary, answer_json
from .refusal import Refusal


class Reply:
    """What is due for a request: its work, and how its answer is written.

    Arguments:
        endpoint: that answers.
        request: what was asked.
        exchange: where the answer goes.
        binary: whether the numbers go behind the JSON.
    """

    __slots__ = ("binary", "endpoint", "exchange", "request_id", "work")

    def __init__(self, endpoint: Endpoint, request: Inference, exchange: Exchange, binary: bool) -> None:
        self.endpoint, self.exchange, self.binary = endpoint, exchange, binary
        self.request_id = request.id
        self.work: Rows | Draw = endpoint.work_of(request)

    def done(self, answers: Answers, start: int, stop: int) -> Callable[[], None]:
        """Writes the answer; what it returns sends it."""
        endpoint = self.endpoint
        shape = [stop - start, *endpoint.output_row]
        more = self.work.parameters
        if not self.binary:
            body = answer_json(endpoint.head, self.request_id, shape, answers.text(start, stop), more)
            return partial(self.exchange.send, 200, body)
        data = answers.rows[start:stop].astype(endpoint.wire, copy=False).tobytes()
        head = answer_binary(endpoint.head, self.request_id, shape, len(data), more)
        line = b"inference-header-content-length: %d\r\n" % len(head)
        return partial(self.exchange.send, 200, head + data, b"application/octet-stream", line)


def reply_of(endpoint: Endpoint, request: Inference, exchange: Exchange) -> Reply:
    """Holds a request to its endpoint.

    Raises:
        Refusal: for an output that there is not, and as `Endpoint.work_of`.
    """
    binary = bool((request.parameters or {}).get("binary_data_output"))
    for output in request.outputs or ():
        if output.name != endpoint.output:
            message = f"outputs: there is no {output.name[:40]!r}, there is {endpoint.output}"
            raise Refusal(400, "unknown_output", message)
        binary = bool((output.parameters or {}).get("binary_data", binary))
    return Reply(endpoint, request, exchange, binary)
