"""A bundle as C99: two functions and what belongs to them, in a folder that builds wherever C does."""

from .project import c_files

__all__ = ["c_files"]
