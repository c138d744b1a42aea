"""Trains by a recipe into a run folder, and goes on where an earlier run stopped."""

from __future__ import annotations

__all__ = ["Outcome", "train_recipe"]

import csv
import hashlib
import io
import math
import os
import warnings
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from functools import cached_property
from html import escape
from pathlib import Path

import msgspec
import numpy as np
import torch
from safetensors.torch import save as save_tensors

from flowexport.bundle.schema import Quality
from flowexport.errors import ArgumentError, CheckpointError, DataWarning, RecipeError, TrainingError
from flowexport.files import write_file
from flowexport.flows import Flow, architecture_of
from flowexport.flows.build import FLOWS
from flowexport.flows.room import Room

from .checkpoint import FORMAT, Config, contiguous, read_json, save_checkpoint
from .compiled import require_compiler
from .curve import learning_curve
from .data import Rows, read_rows
from .discrete import held_out_with_noise
from .folder import alone, require_no_links, require_own
from .halves import half_of, open_halves, take_half
from .held import require_state
from .images import bits_per_dimension, dequantised, require_pixels
from .judged import judged
from .loop import Epoch, State, train
from .preparation import diagnosed
from .recipe import ImageFlowSpec, Recipe, load_recipe
from .stored import read_tensors

MOST_NUMBERS = 10**9
"""Weights of a flow that a recipe may ask for: with their gradients and Adam's state 16 GB."""

KEPT_ROWS = 10_000
"""Held-out rows, and as many training rows, kept in the run folder: percentiles to a tenth of a per cent."""


class Progress(msgspec.Struct, frozen=True):
    """``resume.json``: where training stands. The state itself is in ``file``.

    Arguments:
        half: True for each feature that the first coupling keeps, where the flow works on halves.
    """

    file: str
    recipe_sha256: str
    rows_sha256: str
    epoch: int
    best_epoch: int
    best_nll: float
    epochs: list[Epoch]
    half: list[bool] | None = None


@dataclass(frozen=True)
class Outcome:
    """What training came to.

    Arguments:
        folder: the run folder.
        epochs: all epochs, those of earlier runs included.
        best_epoch, best_nll: the epoch of the weights that are kept, and its held-out NLL in nats.
        interrupted: whether it was stopped from the keyboard.
        best_bits_per_dimension: the same NLL in bits a pixel and channel, where the flow is of images.
        quality: the same NLL beside that of a Gaussian on the same rows, None where it is infinite.
    """

    folder: Path
    epochs: list[Epoch]
    best_epoch: int
    best_nll: float
    interrupted: bool
    best_bits_per_dimension: float | None = None
    quality: Quality | None = None

    def __repr__(self) -> str:
        state = ", interrupted" if self.interrupted else ""
        kept = f"kept {self.best_epoch}, NLL {self.best_nll:.4f} nats"
        return f"<Outcome {str(self.folder)!r}: {len(self.epochs)} epochs, {kept}{state}>"

    def _repr_html_(self) -> str:
        """A table, for notebooks."""
        figures = [("run folder", str(self.folder)), ("epochs", str(len(self.epochs)))]
        figures += [("kept epoch", str(self.best_epoch)), ("held-out NLL, nats", f"{self.best_nll:.4f}")]
        if self.best_bits_per_dimension is not None:
            figures.append(("bits per dimension", f"{self.best_bits_per_dimension:.4f}"))
        if self.quality is not None and self.quality.gaussian_nll is not None:
            figures.append(("NLL of a Gaussian, nats", f"{self.quality.gaussian_nll:.4f}"))
        if self.interrupted:
            figures.append(("interrupted", "yes; resume goes on"))
        rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in figures)
        return f"<table>{rows}</table>"


