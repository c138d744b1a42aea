"""``--engine`` of score and sample: what runs the graphs in this process, or that many on a cluster of Ray do."""

from __future__ import annotations

__all__ = ["Cluster", "engine", "everywhere", "require_for_ray"]

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path

import click


@dataclass(frozen=True)
class Cluster:
    """Where a job runs.

    Arguments:
        address: of a cluster that runs, or None for processes of this machine.
        workers: how many of those; None for all processors.
        resume: whether a job that was begun is taken up.
    """

    address: str | None
    workers: int | None
    resume: bool


def engine(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a verb ``engine``, and ``cluster``, None for this process alone, by four options."""
    for option in (
        click.option("--resume", is_flag=True, help="With --engine ray: take up the job that was begun in -o."),
        click.option("--workers", type=click.IntRange(1, 10_000), help="With --engine ray: processes.  [default: all]"),
        click.option("--address", metavar="HOST:PORT", help="Of a Ray cluster that runs.  [default: this machine]"),
        click.option(
            "--engine",
            default="auto",
            show_default=True,
            metavar="ENGINE",
            help="auto, or an engine by name; ray: many processes, on one machine or more, which write into a folder.",
        ),
    ):
        command = option(command)

    @wraps(command)
    def taking(*, engine: str, address: str | None, workers: int | None, resume: bool, **others: object) -> None:
        given = {"--address": address, "--workers": workers, "--resume": resume}
        for name, value in given.items():
            if value and engine != "ray":
                raise click.UsageError(f"{name} belongs to --engine ray")
        if address and workers:
            raise click.UsageError("--workers are of this machine; those of a cluster at --address are its own")
        cluster = Cluster(address, workers, resume) if engine == "ray" else None
        # What this process runs beside Ray, and what was called local before there were engines, is any.
        command(engine="auto" if engine in ("ray", "local") else engine, cluster=cluster, **others)

    return taking


def everywhere(bundle: str) -> str:
    """A bundle as processes with other working folders find it: by its absolute path, or its name in the zoo."""
    return os.path.abspath(bundle) if Path(bundle).exists() else bundle


def require_for_ray(output: Path | None, device: str, **others: object) -> Path:
    """The folder of a job, where no option was given that Ray has no use for.

    Arguments:
        output: ``-o``.
        device: ``--device``.
        others: values of options by their names.

    Raises:
        UsageError: naming the option.
    """
    for name, value in others.items():
        if value:
            raise click.UsageError(f"--{name.replace('_', '-')} does not go with --engine ray")
    if device not in ("auto", "cpu"):
        raise click.UsageError(f"--device {device} does not go with --engine ray, which runs on processors")
    if output is None:
        raise click.UsageError("--engine ray needs -o, a folder to write to")
    return output
