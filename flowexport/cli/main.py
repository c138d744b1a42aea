"""``flowexport VERB``: finds the verb, and turns what goes wrong into one line and an exit status."""

from __future__ import annotations

__all__ = ["main"]

import json
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, TextIO

import click

from flowexport import __version__
from flowexport.errors import ArgumentError, DataWarning, FlowExportError, extras_named

from .options import examples
from .streams import Stopped, asked, prepare_streams, reader_may_leave, stopped_by_signals

VERBS = (
    "init",
    "train",
    "evaluate",
    "export",
    "verify",
    "inspect",
    "score",
    "sample",
    "view",
    "convert",
    "deploy",
    "bench",
    "models",
    "serve",
    "doctor",
    "demo",
)

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""
COMPLETING = "_FLOWEXPORT_COMPLETE"
"""The variable by which a shell asks click for completions."""
FAULT = 70
"""EX_SOFTWARE of sysexits.h: neither a check that failed nor a mistake of the user."""
LONGEST = 1000
"""Characters of the line; of a longer one, with a name in it that a stranger made long, both ends are shown."""


class Verbs(click.Group):
    """A group that imports a verb's file when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"flowexport.cli.{cmd_name}").command
        return command

    def main(self, args: Any = None, prog_name: str | None = None, *more: Any, **extra: Any) -> Any:
        """Runs a command line and ends the process with its status."""
        if COMPLETING in os.environ:
            return super().main(args, prog_name, *more, **extra)
        words = list(sys.argv[1:] if args is None else args)
        prepare_streams()
        status = 0
        try:
            # Not by click's own main, which ends with 1 for a reader that left, and for Ctrl-C.
            with (
                warnings_in_lines(),
                stopped_by_signals(),
                reader_may_leave(),
                extras_named(),
                self.make_context("flowexport", require_names(words)) as context,
            ):
                self.invoke(context)
        except (click.exceptions.Exit, SystemExit) as ended:
            status = ended.exit_code if isinstance(ended, click.exceptions.Exit) else int(ended.code or 0)
        except BaseException as error:
            # What a signal has interrupted may be left half imported, and fails in its own way.
            ours = isinstance(error, FlowExportError | KeyboardInterrupt) or not asked
            message, status = told(error if ours else Stopped(asked[0]))
            with suppress(OSError):
                if "--verbose" in words:
                    traceback.print_exc()
                # The one of `bench` names a file.
                show_error(error, message, status, "--json" in words and words[0] != "bench")
            with suppress(OSError, ValueError):
                # Of what could not be written, Python would complain once more while it exits.
                # One that stands in for it, as a test's does, is not ours.
                own = sys.__stdout__
                if own is not None and sys.stdout is own:
                    own.close()
        sys.exit(status)


@contextmanager
def warnings_in_lines() -> Iterator[None]:
    """What is to be said of rows is said in a line."""

    def say(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, DataWarning):
            click.echo(f"flowexport: {message}", err=True)
        else:
            shown(message, category, filename, lineno, file, line)

    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        shown = warnings.showwarning
        warnings.showwarning = say
        yield


def require_names(words: list[str]) -> list[str]:
    """The words of a command line, none of which a system would cut short where it is a name of a file.

    Raises:
        ArgumentError: for one that holds a zero.
    """
    for word in words:
        if "\0" in word:
            raise ArgumentError(f"{word!a}: holds a zero, which no name of a file may")
    return [*words]


def show_error(error: BaseException, message: str, status: int, as_json: bool) -> None:
    """One line on standard error, or one JSON document."""
    if as_json:
        click.echo(json.dumps({"error": message, "exit_status": status}), err=True)
    elif isinstance(error, click.ClickException):
        error.show()
    else:
        click.echo(f"flowexport: {message}", err=True)


def status_of(stop: BaseException | None) -> int:
    """The exit status of what a signal has ended."""
    return 128 + (stop.args[0] if isinstance(stop, Stopped) else signal.SIGINT)


def told(error: BaseException) -> tuple[str, int]:
    """An error as one line, which a terminal shows as it is, and an exit status."""
    from flowexport.bundle.text import unprintable  # here, since numpy comes with it

    message, status = reason(error)
    line = "".join(ascii(each)[1:-1] if unprintable(each) else each for each in " ".join(message.split()))
    return (line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"), status


def reason(error: BaseException) -> tuple[str, int]:
    """What an error says, and an exit status."""
    if isinstance(error, FlowExportError):
        by_signal = isinstance(error.__cause__, KeyboardInterrupt)
        return str(error), status_of(error.__cause__) if by_signal else error.exit_code
    if isinstance(error, click.ClickException):
        return error.format_message(), 2
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "stopped", status_of(error)
    if isinstance(error, MemoryError):
        return "out of memory", 2
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}", 2
    words = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return f"a fault of flowexport itself ({words}); flowexport --verbose shows where", FAULT


@click.group(
    cls=Verbs,
    epilog=examples("view banana", "train recipe.toml -o run", "export run -o bundle", "score bundle rows.csv"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="flowexport")
@click.option("--verbose", is_flag=True, help="Show the traceback of an error.")
def main(verbose: bool) -> None:
    """Train a normalizing flow, ship it as two proved ONNX graphs, run it anywhere.

    Exit status: 0 done, 1 a check failed, 2 bad usage or bad input.
    """
