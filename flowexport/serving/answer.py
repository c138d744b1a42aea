"""The answer of an inference over HTTP: JSON, or the binary form where it is asked for."""

from __future__ import annotations

__all__ = ["Reply"]

from collections.abc import Callable
from functools import partial

from .batching import Answers
from .endpoint import Draw, Endpoint, Rows
from .http import Exchange
from .messages import Inference, answer_binary, answer_json, rest_of
from .refusal import Refusal


class Reply:
    """What is due for a request, `batching.Queued`: its work, and how its answer is written.

    Arguments:
        endpoint: that answers.
        request: what was asked, which is held to the endpoint.
        exchange: where the answer goes.

    Raises:
        Refusal: for an output that there is not, and as `Endpoint.work_of`.
    """

    __slots__ = ("began", "binary", "endpoint", "exchange", "request_id", "work")

    def __init__(self, endpoint: Endpoint, request: Inference, exchange: Exchange) -> None:
        binary = request.parameters is not None and bool(request.parameters.get("binary_data_output"))
        for output in request.outputs or ():
            if output.name != endpoint.output:
                message = f"outputs: there is no {output.name[:40]!r}, there is {endpoint.output}"
                raise Refusal(400, "unknown_output", message)
            binary = bool((output.parameters or {}).get("binary_data", binary))
        self.endpoint, self.exchange, self.binary = endpoint, exchange, binary
        self.request_id, self.began = request.id, exchange.began
        self.work: Rows | Draw = endpoint.work_of(request)

    def done(self, answers: Answers, start: int, stop: int) -> Callable[[], None]:
        """Writes the answer; what it returns sends it."""
        endpoint, more = self.endpoint, self.work.parameters
        rest = rest_of(self.request_id, more) if more or self.request_id is not None else b""
        if not self.binary:
            numbers = answers.text(start, stop)
            body = answer_json(endpoint.head, stop - start, endpoint.output_extents, numbers, rest)
            return partial(self.exchange.send, 200, body)
        data = answers.data(start, stop)
        head = answer_binary(endpoint.head, stop - start, endpoint.output_extents, len(data), rest)
        line = b"inference-header-content-length: %d\r\n" % len(head)
        return partial(self.exchange.send, 200, head + data, b"application/octet-stream", line)

    def refused(self, refusal: Refusal) -> None:
        """Sends what is wrong instead."""
        self.exchange.refuse(refusal)
