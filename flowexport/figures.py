"""Pictures that go into files: matplotlib, whatever screen it was told to draw on."""

from __future__ import annotations

__all__ = ["new_figure", "png", "require_matplotlib"]

import io
import os
from typing import TYPE_CHECKING

from .errors import extras_named

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BACKEND = "MPLBACKEND"


def require_matplotlib() -> None:
    """Imports matplotlib.

    A notebook's cell names its own backend in the environment of every program that it starts, and matplotlib cannot
    be imported where the package of that backend is in the notebook's environment alone.

    Raises:
        MissingExtra: where matplotlib is not installed.
    """
    with extras_named():
        try:
            import matplotlib
        except ValueError:
            if BACKEND not in os.environ:
                raise
            os.environ[BACKEND] = "agg"
            import matplotlib  # noqa: F401


def new_figure(width: float, height: float) -> Figure:
    """A figure of so many inches, without a window.

    Raises:
        MissingExtra: where matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def png(figure: Figure, dpi: int) -> bytes:
    """A figure as a file's bytes, without date and software, and without a frame at its top and right."""
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dpi, metadata={"Software": None})
    return stream.getvalue()
