"""What can be measured: a bundle on an engine, or the trained flow of a run folder in PyTorch."""

from __future__ import annotations

__all__ = ["Rows", "Subject", "bundle_subject", "rows_of", "subject_of", "torch_subject"]

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from flowexport.bundle import Bundle, known, open_bundle
from flowexport.errors import ArgumentError, BundleError
from flowexport.runtime import load, normals

SEED = 0
"""Of the samples that are drawn; which ones they are does not change the time."""

RUN_FILES = ("config.json", "model.safetensors")
"""Files of a run folder by which it can be named."""


@dataclass(frozen=True)
class Rows:
    """Inputs of a measurement.

    Arguments:
        x: ``[rows, *event]``; of a bundle that takes none, its noise.
        context: ``[rows, context]``, or None for a model without one.
    """

    x: np.ndarray
    context: np.ndarray | None


@dataclass(frozen=True)
class Subject:
    """Something with a log_prob and a sample, numpy in and numpy out.

    Arguments:
        name: of the model.
        runs_on: ``PyTorch``, or the title of an engine.
        device: that it runs on.
        event_shape, context_size: of the model.
        verbs: what can be asked of it.
        calls: rows and a number of threads → verb → the call to time.
    """

    name: str
    runs_on: str
    device: str
    event_shape: tuple[int, ...]
    context_size: int
    verbs: tuple[str, ...]
    calls: Callable[[Rows, int], dict[str, Callable[[], object]]]


def subject_of(path: str | os.PathLike[str], device: str, engine: str = "auto") -> Subject:
    """Opens a bundle, or a run folder, also by one of its files.

    Raises:
        ArgumentError: where it is neither.
        BundleError, CheckpointError: for what is wrong with it.
        DeviceError, EngineError: where the device or the engine cannot be had.
        MissingExtra: where a run folder is given and PyTorch is not installed.
    """
    folder = Path(path)
    if folder.is_file():
        if folder.name not in RUN_FILES:
            raise ArgumentError(
                f"expected a bundle's folder, the name of a zoo model, or a run folder "
                f"(also by its {' or '.join(RUN_FILES)}); export --from makes a bundle of other files",
                file=folder,
            )
        folder = folder.parent
    if (folder / "config.json").is_file() and not (folder / "flow.json").exists():
        return torch_subject(folder, device)
    return bundle_subject(open_bundle(path), device, engine)


def bundle_subject(bundle: Bundle, device: str, engine: str = "auto") -> Subject:
    """A bundle on an engine, by `Model.log_prob` and `Model.sample`, noise included."""

    def calls(rows: Rows, threads: int) -> dict[str, Callable[[], object]]:
        model = load(bundle.path, device, threads, engine=engine)
        x, context = rows.x.astype(model.dtype), rows.context
        of_all = None if context is None else context[0]
        z = normals(SEED, 0, len(x) * model.latent_size).reshape(len(x), -1).astype(model.dtype)
        by_name: dict[str, Callable[[], object]] = {
            kind.name: partial(model.run, kind.name, z if kind.takes == "latent" else x, context)
            for kind in known(model.graphs)
        }
        own: dict[str, Callable[[], object]] = {
            "log_prob": lambda: model.log_prob(x, context),
            "sample": lambda: model.sample(len(x), of_all, seed=SEED),
        }
        return by_name | {name: call for name, call in own.items() if name in by_name}

    model = load(bundle.path, device, 1, engine=engine)
    name, shape = bundle.manifest.name, tuple(bundle.manifest.event_shape)
    context_size, verbs = bundle.manifest.context_size, tuple(model.graphs)
    return Subject(name, model.engine.title, str(model.device), shape, context_size, verbs, calls)


def torch_subject(folder: Path, device: str) -> Subject:
    """The trained flow of a run folder in PyTorch, without gradients."""
    from flowexport.errors import extras_named
    from flowexport.runtime.device import resolve

    with extras_named():
        import torch

        from flowexport.training import load_checkpoint

    checkpoint, found = load_checkpoint(folder), resolve(device)
    where = torch.device(str(found))
    flow = checkpoint.flow.to(where).requires_grad_(False)
    dtype = next((each.dtype for each in flow.state_dict().values() if each.is_floating_point()), torch.float32)

    def calls(rows: Rows, threads: int) -> dict[str, Callable[[], object]]:
        x, context = (None if each is None else torch.from_numpy(each).to(dtype) for each in (rows.x, rows.context))
        assert x is not None

        # From the processor's memory and back, as a bundle is called.
        @torch.inference_mode()
        def log_prob() -> np.ndarray:
            given = None if context is None else context.to(where)
            result: np.ndarray = flow.log_prob(x.to(where), given).cpu().numpy()
            return result

        @torch.inference_mode()
        def sample() -> np.ndarray:
            given = None if context is None else context[0].to(where)
            result: np.ndarray = flow(given).sample((len(x),)).cpu().numpy()
            return result

        return {"log_prob": log_prob, "sample": sample}

    name, shape = checkpoint.config.name, tuple(flow.event_shape)
    return Subject(name, "PyTorch", str(found), shape, flow.context, ("log_prob", "sample"), calls)


def rows_of(bundle: Bundle, count: int) -> Rows:
    """The data rows of a bundle's golden cases, over and over, up to a number.

    Raises:
        BundleError: where it has no golden cases.
    """
    first = known(bundle.manifest.graphs)[0]
    cases = [each for each in bundle.manifest.golden.cases if each.graph == first.name and each.rows and each.expected]
    # The first of its size: data comes before the tails, which no one measures by.
    case = max(cases, key=lambda each: each.rows[1] - each.rows[0] if each.rows else 0, default=None)
    if case is None or case.rows is None:
        where = bundle.path / "flow.json"
        raise BundleError(f"has no case of {first.name}, so there are no rows to use", file=where, key="golden")
    inputs = {name: repeated(bundle.array(file)[slice(*case.rows)], count) for name, file in case.inputs.items()}
    return Rows(inputs[first.first], inputs.get("context"))


def repeated(array: np.ndarray, count: int) -> np.ndarray:
    """``[rows, …]`` → ``[count, …]``, from the beginning again and again."""
    return np.resize(array, (count, *array.shape[1:]))
