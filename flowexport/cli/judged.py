"""What ``evaluate`` judges: a bundle, or the flow of a run folder, on rows of a table or of the run itself."""

from __future__ import annotations

__all__ = ["Judged", "Rows", "open_judged"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flowexport.bundle.schema import Reference
from flowexport.column import Column
from flowexport.errors import DataError, extras_named
from flowexport.proof.bounds import LOG_PROB_ATOL, LOG_PROB_RTOL

if TYPE_CHECKING:
    from flowexport.flows import Flow
    from flowexport.runtime import Model
    from flowexport.tables import Dialect, Given

Numbers = np.ndarray
Latent = Callable[[Numbers, Numbers | None], Numbers]


@dataclass(frozen=True)
class Rows:
    """Rows, and what they are in words.

    Arguments:
        x: ``[rows, features]`` float64.
        context: ``[rows, context]``, or None.
    """

    x: Numbers
    context: Numbers | None
    words: str


@dataclass(frozen=True)
class Judged:
    """A model whose density and samples can be asked for.

    Arguments:
        name: of the model.
        features, context_features: its columns.
        event_shape: of a row.
        levels: of the pixels, where rows are images.
        log_prob: ``[rows, features]``, ``[rows, context]`` → ``[rows]`` nats.
        draw: a number of rows, contexts of as many, a seed → samples ``[rows, features]``.
        latent: rows → standard normals, if the model is true; None with ``latent_reason``.
        held_out, training: rows of the run, where it has them.
        lowest: the lowest score of the reference rows, and their number.
    """

    name: str
    features: list[str]
    context_features: list[Column]
    event_shape: tuple[int, ...]
    levels: int | None
    log_prob: Callable[[Numbers, Numbers | None], Numbers]
    draw: Callable[[int, Numbers | None, int], Numbers]
    latent: Latent | None = None
    latent_reason: str | None = None
    held_out: Rows | None = None
    training: Rows | None = None
    lowest: tuple[float, int] | None = None

    @property
    def categories(self) -> list[int]:
        """Of each column of the context; 0 for numbers."""
        return [column.codes for column in self.context_features]

    def sample(self, count: int, context: Numbers | None, seed: int) -> Numbers:
        """``[count, features]``, one for each context where there is one."""
        return self.draw(count, context, seed)

    def read(self, given: Given | Sequence[Given], dialect: Dialect) -> Rows:
        """The rows of a table, as `flowexport.tables.open_table` takes it, by this model's columns; images of whole
        numbers get uniform noise.

        Raises:
            DataError: for what is not in the table, or is no finite number or no category.
        """
        from flowexport.runtime.categories import coders_of
        from flowexport.tables import open_table

        table = open_table(given, dialect)
        chosen = table.match([*self.features, *(feature.name for feature in self.context_features)])
        coders = coders_of(self.context_features, chosen[len(self.features) :], codes=not table.named)
        blocks = []
        for block in table.blocks(chosen, coders):
            block.require_finite()
            blocks.append(block.values)
        values = np.concatenate(blocks) if blocks else np.empty((0, len(chosen)))
        if len(values) < 2:
            raise DataError(f"{table.name}: {len(values)} rows; to judge a model takes at least 2")
        x, context = values[:, : len(self.features)], values[:, len(self.features) :]
        if self.levels and (x == np.floor(x)).all():
            x = x + np.random.default_rng(0).random(x.shape)
        return Rows(x, context if self.context_features else None, f"{len(x):,} rows of {table.name}")


def open_judged(path: Path, device: str) -> Judged:
    """Opens a run folder, or a bundle by its folder or its name.

    Raises:
        BundleError, CheckpointError: for what is wrong with it.
        MissingExtra: for a run folder without PyTorch.
    """
    if (path / "config.json").is_file() and not (path / "flow.json").exists():
        return of_run(path)
    from flowexport.runtime import load

    return of_bundle(load(str(path), device))


def of_bundle(model: Model) -> Judged:
    """A bundle on ONNX Runtime; its latents need the weights beside the graphs, and PyTorch."""
    from flowexport.runtime.noise import normals

    manifest = model.manifest

    def log_prob(x: Numbers, context: Numbers | None) -> Numbers:
        return model.log_prob(x.reshape(-1, *model.event_shape), context)

    def draw(count: int, context: Numbers | None, seed: int) -> Numbers:
        z = normals(seed, 0, count * model.latent_size).reshape(count, -1)
        return model.sample_from(z, context).reshape(count, -1)

    latent, reason = None, None
    if "model.safetensors" not in manifest.files:
        reason = "needs the weights: flowexport export --weights, or a run folder"
    else:
        try:
            latent = latent_of_bundle(model)
        except ModuleNotFoundError as error:
            reason = f"needs {error.name}: pip install 'flowexport[train]'"
    reference = manifest.reference
    return Judged(
        name=manifest.name,
        features=model.features,
        context_features=model.context_features,
        event_shape=model.event_shape,
        levels=manifest.levels or None,
        log_prob=log_prob,
        draw=draw,
        latent=latent,
        latent_reason=reason,
        lowest=None if reference is None else (lowest_of(reference), reference.rows),
    )


def lowest_of(reference: Reference) -> float:
    """The lowest reference score, less what the runtime may be off by: the row that has it is not below itself."""
    lowest = reference.log_prob_quantiles[0]
    return lowest - LOG_PROB_ATOL - LOG_PROB_RTOL * abs(lowest)


def latent_of_bundle(model: Model) -> Latent:
    """What takes rows to latents, from the weights beside the graphs."""
    from flowexport.training.checkpoint import flow_of
    from flowexport.training.latent import normal_scores
    from flowexport.training.stored import decode_tensors

    folder = model.bundle.path
    stored = str(folder / "model.safetensors")
    weights = decode_tensors(model.bundle.read("model.safetensors"), stored)
    flow = flow_of(model.manifest.architecture, weights, str(folder / "flow.json"), stored)
    return lambda x, context: normal_scores(flow, x, context)


def of_run(path: Path) -> Judged:
    """The flow of a run folder in PyTorch, with the rows that it keeps."""
    with extras_named():
        import torch

        from flowexport.training import load_checkpoint
        from flowexport.training.latent import normal_scores
    from flowexport.runtime.noise import normals

    checkpoint = load_checkpoint(path)
    flow, config = checkpoint.flow, checkpoint.config
    like = next(flow.parameters())

    def tensor(array: Numbers) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(like)

    @torch.inference_mode()
    def log_prob(x: Numbers, context: Numbers | None) -> Numbers:
        rows = tensor(x).reshape(-1, *flow.event_shape)
        return in_blocks(
            lambda part: log_prob_of(flow, rows[part], None if context is None else tensor(context[part])), len(x)
        )

    @torch.inference_mode()
    def draw(count: int, context: Numbers | None, seed: int) -> Numbers:
        z = tensor(normals(seed, 0, count * flow.latent_size).reshape(count, -1))

        def samples(part: slice) -> Numbers:
            given = None if context is None else tensor(context[part])
            x = flow.inverse_and_log_det(flow.base.latent(z[part]), given)[0]
            found: Numbers = x.reshape(len(x), -1).numpy()
            return found

        return in_blocks(samples, count)

    def kept(x: torch.Tensor | None, context: torch.Tensor | None, words: str) -> Rows | None:
        if x is None:
            return None
        given = None if context is None else context.double().numpy()
        return Rows(x.reshape(len(x), -1).double().numpy(), given, f"{len(x):,} {words}")

    trained_alone = config.rows.get("held_out") == 0
    held_out = kept(checkpoint.x, checkpoint.context, "training rows" if trained_alone else "held-out rows of the run")
    lowest = None
    if held_out is not None:
        lowest = (float(log_prob(held_out.x, held_out.context).min()), len(held_out.x))
    return Judged(
        name=config.name,
        features=config.features,
        context_features=config.context_columns,
        event_shape=tuple(flow.event_shape),
        levels=flow.levels,
        log_prob=log_prob,
        draw=draw,
        latent=lambda x, context: normal_scores(flow, x, context),
        held_out=held_out,
        training=kept(checkpoint.training_x, checkpoint.training_context, "training rows of the run"),
        lowest=lowest,
    )


BLOCK_ROWS = 1024
"""Rows of a run folder's flow that are computed together: the hidden images of more take gigabytes."""


def log_prob_of(flow: Flow, x: object, context: object) -> Numbers:
    """A part's log_prob in float64."""
    found: Numbers = flow.log_prob(x, context).double().numpy()  # type: ignore[arg-type]
    return found


def in_blocks(part: Callable[[slice], Numbers], rows: int) -> Numbers:
    """The results of all blocks of rows, one after the other."""
    return np.concatenate([part(slice(start, start + BLOCK_ROWS)) for start in range(0, rows, BLOCK_ROWS)])
