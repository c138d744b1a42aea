"""The kernel that runs flows as programs: see `kernel/program.h` for what a program is."""

from ._kernel import FUNCTIONS, OPERATIONS, Runner, level, levels, normals

__all__ = ["FUNCTIONS", "OPERATIONS", "Runner", "level", "levels", "normals"]
