"""``flowexport VERB``: finds the verb, and turns what goes wrong into one line and an exit status."""

from __future__ import annotations

__all__ = ["main"]

import os
import sys
from importlib import import_module
from typing import Any

import click

from flowexport import __version__
from flowexport.errors import FlowExportError, extras_named

VERBS = ("train", "evaluate", "export", "verify", "inspect", "score", "sample", "bench", "models", "doctor", "demo")
INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


class Verbs(click.Group):
    """A group that imports a verb's file when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"flowexport.cli.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with extras_named():
                return super().invoke(ctx)
        except (FlowExportError, OSError, MemoryError, KeyboardInterrupt) as error:
            if ctx.params.get("verbose"):
                raise
            if isinstance(error, BrokenPipeError):
                # Whoever read our output has had enough; Python would complain once more while it exits.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                ctx.exit(0)
            message, status = told(error)
            click.echo(f"flowexport: {message}", err=True)
            ctx.exit(status)


def told(error: BaseException) -> tuple[str, int]:
    """An error as one line and an exit status."""
    if isinstance(error, FlowExportError):
        return " ".join(str(error).split()), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return "stopped", INTERRUPTED
    if isinstance(error, MemoryError):
        return "out of memory", 2
    assert isinstance(error, OSError)
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}", 2


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="flowexport")
@click.option("--verbose", is_flag=True, help="Show the traceback of an error.")
def main(verbose: bool) -> None:
    """Train a normalizing flow, ship it as two proved ONNX graphs, run it anywhere.

    Exit status: 0 done, 1 a check failed, 2 bad usage or bad input.
    """
