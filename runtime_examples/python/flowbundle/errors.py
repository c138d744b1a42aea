"""What can be wrong: the bundle, or what is asked of it."""

from __future__ import annotations

__all__ = ["BundleError", "InputError"]


class BundleError(Exception):
    """A bundle breaks its contract. The message is ``PATH: KEY: what is wrong``."""


class InputError(ValueError):
    """What a model is given does not fit it.

    Arguments:
        code: ``wrong_shape``, ``missing_context`` or ``wrong_dtype``, as in a bundle's golden cases; else
            ``unknown_category`` or ``wrong_value``.
        message: which argument, what was expected, and what was given.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
