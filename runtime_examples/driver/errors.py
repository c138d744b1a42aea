"""What is told in one line, with exit status 2."""

__all__ = ["Failure", "Refusal"]


class Failure(Exception):
    """A bundle, a table or a command line that cannot be used; the message says where, and what is wrong."""


class Refusal(Failure):
    """What a program's library refuses.

    Arguments:
        code: as in a bundle's golden cases, ``wrong_shape`` and its like, or another word of the library's.
        message: of one line.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
