"""A loaded bundle: log_prob and sample, numpy in and out."""

from __future__ import annotations

__all__ = ["Model", "load"]

import math
import os
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import IO, Any, TypeGuard, TypeVar

import numpy as np

from flowexport.bundle import ArchivedBundle, Bundle, known, open_archive, open_bundle, settled
from flowexport.bundle.graphs import absent
from flowexport.bundle.schema import Reference
from flowexport.errors import ArgumentError, BundleError
from flowexport.tables import frame_like, frame_of

from .arguments import Arguments, Draw, leading_of
from .blocks import Workers
from .calibration import DRAWS, Calibration
from .categories import framed
from .engine import Engine, OpenGraph, Tensor
from .engines import candidates_of, open_engine
from .noise import normals
from .overflow import settle
from .reference import threshold_of
from .tensors import off_host

T = TypeVar("T")

SHOWN = 12
"""Features that a `repr` names."""

CHUNK_ROWS = 65_536
"""Rows of a chunk of `Model.iterate_samples`."""


def load(
    path: str | os.PathLike[str] | bytes | IO[bytes],
    device: str = "auto",
    threads: int | None = None,
    tf32: bool = False,
    digest: str | None = None,
    engine: str = "auto",
) -> Model:
    """Opens a bundle for use.

    Arguments:
        path: its folder, or the name of a zoo model where there is no such folder; or a zip of it: its path, its
            bytes, or a file that is open for reading and can seek.
        device: ``auto`` (CUDA where it can be had, else the CPU; ``model.device`` says which it took),
            ``cpu``, ``cuda`` or ``cuda:N``.
        threads: over blocks of rows; None takes as many as the process may run on.
        tf32: whether a GPU may keep 10 bits of the operands of its products: faster, and too few for densities.
        digest: the bundle's, as `flowexport inspect` shows it; any other bundle is refused.
        engine: ``auto``, or ``onnxruntime``; ``model.engine`` says which it took, and why.

    Raises:
        BundleError: for a bundle that breaks the contract, naming file and key.
        DeviceError, EngineError: for a device or an engine that was asked for by name and cannot be had.
    """
    candidates_of(engine, device)  # a wrong name is said before anything is read

    def opened(bundle: Bundle) -> Model:
        return Model(bundle, open_engine(bundle, engine, device, tf32), threads)

    if isinstance(path, str | os.PathLike) and not Path(path).is_file():
        return settled(path, opened, digest)
    return opened(open_archive(path, digest))


def load_same(
    given: str | ArchivedBundle, sha256: str, engine: str, device: str, threads: int | None, tf32: bool
) -> Model:
    """Opens a bundle again, and no other, as it was open: what a pickled model becomes.

    Raises:
        BundleError: where another bundle stands at its path by now.
    """
    bundle = given if isinstance(given, ArchivedBundle) else open_bundle(given)
    if bundle.sha256 != sha256:
        raise BundleError(f"{given}: another bundle than that which was pickled; load it by its path")
    return Model(bundle, open_engine(bundle, engine, device, tf32), threads)


class Held(dict[str, OpenGraph]):
    """A bundle's open graphs by name; one that it does not hold is told in a line.

    Arguments:
        graphs: of an engine.
        where: the path of ``flow.json``.
    """

    def __init__(self, graphs: Mapping[str, OpenGraph], where: str) -> None:
        super().__init__(graphs)
        self.where = where

    def __missing__(self, name: str) -> OpenGraph:
        raise absent(name, self, self.where)


