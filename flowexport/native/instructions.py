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
    if not isinstance(expression, Apply):
        return "copy", (expression,)
    # By its two parts, so that the name alone rules most cases out.
    match expression.function, expression.arguments:
        case "add", (Apply("mul", (a, Apply("exp", (b,)))), c):
            return "affine", (a, b, c)
        case ("add", (Apply("mul", (a, b)), c)) | ("add", (c, Apply("mul", (a, b)))):
            return "fma", (a, b, c)
        case "mul", (Apply("sub", (a, b)), Apply("exp", (c,))):
            return "inverse_affine", (a, b, c)
        case "mul", (a, Apply("exp", (c,))):
            return "inverse_affine", (a, ZERO, c)
        case "mul", (a, Apply("sigmoid", (b,))) if a == b:
            return "silu", (a,)
        case "mul", (Apply("softsign", (a,)), b):
            return "cap", (a, b)
    return expression
