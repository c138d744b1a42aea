"""``flowexport doctor``."""

import click

from flowexport.errors import EXTRAS

from .options import as_json as json_option
from .options import examples

PACKAGES = {"numpy": "core", **EXTRAS}
"""Distributions, and the extra that brings each."""


@click.command("doctor", epilog=examples("doctor"))
@json_option
def command(as_json: bool) -> None:
    """Show what is installed, what runs here, and what to install.

    Exit status 1 where bundles cannot be run at all, or two ONNX Runtimes are in each other's way.
    """
    import json
    import os
    import platform

    from flowexport import __version__

    from .screen import show_table

    versions = {name: version_of(name) for name in PACKAGES}
    advice, runs = advise(versions)
    providers: list[str] = []
    cuda = "no ONNX Runtime"
    if runs:
        from flowexport.runtime.device import cuda_fault, import_onnxruntime

        onnxruntime = import_onnxruntime()
        providers = list(onnxruntime.get_available_providers())
        cuda = cuda_fault(0) or "can be had"
    off = os.environ.get("ORT_DISABLE_TELEMETRY", "0") not in ("", "0")
    telemetry = f"ONNX Runtime's is {'off' if off else 'on'} (ORT_DISABLE_TELEMETRY)"
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    if as_json:
        found = {"flowexport": __version__, "machine": machine, "packages": versions, "providers": providers}
        click.echo(json.dumps(found | {"cuda": cuda, "telemetry": telemetry, "advice": advice}, indent=2))
    else:
        rows = [("flowexport", __version__, ""), ("machine", machine, "")]
        rows += [(name, versions[name] or "–", f"[{extra}]") for name, extra in PACKAGES.items()]
        rows += [("providers", ", ".join(providers) or "–", ""), ("CUDA", cuda, ""), ("telemetry", telemetry, "")]
        show_table(("", "found", "extra"), rows)
        for line in advice:
            click.echo(line)
    if not (runs or versions["flowexport-native"]) or (versions["onnxruntime"] and versions["onnxruntime-gpu"]):
        raise SystemExit(1)


def version_of(distribution: str) -> str | None:
    """The installed version of a distribution, without importing it."""
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def advise(versions: dict[str, str | None]) -> tuple[list[str], bool]:
    """What to install or remove, and whether ONNX Runtime is one that bundles can be run in."""
    from flowexport.runtime.device import OLDEST_WORDS, too_old

    advice = []
    old = [f"{name} {versions[name]}" for name in ("onnxruntime", "onnxruntime-gpu") if too_old(versions[name] or "")]
    advice += [f"{each} is too old: {OLDEST_WORDS}" for each in old]
    both = versions["onnxruntime"] and versions["onnxruntime-gpu"]
    neither = not versions["onnxruntime"] and not versions["onnxruntime-gpu"]
    if both:
        advice.append(
            "onnxruntime and onnxruntime-gpu share one import name and overwrite each other: "
            "pip uninstall onnxruntime onnxruntime-gpu, then pip install 'flowexport[gpu]' or 'flowexport[cpu]'"
        )
    if neither:
        which = "images, float64 and exports" if versions["flowexport-native"] else "bundles"
        advice.append(f"to run {which}: pip install 'flowexport[cpu]' (or [gpu] with an NVIDIA GPU)")
    if not versions["pyarrow"]:
        advice.append("to read and write Parquet and Feather, and large CSV faster: pip install 'flowexport[data]'")
    if not all(versions[name] for name, extra in PACKAGES.items() if extra == "train"):
        advice.append("to train and export: pip install 'flowexport[train]'")
    return advice, not neither and not old