def train_recipe(
    recipe_path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    resume: bool = False,
    on_epoch: Callable[[Epoch, int], None] | None = None,
    compile: bool = False,
) -> Outcome:
    """Trains by a recipe.

    Arguments:
        recipe_path: the TOML file; its data file is relative to it.
        folder: the run folder, which must not hold a run unless ``resume``.
        resume: go on from the last epoch, to the same numbers as an unbroken run.
        on_epoch: called after every epoch with it and the greatest number of epochs.
        compile: whether steps are compiled with `torch.compile`; needs a C++ compiler.

    Raises:
        RecipeError, DataError: for what is wrong with the recipe or its rows; nothing is written.
        CheckpointError: for a folder that holds a run already, or one of another recipe or other rows.
        ArgumentError: where there is no compiler to compile with.
        TrainingError: where the loss is no longer finite; the best weights are in the folder.

    Warns:
        DataWarning: for rows that no flow can fit well, with the cure.
    """
    recipe_path, folder = Path(recipe_path), Path(folder)
    recipe = load_recipe(recipe_path)
    if compile:
        require_compiler()
    rows = read_rows(recipe.data, recipe_path.parent)
    training, held_out = rows.split(recipe.data.validation, recipe.training.seed)
    if recipe.image_flow is None:
        training.moments()  # refuses a constant column before anything is written
    try:
        flow = new_flow(recipe, rows)
    except ArgumentError as error:
        table = "flow" if recipe.image_flow is None else "image_flow"
        raise error.told(RecipeError, file=recipe_path, key=error.within(table)) from error
    for line in diagnosed(flow, rows):
        warnings.warn(line, DataWarning, stacklevel=2)
    held_out = held_out_with_noise(flow, held_out, recipe.training.seed)
    if flow.levels is not None:
        require_pixels(str(recipe_path.parent / recipe.data.files[0]), rows.x, flow.levels)
    run = Run(folder, recipe, hashlib.sha256(recipe_path.read_bytes()).hexdigest(), rows, training, held_out, flow)
    run.require_place(resume)
    with alone(folder):
        return run.trained(resume, on_epoch, compile)


def new_flow(recipe: Recipe, rows: Rows) -> Flow:
    """The recipe's flow, with initial weights from its seed, in the type that it asks for."""
    return untyped_flow(recipe, rows).to(getattr(torch, recipe.training.dtype or "float32"))


