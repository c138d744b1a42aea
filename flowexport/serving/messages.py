"""Inference requests and answers in JSON, with tensors in it or, as the binary extension has them, behind it.

References:
    Open Inference Protocol v2, https://github.com/kserve/open-inference-protocol
    Binary tensor data extension,
    https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

__all__ = [
    "FlatTensor",
    "Inference",
    "RequestedOutput",
    "Tensor",
    "answer_json",
    "number_text",
    "read_inference",
    "read_json",
    "write_json",
]

from typing import Annotated

import msgspec
import numpy as np
import orjson
from msgspec import Meta, Struct

from .refusal import Refusal

Extent = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Shape = Annotated[list[Extent], Meta(max_length=8)]
Parameters = dict[str, bool | int | float | str | None]


class Tensor(Struct):
    """An input: in ``data`` either numbers and texts, flat or nested, or the bytes of the binary form."""

    name: str
    shape: Shape
    datatype: str
    data: object = None
    parameters: dict[str, object] | None = None


class FlatTensor(Tensor):
    """An input of nothing but numbers: that which has to be fast."""

    data: list[float] | None = None


class RequestedOutput(Struct):
    """An output that is asked for."""

    name: str
    parameters: dict[str, object] | None = None


class Inference(Struct):
    """A request, whichever way it came."""

    inputs: list[Tensor] = []
    id: str | None = None
    outputs: list[RequestedOutput] | None = None
    parameters: Parameters | None = None


class FlatInference(Inference):
    """A request of nothing but numbers."""

    inputs: list[FlatTensor] = []  # type: ignore[assignment]


FLAT = msgspec.json.Decoder(FlatInference)
ANY = msgspec.json.Decoder(Inference)


def read_inference(body: bytes, json_size: int) -> Inference:
    """A request's body in the binary form.

    Arguments:
        body: JSON, and behind it the bytes of tensors.
        json_size: how much of it is JSON; 0 for none: one input's bytes, and no more.

    Raises:
        Refusal: for what is no such JSON, or bytes that are more or fewer than the sizes in it.
    """
    if json_size == 0:
        raw = Tensor("", [], "", memoryview(body))
        return Inference([raw], parameters={"binary_data_output": True})
    view = memoryview(body)
    request = read_json(view[:json_size])
    start = json_size
    for tensor in request.inputs:
        size = (tensor.parameters or {}).get("binary_data_size")
        if size is None:
            continue
        if tensor.data is not None:
            raise Refusal(400, "wrong_request", f"{tensor.name}: has both data and binary_data_size; leave out one")
        if type(size) is not int or size < 0 or size > len(view) - start:
            left = len(view) - start
            raise Refusal(400, "wrong_size", f"{tensor.name}: binary_data_size is {size!r}, and {left} bytes are left")
        tensor.data = view[start : start + size]
        start += size
    if start != len(view):
        raise Refusal(400, "wrong_size", f"{len(view) - start} bytes are left behind the tensors")
    return request


def read_json(text: bytes | memoryview) -> Inference:
    """The JSON of a request; a second reading, for all that is not flat numbers, takes longer and knows every type.

    Raises:
        Refusal: for what is no such JSON.
    """
    try:
        return FLAT.decode(text)
    except msgspec.ValidationError:
        pass
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "wrong_json", f"the body is not JSON: {reason(error)}") from error
    try:
        return ANY.decode(text)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "wrong_request", f"the body is no inference request: {reason(error)}") from error


def reason(error: Exception) -> str:
    """Why something could not be read, in a line of bounded length."""
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:300]


def write_json(document: object) -> bytes:
    """A document."""
    return orjson.dumps(document)


SPELLED = {"inf": b'"Infinity"', "-inf": b'"-Infinity"', "nan": b'"NaN"'}
"""Numbers that JSON has no way to write: texts, which every language reads back."""


def number_text(values: np.ndarray) -> bytes:
    """Numbers as JSON has them, each the shortest that reads back the same, with commas between them."""
    flat = values.ravel()
    text: bytes = orjson.dumps(flat, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    if b"null" in text:
        texts = text.split(b",")
        for at in np.flatnonzero(~np.isfinite(flat)):
            texts[at] = SPELLED[str(float(flat[at]))]
        text = b",".join(texts)
    return text


def answer_json(head: bytes, rows: int, row: bytes, numbers: bytes, rest: bytes) -> bytes:
    """An answer of one output, written by hand: its parts are known, and its numbers are text already.

    Arguments:
        head: ``{"model_name":…,"outputs":[{"name":…,"datatype":…,"shape":``, from the endpoint.
        rows: of the output.
        row: the extents of each, with a comma before them.
        numbers: with commas between them.
        rest: from `rest_of`, or nothing.
    """
    return b'%b[%d%b],"data":[%b]}]%b}' % (head, rows, row, numbers, rest)


def answer_binary(head: bytes, rows: int, row: bytes, size: int, rest: bytes) -> bytes:
    """The JSON of an answer whose numbers, ``size`` bytes, come behind it."""
    return b'%b[%d%b],"parameters":{"binary_data_size":%d}}]%b}' % (head, rows, row, size, rest)


def rest_of(request_id: str | None, parameters: bytes) -> bytes:
    """What follows the outputs: the request's id, and the answer's parameters, a JSON object."""
    own = b"" if request_id is None else b',"id":' + orjson.dumps(request_id)
    return own + b',"parameters":' + parameters if parameters else own
