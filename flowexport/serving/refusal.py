"""A request that gets no numbers: what is wrong with it, and the status that says so."""

from __future__ import annotations

__all__ = ["Refusal", "refusal_of"]

from flowexport.errors import ArgumentError, FlowExportError, InputError


class Refusal(FlowExportError):
    """What a client is told.

    Arguments:
        status: of HTTP.
        code: a word for programs, such as ``wrong_shape``.
        message: what is wrong, and the cure.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code

    def fields(self) -> dict[str, str]:
        """What the answer's JSON holds."""
        return {"error": " ".join(str(self).split()), "code": self.code}


def refusal_of(error: Exception) -> Refusal:
    """An error of the runtime as a refusal: 400 where the client is at fault, 500 where the server is."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, FlowExportError):
        return Refusal(400 if isinstance(error, InputError | ArgumentError) else 500, error.code, str(error))
    if isinstance(error, MemoryError):
        return Refusal(503, "out_of_memory", "there is no memory for so many rows at present; send fewer at a time")
    return Refusal(500, "fault", f"{type(error).__name__}: {error}")
