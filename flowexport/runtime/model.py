"""A loaded bundle: log_prob and sample, numpy in and out."""

from __future__ import annotations

__all__ = ["Model", "load"]

import math
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from numbers import Real
from pathlib import Path
from typing import IO, Any

import numpy as np

from flowexport.bundle import ArchivedBundle, Bundle, open_archive, open_bundle, settled
from flowexport.bundle.schema import ContextFeature, Reference
from flowexport.errors import ArgumentError, BundleError, InputError
from flowexport.tables import as_numbers, frame_like, frame_of

from .blocks import Workers, fit_apart, rows_a_block, widest
from .calibration import DRAWS, Calibration
from .categories import context_array, framed, require_codes
from .cuda import CudaGraph, Tensors, on_gpu
from .device import Device, resolve
from .graph import Graph, Signature
from .noise import normals
from .overflow import MOST_TEMPERATURE, settle
from .reference import threshold_of

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

    Raises:
        BundleError: for a bundle that breaks the contract, naming file and key.
        DeviceError: for a device that was asked for by name and cannot be had.
    """
    resolved = resolve(device, tf32)
    if isinstance(path, str | os.PathLike) and not Path(path).is_file():
        return settled(path, lambda bundle: Model(bundle, resolved, threads), digest)
    return Model(open_archive(path, digest), resolved, threads)


def load_same(path: str, sha256: str, device: str, threads: int | None, tf32: bool) -> Model:
    """Opens a bundle again, and no other: what a pickled model becomes.

    Raises:
        BundleError: where another bundle stands at its path by now.
    """
    bundle = open_bundle(path)
    if bundle.sha256 != sha256:
        raise BundleError(f"{path}: another bundle than that which was pickled; load it by its path")
    return Model(bundle, resolve(device, tf32), threads)


class Model:
    """A density that can be evaluated and sampled.

    It may be used from several threads at once, and in a forked child if it runs on the CPU.

    Arguments:
        bundle: from `open_bundle`.
        device: from `resolve`.
        threads: over blocks of rows.
    """

    def __init__(self, bundle: Bundle, device: Device, threads: int | None = None) -> None:
        manifest = bundle.manifest
        self.bundle = bundle
        # The working folder may be another when the model is pickled.
        self._path = os.path.abspath(bundle.path)
        self.manifest = manifest
        self.device = device
        self.dtype = np.dtype(manifest.dtype)
        self.event_shape = tuple(manifest.event_shape)
        # One thread feeds a GPU.
        block_rows = rows_a_block(self.event_shape, device.kind, widest(manifest.architecture))
        self.workers = Workers(threads if device.kind == "cpu" else 1, block_rows)
        self.latent_size = manifest.latent_size
        self.context_size = manifest.context_size
        self.features = manifest.features or [f"x{column}" for column in range(math.prod(self.event_shape))]
        self.context_features = manifest.context_features or [
            ContextFeature(f"c{column}") for column in range(manifest.context_size)
        ]
        context = {"context": (self.context_size,)} if self.context_size else {}
        self.graphs: dict[str, Graph] = {
            name: self._open(name, Signature({first: row} | context, output, of_output, self.dtype))
            for name, first, row, output, of_output in (
                ("log_prob", "x", self.event_shape, "log_prob", ()),
                ("sample", "z", (self.latent_size,), "x", self.event_shape),
            )
        }

    def log_prob(self, x: Any, context: Any = None) -> np.ndarray:
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
        if context is None and self._is_block(x, self.event_shape):
            out = self.graphs["log_prob"].run(x)
            # A row alone is looked at without a call of numpy, which would be a tenth of what all this costs.
            if len(out) > 1 or not out.item() < math.inf:
                settle(out, [x])
            return out
        if on_gpu(x):
            tensor: np.ndarray = self._on_gpu("log_prob", "x", x, self.event_shape, context)
            return tensor
        frame = frame_of(x)
        if frame is not None:
            if context is None and self.context_size:
                context = framed(self.context_features, frame)
            x = frame.numbers("x", self.features)
            x = x.reshape(*x.shape[:-1], *self.event_shape)
        x = self._array("x", x, self.event_shape)
        leading = x.shape[: x.ndim - len(self.event_shape)]
        rows = x.reshape(-1, *self.event_shape)
        out = np.empty(len(rows), self.dtype)
        return self._rows("log_prob", rows, self._context(context, leading), out).reshape(leading)

    def score_frame(self, frame: Any, context: Any = None) -> Any:
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

    def context(self, given: Any) -> np.ndarray:
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
        if not self._has_context(given):
            raise InputError("wrong_shape", "context: this model takes none")
        context = self._array("context", context_array(self.context_features, given), (self.context_size,))
        require_codes(self.context_features, context)
        return context

    def sample(self, n: int, context: Any = None, seed: int | None = None, temperature: float = 1.0) -> np.ndarray:
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
        draw = self._draw(n, context, seed, temperature)
        return self._sample_rows(draw, 0, draw.rows)

    def sample_and_log_prob(
        self, n: int, context: Any = None, seed: int | None = None, temperature: float = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Samples as `sample` draws them, and the model's log-density of each, in nats.

        The density is the model's own, whatever the temperature.
        """
        x = self.sample(n, context, seed, temperature)
        if context is not None:
            given = self.context(context)
            context = given if given.ndim == 1 else np.repeat(given, n, axis=0)
        return x, self.log_prob(x, context)

    def sample_from(self, z: Any, context: Any = None) -> np.ndarray:
        """The deterministic map from latents to data.

        Arguments:
            z: ``[*, latent]``; a tensor on the model's GPU is read there, as by `log_prob`.
            context: ``[context]`` for all rows, or ``[*, context]``.

        Returns:
            ``[*, *event]``; a tensor on the GPU where z is one.
        """
        if context is None and self._is_block(z, (self.latent_size,)):
            return self.graphs["sample"].run(z)
        if on_gpu(z):
            tensor: np.ndarray = self._on_gpu("sample", "z", z, (self.latent_size,), context)
            return tensor
        z = self._array("z", z, (self.latent_size,))
        leading = z.shape[:-1]
        rows = z.reshape(-1, self.latent_size)
        out = np.empty((len(rows), *self.event_shape), self.dtype)
        self._rows("sample", rows, self._context(context, leading), out)
        return out.reshape(*leading, *self.event_shape)

    def iterate_samples(
        self,
        n: int,
        context: Any = None,
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
        draw = self._draw(n, context, seed, temperature)
        wanted = range(draw.rows) if rows is None else rows
        if wanted.step != 1 or not (0 <= wanted.start <= wanted.stop <= draw.rows):
            raise ArgumentError(f"rows: expected a part of range({draw.rows}), got {rows}")
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
            raise BundleError(f"{self.bundle.path / 'flow.json'}: reference: is null, so there are no {wanted}")
        return reference

    def _is_block(self, rows: Any, row: tuple[int, ...]) -> bool:
        """Whether rows are as a graph takes them, and no more than one run: the checks of other calls cost a fifth."""
        return (
            type(rows) is np.ndarray
            and rows.dtype == self.dtype
            and rows.shape[1:] == row
            and 0 < len(rows) <= self.workers.block_rows
            and not self.context_size
        )

    def _draw(self, n: int, context: Any, seed: int | None, temperature: float) -> _Draw:
        """The checked arguments of a sampling."""
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
            raise ArgumentError(f"n: expected a whole number from 0, got {n!r}")
        if not (isinstance(temperature, Real) and 0 <= temperature <= MOST_TEMPERATURE):
            raise ArgumentError(f"temperature: expected a number from 0 to {MOST_TEMPERATURE:g}, got {temperature!r}")
        if seed is None:
            seed = secrets.randbits(64)
        elif isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
            raise ArgumentError(f"seed: expected a whole number from 0 to 2**64 - 1, got {seed!r}")
        contexts = None
        if self._has_context(context):
            contexts = self.context(context)
            if contexts.ndim > 2:
                raise InputError("wrong_shape", f"context: expected [context] or [m, context], got {contexts.shape}")
            contexts = contexts.reshape(-1, self.context_size)
        return _Draw(int(n), contexts, int(seed), temperature)

    def _sample_rows(self, draw: _Draw, first: int, last: int) -> np.ndarray:
        """Rows ``first`` … ``last − 1`` of a sampling."""
        out = np.empty((last - first, *self.event_shape), self.dtype)
        temperature = np.float32(draw.temperature)

        def work(start: int, stop: int) -> None:
            row = first + start
            z = normals(draw.seed, row * self.latent_size, (stop - start) * self.latent_size)
            z = z.reshape(-1, self.latent_size)
            if temperature != 1:
                # The last column of a mixture chooses the component; it has no temperature.
                z[:, : self.latent_size - (self.manifest.selector is True)] *= temperature
            contexts = [] if draw.contexts is None else [draw.contexts[np.arange(row, first + stop) // draw.n]]
            self.graphs["sample"].run_into([z, *contexts], out[start:stop])

        self.workers.over_blocks(last - first, work)
        return out

    def _rows(self, graph: str, rows: np.ndarray, context: np.ndarray | None, out: np.ndarray) -> np.ndarray:
        """Runs a graph over all rows of any type of number, block by block, into ``out``."""
        contexts = [] if context is None else [np.broadcast_to(context, (len(rows), self.context_size))]

        def work(start: int, stop: int) -> None:
            # One context for all rows is repeated a block at a time.
            inputs = [each[start:stop] for each in (rows, *contexts)]
            with np.errstate(over="ignore", invalid="ignore"):
                self.graphs[graph].run_into(inputs, out[start:stop])
                if graph == "log_prob":
                    settle(out[start:stop], inputs)

        self.workers.over_blocks(len(rows), work)
        return out

    def _open(self, name: str, signature: Signature) -> Graph:
        """One of the bundle's graphs on the model's device."""
        where = str(self.bundle.path / getattr(self.manifest.graphs, name).file)
        data = self.bundle.graph(name)[0]
        if self.device.kind != "cpu":
            return CudaGraph(data, self.device, signature, where)
        apart = fit_apart(self.manifest.architecture, self.workers.block_rows)
        return Graph(data, self.device, signature, where, apart)

    def _on_gpu(self, graph: str, name: str, given: Any, row: tuple[int, ...], context: Any) -> Any:
        """Runs a graph on tensors of a GPU, into a tensor there."""
        tensors = Tensors(given, self.device)
        leading = tuple(given.shape)[: given.ndim - len(row)]
        inputs = [tensors.rows(name, given, row, self.dtype)]
        if on_gpu(context) and not any(feature.categories for feature in self.context_features):
            self._has_context(context)
            context = tensors.library.broadcast_to(context, (*leading, self.context_size))
            inputs.append(tensors.rows("context", context, (self.context_size,), self.dtype))
        elif (contexts := self._context(context, leading)) is not None:
            of_rows = np.broadcast_to(contexts, (len(inputs[0]), self.context_size))
            inputs.append(tensors.moved(np.ascontiguousarray(of_rows, self.dtype)))
        there = self.graphs[graph]
        assert isinstance(there, CudaGraph)
        out = there.run_on_device(inputs, tensors.library, self.workers.block_rows)
        if graph == "log_prob":
            settle(out, inputs)
        return out.reshape(*leading, *there.signature.row)

    def _array(self, name: str, given: Any, event_shape: tuple[int, ...]) -> np.ndarray:
        """An input as numbers whose last axes are the event's; its type is changed block by block, later."""
        array = as_numbers(name, given)
        if array.ndim < len(event_shape) or array.shape[array.ndim - len(event_shape) :] != event_shape:
            expected = ", ".join(["*", *map(str, event_shape)])
            columns = f" ({', '.join(each.name for each in self.context_features)})" if name == "context" else ""
            raise InputError("wrong_shape", f"{name}: expected shape [{expected}]{columns}, got {list(array.shape)}")
        return array

    def _context(self, given: Any, leading: tuple[int, ...]) -> np.ndarray | None:
        """The context of rows: ``[1, context]`` for all of them, or ``[rows, context]``."""
        if not self._has_context(given):
            return None
        context = self.context(given)
        if context.ndim > 1 and context.shape[:-1] != leading:
            raise InputError("wrong_shape", f"context: leading shape {context.shape[:-1]}, the rows have {leading}")
        return context.reshape(-1, self.context_size)

    def _has_context(self, context: Any) -> bool:
        if context is None and self.context_size:
            names = ", ".join(each.name for each in self.context_features)
            needs = f"this model needs {self.context_size} context features ({names})"
            raise InputError("missing_context", f"context: {needs}")
        if context is not None and not self.context_size:
            raise InputError("wrong_shape", "context: this model takes none")
        return context is not None

    def __reduce__(self) -> tuple[Any, ...]:
        if isinstance(self.bundle, ArchivedBundle):
            return Model, (self.bundle, self.device, self.workers.asked)
        return load_same, (self._path, self.bundle.sha256, str(self.device), self.workers.asked, self.device.tf32)

    def __copy__(self) -> Model:
        return self  # nothing of a model changes

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
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


@dataclass(frozen=True)
class _Draw:
    """A sampling: ``n`` rows for each of ``contexts [m, context]``, or ``n`` in all where there are none."""

    n: int
    contexts: np.ndarray | None
    seed: int
    temperature: float

    @property
    def rows(self) -> int:
        return self.n * (1 if self.contexts is None else len(self.contexts))
