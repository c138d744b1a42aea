"""The tensors of a gRPC request as those of JSON and the binary form, so that one set of rules holds for all."""

from __future__ import annotations

__all__ = ["inference_of"]

from google.protobuf.message import Message

from .endpoint import Endpoint
from .messages import FlatTensor, Inference, Tensor
from .refusal import Refusal

CONTENTS = {"FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents"}
MOST_EXTENT = 2**31 - 1
MOST_AXES = 8


def inference_of(request: Message, endpoint: Endpoint) -> Inference:
    """A request, with the data of each input where JSON would have it.

    Raises:
        Refusal: for raw contents of more or fewer inputs than there are, a shape that none can have, or an output that
            is not the endpoint's.
    """
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        message = f"raw_input_contents: has {len(raw)} parts, and there are {len(request.inputs)} inputs"
        raise Refusal(400, "wrong_request", message)
    for output in request.outputs:
        if output.name != endpoint.output:
            message = f"outputs: there is no {output.name[:40]!r}, there is {endpoint.output}"
            raise Refusal(400, "unknown_output", message)
    inputs = [tensor_of(given, raw[at] if raw else None) for at, given in enumerate(request.inputs)]
    parameters = {name: parameter_of(value) for name, value in request.parameters.items()}
    return Inference(inputs, parameters=parameters)


def tensor_of(given: Message, raw: bytes | None) -> Tensor:
    """An input."""
    shape = list(given.shape)
    if len(shape) > MOST_AXES or any(not 0 <= extent <= MOST_EXTENT for extent in shape):
        raise Refusal(400, "wrong_shape", f"{given.name[:40]}: there is no shape {shape[:MOST_AXES]}")
    if raw is not None:
        if given.HasField("contents"):
            raise Refusal(400, "wrong_request", f"{given.name[:40]}: has both contents and raw_input_contents")
        return Tensor(given.name, shape, given.datatype, memoryview(raw))
    field = CONTENTS.get(given.datatype)
    if field is None:
        raise Refusal(400, "wrong_dtype", f"{given.name[:40]}: datatype {given.datatype[:40]!r} is not taken")
    values = list(getattr(given.contents, field))
    if field != "bytes_contents":
        return FlatTensor(given.name, shape, given.datatype, values)
    try:
        return Tensor(given.name, shape, given.datatype, [value.decode() for value in values])
    except UnicodeDecodeError as error:
        raise Refusal(400, "wrong_dtype", f"{given.name[:40]}: an element is not UTF-8") from error


def parameter_of(value: Message) -> bool | int | float | str | None:
    """The value of a parameter, of whichever kind it is."""
    kind = value.WhichOneof("parameter_choice")
    return None if kind is None else getattr(value, kind)