def untyped_flow(recipe: Recipe, rows: Rows) -> Flow:
    """The same in torch's own type."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.training.seed)
        context: dict[str, object] = {
            "context": len(rows.context_columns),
            "categories": [column.codes for column in rows.context_columns],
            "embeddings": [column.embedding for column in rows.context_columns],
        }
        if recipe.image_flow is not None:
            require_size("MultiScaleRealNVP", context | msgspec.structs.asdict(recipe.image_flow))
            return new_image_flow(recipe.image_flow, rows, context)
        arguments = {"features": rows.x.shape[1]} | context | msgspec.structs.asdict(recipe.flow)
        require_size("RealNVP", arguments)
        bounds = [column.bounds for column in rows.feature_columns]
        return FLOWS["RealNVP"](bounds=bounds if set(bounds) != {(None, None)} else None, **arguments)


def require_size(flow: str, arguments: dict[str, object]) -> None:
    """Refuses an architecture whose weights no machine holds, before they take memory."""
    refusal = f"such a flow has more weights than {MOST_NUMBERS:,}, or than there is memory for"
    with torch.random.fork_rng(devices=[]), Room(MOST_NUMBERS, refusal, fill=False):
        FLOWS[flow](**arguments)


def new_image_flow(spec: ImageFlowSpec, rows: Rows, context: dict[str, object]) -> Flow:
    """A flow of images, whose pixels are the columns of the rows, in C order."""
    flow = FLOWS["MultiScaleRealNVP"](**context, **msgspec.structs.asdict(spec))
    if flow.features != rows.x.shape[1]:
        wanted = " × ".join(map(str, flow.event_shape))
        raise ArgumentError(
            f"{wanted} are {flow.features} numbers, a row of the data has {rows.x.shape[1]}", key="shape"
        )
    return flow


@dataclass(frozen=True)
class Run:
    """A run folder being written."""

    folder: Path
    recipe: Recipe
    recipe_sha256: str
    rows: Rows
    training: Rows
    held_out: Rows
    flow: Flow

    def require_place(self, resume: bool) -> None:
        """Makes the folder, or refuses one that holds a run already, or what is of none; nothing is changed then."""
        there = [name for name in ("config.json", "resume.json") if os.path.lexists(self.folder / name)]
        if there and not (resume and "resume.json" in there):
            raise CheckpointError(f"{self.folder}: holds a run already; --resume goes on with it, or name another")
        if not there:
            require_own(self.folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a name of a folder"
            raise CheckpointError(f"{self.folder}: cannot be made ({reason})") from error
        require_no_links(self.folder)

    def trained(self, resume: bool, on_epoch: Callable[[Epoch, int], None] | None, compile: bool) -> Outcome:
        """Trains into the folder, which is there and no other's."""
        state, epochs = self.resumed() if resume else self.started()
        stopped: KeyboardInterrupt | None = None
        try:
            for epoch in train(self.flow, self.training, self.held_out, self.recipe.training, state, compile):
                epochs.append(epoch)
                self.save(state, epochs)
                if on_epoch is not None:
                    on_epoch(epoch, self.recipe.training.epochs)
        except KeyboardInterrupt as signal:
            stopped = signal
        finally:
            if epochs:
                write_file(self.folder / "learning_curve.png", learning_curve(epochs, state.best_epoch))
        if not epochs:
            raise TrainingError(f"{self.folder}: stopped before the first epoch was done; nothing to keep") from stopped
        self.flow.load_state_dict(state.best)
        # The start that is kept is the Gaussian of all rows, held-out ones too: judged is that of the others.
        start = state.start if state.best_epoch == 0 and len(state.start) else None
        quality = judged(self.flow, self.training, self.held_out, self.recipe.training.seed, start)
        # Without it no epoch counts yet, and the folder must stay one that a new run can begin in.
        if (self.folder / "resume.json").exists():
            self.save_best(state, quality)
        bits = bits_of(self.flow, state.best_nll)
        return Outcome(self.folder, epochs, state.best_epoch, state.best_nll, stopped is not None, bits, quality)

    def started(self) -> tuple[State, list[Epoch]]:
        """A new run."""
        tensors = self.kept("", self.held_out if len(self.held_out) else self.training)
        if len(self.held_out):
            # For the densities beside the flow, which are to be fitted on the rows that it was trained on.
            tensors |= self.kept("training_", self.training)
        write_file(self.folder / "rows.safetensors", save_tensors(tensors))
        return State(), []

    def kept(self, prefix: str, rows: Rows) -> dict[str, torch.Tensor]:
        """Up to `KEPT_ROWS` rows, evenly from all, in the flow's type; images with the noise that judges them."""
        count = min(len(rows), KEPT_ROWS)
        rows = rows.take(np.arange(count) * len(rows) // count)
        kind = next(self.flow.parameters()).dtype
        x = torch.from_numpy(rows.x).to(kind)
        tensors = {"x": x if self.flow.levels is None else dequantised(x, self.recipe.training.seed)}
        if rows.context is not None:
            tensors["context"] = torch.from_numpy(rows.context).to(kind)
        return {f"{prefix}{name}": tensor.contiguous() for name, tensor in tensors.items()}

    def resumed(self) -> tuple[State, list[Epoch]]:
        """The state that an earlier run left, or a new run if it left none."""
        path = self.folder / "resume.json"
        if not path.exists():
            return self.started()
        progress = read_json(path, Progress)
        if progress.recipe_sha256 != self.recipe_sha256:
            raise CheckpointError(f"{self.folder}: was trained by another recipe; --resume needs the same one")
        if progress.rows_sha256 != self.rows_sha256:
            raise CheckpointError(f"{self.folder}: was trained on other rows; --resume needs the same ones")
        if Path(progress.file).name != progress.file:
            raise CheckpointError(f"{progress.file!r} leaves the folder", file=path, key="file")
        # Epoch 0 is the start, where no epoch was better.
        counted = 0 <= progress.best_epoch <= progress.epoch == len(progress.epochs) > 0
        if not counted or not math.isfinite(progress.best_nll):
            raise CheckpointError("epoch, best_epoch, best_nll: are not those of its epochs", file=path)
        tensors, _ = read_tensors(self.folder / progress.file)
        held = len(self.held_out) or len(self.training)
        require_state(tensors, self.flow, held, self.folder / progress.file)
        if open_halves(self.flow) is not None:
            try:
                take_half(self.flow, np.array(progress.half or [], dtype=bool))
            except ArgumentError as error:
                raise error.told(CheckpointError, file=path, key=error.within("half", ": ")) from error
        state = State(progress.epoch, progress.best_epoch, progress.best_nll)
        state.generator, state.start = tensors.pop("generator"), tensors.pop("start")
        state.flow = {name[5:]: t for name, t in tensors.items() if name.startswith("flow.")}
        state.optimizer = {name[10:]: t for name, t in tensors.items() if name.startswith("optimizer.")}
        state.best = {name[5:]: t for name, t in tensors.items() if name.startswith("best.")}
        state.average = {name[8:]: t for name, t in tensors.items() if name.startswith("average.")}
        self.save_best(state)
        self.remove_states_but(progress.file)
        return state, progress.epochs

    def save(self, state: State, epochs: list[Epoch]) -> None:
        """Writes the run folder after an epoch.

        ``resume.json`` makes the epoch count. The best weights come after it: a folder that holds them can then
        always be resumed, and a resumed run writes them again.
        """
        write_file(self.folder / "metrics.csv", metrics_csv(epochs, self.flow))
        tensors = {"generator": state.generator, "start": state.start}
        for group in ("flow", "optimizer", "best", "average"):
            tensors |= {f"{group}.{name}": tensor.clone() for name, tensor in getattr(state, group).items()}
        name = f"resume-{state.epoch}.safetensors"
        write_file(self.folder / name, save_tensors(contiguous(tensors)))
        progress = Progress(
            name,
            self.recipe_sha256,
            self.rows_sha256,
            state.epoch,
            state.best_epoch,
            state.best_nll,
            epochs,
            half_of(self.flow),
        )
        write_file(self.folder / "resume.json", msgspec.json.encode(progress))
        # The start counts as one, and there is no folder before the first epoch.
        if state.best_epoch in (0, state.epoch):
            self.save_best(state)
        self.remove_states_but(name)

    def remove_states_but(self, name: str) -> None:
        """Removes the states of earlier epochs."""
        for old in self.folder.glob("resume-*.safetensors"):
            if old.name != name:
                old.unlink(missing_ok=True)

    def save_best(self, state: State, quality: Quality | None = None) -> None:
        """Writes the weights that training would end with if it stopped now, and at its end how good they are."""
        config = Config(
            format=FORMAT,
            name=self.recipe.name,
            description=self.recipe.description,
            architecture=architecture_of(self.flow),
            features=[column.name for column in self.rows.feature_columns],
            context_features=[column.name for column in self.rows.context_columns],
            categories=self.categories,
            discrete={column.name: column.step for column in self.rows.feature_columns if column.step},
            recipe=msgspec.to_builtins(self.recipe),
            recipe_sha256=self.recipe_sha256,
            rows={"training": len(self.training), "held_out": len(self.held_out), "dropped": self.rows.dropped},
            best={"epoch": state.best_epoch, "nll": state.best_nll},
            quality=quality,
        )
        save_checkpoint(self.folder, state.best, config)

    @cached_property
    def rows_sha256(self) -> str:
        """Of all numbers that training reads; taken once, not once an epoch."""
        digest = hashlib.sha256()
        for array in (self.rows.x, self.rows.context, self.rows.weights):
            if array is not None:
                digest.update(np.ascontiguousarray(array).tobytes())
        if self.categories:
            digest.update(msgspec.json.encode(self.categories))
        return digest.hexdigest()

    @property
    def categories(self) -> dict[str, list[str]]:
        """Of the columns that have them, in the recipe's order, which the hash of the rows goes by."""
        known = {column.name: column.categories or [] for column in self.rows.context_columns}
        return {name: known[name] for name in self.recipe.data.categorical}


def metrics_csv(epochs: list[Epoch], flow: Flow) -> bytes:
    """A header and a line an epoch; of images also the held-out NLL in bits a pixel and channel."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header = [field.name for field in fields(Epoch)]
    lines = [[*astuple(epoch)] for epoch in epochs]
    if flow.levels is not None:
        header.append("validation_bits_per_dimension")
        for line, epoch in zip(lines, epochs, strict=True):
            line.append(bits_of(flow, epoch.validation_nll))
    writer.writerow(header)
    writer.writerows(lines)
    return text.getvalue().encode()


def bits_of(flow: Flow, nll: float) -> float | None:
    """An NLL in nats as bits a dimension, where the flow is of images."""
    return None if flow.levels is None else bits_per_dimension(nll, flow.features)
