"""Environments that are thrown away, and processes that can do no harm."""

from __future__ import annotations

__all__ = ["EnvironmentFault", "make_environment", "run_apart", "version_of"]

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from runtimes import Runtime

INSTALL_SECONDS = 900


class EnvironmentFault(Exception):
    """An environment cannot be made; the message is uv's."""


def make_environment(runtime: Runtime, folder: Path) -> Path:
    """Installs a runtime with uv into a new environment, and gives its interpreter.

    Raises:
        EnvironmentFault: where something cannot be had.
    """
    uv = [sys.executable, "-m", "uv"]
    shutil.rmtree(folder, ignore_errors=True)
    python = folder / "bin" / "python"
    steps = [[*uv, "venv", "--quiet", "--python", sys.executable, str(folder)]]
    install = [*uv, "pip", "install", "--quiet", "--python", str(python)]
    if runtime.requirements:
        steps.append([*install, *runtime.requirements])
    if runtime.bare:
        steps.append([*install, "--no-deps", *runtime.bare])
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        if done.returncode:
            raise EnvironmentFault(" ".join(done.stderr.split())[:300])
    if runtime.with_torch:
        (site,) = folder.glob("lib/python3*/site-packages")
        (site / "torch.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    return python


def version_of(python: Path, runtime: Runtime) -> str:
    """The version of the first package that was installed for a runtime."""
    package = (*runtime.requirements, *runtime.bare)[0].partition("=")[0].partition("[")[0]
    code = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
    done = subprocess.run([python, "-c", code, package], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def run_apart(python: Path, arguments: list[str], folder: Path, seconds: float) -> subprocess.CompletedProcess[str]:
    """Runs an interpreter without network, with an empty home and the environment's own programs first.

    Some packages install others or call home as soon as they are imported.

    Raises:
        subprocess.TimeoutExpired: after so many seconds.
    """
    variables = {
        "PATH": f"{python.parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "PIP_NO_INDEX": "1",
        "PIP_REQUIRE_VIRTUALENV": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(
        [*without_network(), str(python), *arguments],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
    )


@cache
def without_network() -> tuple[str, ...]:
    """The beginning of a command line that takes the network away, where the system allows it."""
    for words in (("unshare", "--net"), ("unshare", "--map-root-user", "--net")):
        if shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True).returncode == 0:
            return words
    return ()
