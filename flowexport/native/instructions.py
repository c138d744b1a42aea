"""Which function of the prebuilt kernel computes an expression: some compute two or three of the form's at once."""

from __future__ import annotations

__all__ = ["instruction_of"]

import numpy as np

from .form import Apply, Constant, Expression

ZERO = Constant(np.zeros((), np.float32))


def instruction_of(expression: Expression) -> tuple[str, tuple[Expression, ...]]:
    """The kernel's function of an expression, and its one to three operands.

    ===================  ===============
    ``affine``           a · exp(b) + c
    ``inverse_affine``   (a − b) · exp(c)
    ``fma``              a · b + c
    ``cap``              softsign(a) · b
    ``silu``             a · σ(a)
    ===================  ===============
    """
    match expression:
        case Apply("add", (Apply("mul", (a, Apply("exp", (b,)))), c)):
            return "affine", (a, b, c)
        case Apply("add", (Apply("mul", (a, b)), c)) | Apply("add", (c, Apply("mul", (a, b)))):
            return "fma", (a, b, c)
        case Apply("mul", (Apply("sub", (a, b)), Apply("exp", (c,)))):
            return "inverse_affine", (a, b, c)
        case Apply("mul", (a, Apply("exp", (c,)))):
            return "inverse_affine", (a, ZERO, c)
        case Apply("mul", (a, Apply("sigmoid", (b,)))) if a == b:
            return "silu", (a,)
        case Apply("mul", (Apply("softsign", (a,)), b)):
            return "cap", (a, b)
        case Apply(function, arguments):
            return function, arguments
    return "copy", (expression,)