class Model:
    """A density that can be evaluated and sampled.

    It may be used from several threads at once, and in a forked child if it runs on the CPU.

    Arguments:
        bundle: from `open_bundle`.
        engine: that has its graphs open, from `open_engine`.
        threads: over blocks of rows.
    """

    def __init__(self, bundle: Bundle, engine: Engine, threads: int | None = None) -> None:
        manifest = bundle.manifest
        self.bundle = bundle
        # The working folder may be another when the model is pickled.
        self._path = os.path.abspath(bundle.path)
        self.manifest = manifest
        self.engine = engine
        self.graphs = Held(engine.graphs, str(bundle.path / "flow.json"))
        self._densities = {kind.name for kind in known(engine.graphs) if kind.unit == "nats"}
        self.device = engine.device
        self.dtype = np.dtype(manifest.dtype)
        self.event_shape = tuple(manifest.event_shape)
        self.workers = Workers(engine.most_threads or threads, engine.block_rows)
        self.latent_size = manifest.latent_size
        self.context_size = manifest.context_size
        self.features = [column.name for column in manifest.feature_columns]
        self.context_features = manifest.context_columns
        self._arguments = Arguments(self.context_features)
        # None and not a method of its own, which would keep it, with its sessions, until a collection of cycles.
        self._score = engine.quick.score

    def log_prob(self, x: object, context: object = None) -> np.ndarray:
        """The log-density of rows, in nats, in the data's own units.

        It is −inf outside the bounds of a bounded feature, and for numbers too large for the graph's type: only a row
        that holds a NaN has one of NaN.

        Arguments:
            x: ``[*, *event]``, any number of leading axes, none included; a tensor of torch or cupy on the model's GPU
                is read there. Or a table with names, a frame of pandas, polars or pyarrow for instance: its columns
                are taken by name, and others passed over.
            context: ``[context]`` for all rows, or ``[*, context]`` with the leading shape of ``x``; or whatever
                `context` makes one of. Where ``x`` has names, and there is none, columns of ``x``.

        Returns:
            ``[*]``, float32 (float64 for a bundle of that type); a tensor on the GPU where x is one.

        Raises:
            InputError: for a shape or type that does not fit, a column that is not there, a value that is missing or
                masked, or a context that is missing or unasked for.
        """
        scores = (self._score or self._score_block)(x, context)
        if scores is not None:
            return scores
        if off_host(x):
            tensor: np.ndarray = self._tensor("log_prob", "x", x, self.event_shape, context)
            return tensor
        frame = frame_of(x)
        if frame is not None:
            if context is None and self.context_size:
                context = framed(self.context_features, frame)
            x = frame.numbers("x", self.features)
            x = x.reshape(*x.shape[:-1], *self.event_shape)
        return self._array("log_prob", "x", x, self.event_shape, context)

    def score_frame(self, frame: T, context: object = None) -> T:
        """The scores of a frame, as a frame of the same library with the same index.

        Arguments:
            frame: of pandas, polars, pyarrow or another library that narwhals knows.
            context: as for `log_prob`; by default columns of the frame, where the model has a context.

        Returns:
            Columns ``log_prob``, nats, and, where the bundle has reference rows, ``percentile``.

        Raises:
            InputError: for what is no frame, and as `log_prob` does.
        """
        log_prob = self.log_prob(frame, context)
        percentile = {} if self.manifest.reference is None else {"percentile": self.percentile(log_prob)}
        return frame_like(frame, {"log_prob": log_prob} | percentile)

    def context(self, given: object) -> np.ndarray:
        """The numbers of a context that may hold the names of categories.

        Arguments:
            given: ``[context]`` or ``[*, context]`` of numbers, with the code of a category for its name; the same
                with names; a mapping of column to value or values: ``{"cut": "ideal", "angle": 0.3}``; a list of
                such mappings; or a frame, by name, in whose columns of categories are names.

        Returns:
            ``[context]`` or ``[*, context]``: what the graphs take.

        Raises:
            InputError: for what does not fit; ``unknown_category`` for a name or a code that is none, naming the
                column.
        """
        return self._arguments.context(given)

    def sample(self, n: int, context: object = None, seed: int | None = None, temperature: float = 1.0) -> np.ndarray:
        """Draws samples, the same for the same seed in every language.

        Arguments:
            n: how many, for each context.
            context: ``[context]``, or ``[m, context]`` for m · n rows, context-major; or whatever `context` makes
                one of.
            seed: an unsigned 64-bit integer; None draws one from the system.
            temperature: multiplies the latent noise.

        Returns:
            ``[n, *event]``, or ``[m · n, *event]``.

        Raises:
            ArgumentError, InputError: for an argument that cannot be.
        """
        draw = self._arguments.draw(n, context, seed, temperature)
        return self._sample_rows(draw, 0, draw.rows)

    def sample_and_log_prob(
        self, n: int, context: object = None, seed: int | None = None, temperature: float = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Samples as `sample` draws them, and the model's log-density of each, in nats.

        The density is the model's own, whatever the temperature.
        """
        draw = self._arguments.draw(n, context, seed, temperature)
        x = self._sample_rows(draw, 0, draw.rows)
        contexts = None if draw.contexts is None else np.repeat(draw.contexts, draw.n, axis=0)
        return x, self._rows("log_prob", x, contexts)

    def sample_from(self, z: object, context: object = None) -> np.ndarray:
        """The deterministic map from latents to data.

        Arguments:
            z: ``[*, latent]``; a tensor on the model's GPU is read there, as by `log_prob`.
            context: ``[context]`` for all rows, or ``[*, context]``.

        Returns:
            ``[*, *event]``; a tensor on the GPU where z is one.
        """
        if context is None and self._is_block(z, (self.latent_size,)):
            return self.graphs["sample"].run(z)
        if off_host(z):
            tensor: np.ndarray = self._tensor("sample", "z", z, (self.latent_size,), context)
            return tensor
        return self._array("sample", "z", z, (self.latent_size,), context)

    def require(self, graph: str) -> None:
        """Holds the bundle to hold a graph, before work is begun that will need it.

        Raises:
            BundleError: where it does not, saying what it cannot do.
        """
        self.graphs[graph]

    def run(self, graph: str, rows: object, context: object = None) -> np.ndarray:
        """A graph of the bundle, by its name in flow.json: log_prob as `log_prob`, sample as `sample_from`.

        Arguments:
            graph: its name.
            rows: of its first input, ``[*, …]``.
            context: as for `log_prob`.

        Returns:
            ``[*, …]``, a row of its output for each.

        Raises:
            BundleError: where the bundle holds no such graph.
            InputError: as `log_prob`.
        """
        if graph in ("log_prob", "sample"):
            return self.log_prob(rows, context) if graph == "log_prob" else self.sample_from(rows, context)
        first, row = next(iter(self.graphs[graph].signature.inputs.items()))
        if off_host(rows):
            tensor: np.ndarray = self._tensor(graph, first, rows, row, context)
            return tensor
        return self._array(graph, first, rows, row, context)

    def iterate_samples(
        self,
        n: int,
        context: object = None,
        seed: int | None = None,
        temperature: float = 1.0,
        rows: range | None = None,
    ) -> Iterator[np.ndarray]:
        """The rows of `sample`, a chunk at a time, for more of them than memory holds.

        Arguments:
            n, context, seed, temperature: as `sample` takes them.
            rows: which of them, one after the other; None for all. The last bits are those of the whole draw where
                the first is a multiple of 65,536.
        """
        draw = self._arguments.draw(n, context, seed, temperature)
        wanted = range(draw.rows) if rows is None else rows
        if wanted.step != 1 or not (0 <= wanted.start <= wanted.stop <= draw.rows):
            raise ArgumentError(f"expected a part of range({draw.rows}), got {rows}", key="rows")
        for start in range(wanted.start, wanted.stop, CHUNK_ROWS):
            yield self._sample_rows(draw, start, min(start + CHUNK_ROWS, wanted.stop))

    def percentile(self, log_prob: np.ndarray) -> np.ndarray:
        """Where scores stand among those of the reference rows, 0 to 100.

        Below the lowest of them it is 0, and above the highest 100: log_prob itself goes on ranking rows there. Where
        the model has a context, reference rows of all contexts are mixed; `calibration` tells them apart.

        Raises:
            BundleError: where the bundle has no reference.
        """
        quantiles = self._reference("percentiles").log_prob_quantiles
        percentile: np.ndarray = np.interp(np.asarray(log_prob, np.float64), quantiles, np.arange(101.0))
        return percentile

    def threshold(self, fraction: float) -> float:
        """The log_prob, in nats, below which a share of the reference rows lies, for instance 0.01 of them.

        Raises:
            BundleError: where the bundle has no reference.
            ArgumentError: for a fraction that is finer than the reference rows can tell.
        """
        return threshold_of(self._reference("thresholds"), fraction)

    def calibration(self, draws: int = DRAWS, seed: int = 0) -> Calibration:
        """Percentiles among samples of each row's own context, in place of reference rows of all contexts.

        Arguments:
            draws: samples of each context.
            seed: of their noise.
        """
        return Calibration(self, draws, seed)

    def _reference(self, wanted: str) -> Reference:
        """The scores of the reference rows, or why there are none."""
        reference = self.manifest.reference
        if reference is None:
            raise BundleError(
                f"is null, so there are no {wanted}", file=self.bundle.path / "flow.json", key="reference"
            )
        return reference

    def _score_block(self, x: object, context: object) -> np.ndarray | None:
        """`log_prob` of one block of rows that are just as the graph takes them; None for anything else."""
        if context is not None or not self._is_block(x, self.event_shape):
            return None
        out = self.graphs["log_prob"].run(x)
        # A row alone is looked at without a call of numpy, which would be a tenth of what all this costs.
        if len(out) > 1 or not out.item() < math.inf:
            settle(out, [x])
        return out

    def _is_block(self, rows: object, row: tuple[int, ...]) -> TypeGuard[np.ndarray]:
        """Whether rows are as a graph takes them, and no more than one run: the checks of other calls cost a fifth."""
        return (
            type(rows) is np.ndarray
            and rows.dtype == self.dtype
            and rows.shape[1:] == row
            and 0 < len(rows) <= self.workers.block_rows
            and not self.context_size
        )

    def _sample_rows(self, draw: Draw, first: int, last: int) -> np.ndarray:
        """Rows ``first`` … ``last − 1`` of a sampling."""
        # The last column of a mixture chooses the component; it has no temperature.
        warm = self.latent_size - (self.manifest.selector is True)
        quick = self.engine.quick.draw if draw.contexts is None else None
        if quick is not None and last - first <= self.workers.block_rows:
            return quick(draw.seed, first, last - first, draw.temperature, warm)
        out = np.empty((last - first, *self.event_shape), self.dtype)
        temperature = np.float32(draw.temperature)

        def work(start: int, stop: int) -> None:
            row = first + start
            if quick is not None:
                out[start:stop] = quick(draw.seed, row, stop - start, draw.temperature, warm)
                return
            z = normals(draw.seed, row * self.latent_size, (stop - start) * self.latent_size)
            z = z.reshape(-1, self.latent_size)
            if temperature != 1:
                z[:, :warm] *= temperature
            self.graphs["sample"].run_into([z, *draw.contexts_of(row, first + stop)], out[start:stop])

        self.workers.over_blocks(last - first, work)
        return out

    def _array(self, graph: str, name: str, given: object, row: tuple[int, ...], context: object) -> np.ndarray:
        """Runs a graph on whatever can be made an array ``[*, *row]``."""
        array = self._arguments.rows(name, given, row)
        leading = leading_of(array.shape, row)
        out = self._rows(graph, array.reshape(-1, *row), self._arguments.context_of(context, leading))
        return out.reshape((*leading, *out.shape[1:]))

    def _rows(self, graph: str, rows: np.ndarray, context: np.ndarray | None) -> np.ndarray:
        """Runs a graph over all rows of any type of number, block by block."""
        running = self.graphs[graph]
        contexts = [] if context is None else [np.broadcast_to(context, (len(rows), self.context_size))]
        out = np.empty((len(rows), *running.signature.row), self.dtype)

        def work(start: int, stop: int) -> None:
            # One context for all rows is repeated a block at a time.
            inputs = [each[start:stop] for each in (rows, *contexts)]
            with np.errstate(over="ignore", invalid="ignore"):
                running.run_into(inputs, out[start:stop])
                if graph in self._densities:
                    settle(out[start:stop], inputs)

        self.workers.over_blocks(len(rows), work)
        return out

    def _tensor(self, graph: str, name: str, given: Tensor, row: tuple[int, ...], context: object) -> Any:
        """Runs a graph on a tensor ``[*, *row]`` where it lies, into a tensor there."""
        tensors = self.engine.tensors(given)
        leading = leading_of(given.shape, row)
        inputs = [tensors.rows(name, given, row, self.dtype)]
        if off_host(context) and not any(feature.categories for feature in self.context_features):
            self._arguments.has_context(context)
            context = tensors.spread(context, (*leading, self.context_size))
            inputs.append(tensors.rows("context", context, (self.context_size,), self.dtype))
        elif (contexts := self._arguments.context_of(context, leading)) is not None:
            of_rows = np.broadcast_to(contexts, (len(inputs[0]), self.context_size))
            inputs.append(tensors.moved(np.ascontiguousarray(of_rows, self.dtype)))
        out = tensors.run(graph, inputs)
        if graph in self._densities:
            settle(out, inputs)
        return out.reshape((*leading, *out.shape[1:]))

    def __reduce__(self) -> tuple[object, ...]:
        given = self.bundle if isinstance(self.bundle, ArchivedBundle) else self._path
        running = self.engine.name, str(self.device), self.workers.asked, self.device.tf32
        return load_same, (given, self.bundle.sha256, *running)

    def __copy__(self) -> Model:
        return self  # nothing of a model changes

    def __deepcopy__(self, memo: dict[int, object]) -> Model:
        return self

    def __repr__(self) -> str:
        features = f"features={self.features}" if len(self.features) <= SHOWN else f"event_shape={self.event_shape}"
        context = f", context={[each.name for each in self.context_features]}" if self.context_size else ""
        return f"Model({self.manifest.name!r}, {features}{context}, device={str(self.device)!r})"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        reference = self.manifest.reference
        shown = self.features[:SHOWN] + ["…"] * (len(self.features) > SHOWN)
        rows = {
            "features": ", ".join(shown),
            "context": ", ".join(each.name for each in self.context_features) or "none",
            "log_prob of reference rows, nats": "none"
            if reference is None
            else "1 %, 50 %, 99 %: " + ", ".join(f"{reference.log_prob_quantiles[at]:.4g}" for at in (1, 50, 99)),
            "device": str(self.device),
        }
        body = "".join(f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
        return f"<table><caption>{escape(self.manifest.name)}</caption>{body}</table>"
