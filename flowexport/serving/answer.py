"""The answer of an inference over HTTP: JSON, or the binary form where it is asked for."""

from __future__ import annotations

__all__ = ["Reply", "reply_of"]

from collections.abc import Callable
from functools import partial
from typing import Any

from .batching import Answers
from .endpoint import VERSION, Draw, Endpoint, Rows
from .http import Exchange
from .messages import Inference, answer_json, write_json
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
        if not self.binary:
            texts = answers.texts(start, stop)
            body = answer_json(endpoint.head, self.request_id, shape, texts, self.work.parameters)
            return partial(self.exchange.send, 200, body)
        data = answers.rows[start:stop].astype(endpoint.dtype.newbyteorder("<"), copy=False).tobytes()
        output = {
            "name": endpoint.output,
            "datatype": endpoint.datatype,
            "shape": shape,
            "parameters": {"binary_data_size": len(data)},
        }
        document: dict[str, Any] = {"model_name": endpoint.name, "model_version": VERSION, "outputs": [output]}
        if self.request_id is not None:
            document["id"] = self.request_id
        if type(self.work) is Draw:
            document["parameters"] = {"seed": str(self.work.seed)}
        head = write_json(document)
        more = b"inference-header-content-length: %d\r\n" % len(head)
        return partial(self.exchange.send, 200, head + data, b"application/octet-stream", more)


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
