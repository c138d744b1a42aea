"""A bundle that runs: log_prob, percentile and sample, numpy in and out."""

from __future__ import annotations

__all__ = ["Model"]

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import ArrayLike, NDArray

from .bundle import Bundle, open_bundle
from .categories import code_of
from .errors import BundleError, InputError
from .manifest import Graph
from .noise import normals
from .onnx import check_graph

BLOCK_ROWS = 1024
"""Rows a run: ONNX Runtime keeps the memory of the largest batch that it has seen."""

TENSORS = {"float32": "tensor(float)", "float64": "tensor(double)"}
"""ONNX Runtime's words for the types of a bundle."""

HOTTEST = 1e6
"""A little above it, neighbouring float32 latents are a standard deviation apart."""

PURPOSES: dict[Graph, tuple[Graph, str]] = {
    "log_prob": ("sample", "evaluate densities"),
    "sample": ("log_prob", "draw samples"),
}
"""Of a graph: what a bundle holds that does not hold it, and what such a bundle cannot do."""

Floats = NDArray[np.float32 | np.float64]
"""Numbers of the bundle's own type."""


class Model:
    """A density that can be evaluated and sampled. It may be used from several threads at once.

    Arguments:
        path: a bundle's folder.
        threads: of ONNX Runtime, within one call.
        digest: the SHA-256 of the bundle's ``flow.json``, where another one is to be refused.

    Raises:
        BundleError: for a bundle that breaks its contract, naming file and key.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int = 1, digest: str | None = None) -> None:
        self.bundle = open_bundle(path, digest)
        self.manifest = self.bundle.manifest
        self.dtype = np.dtype(self.manifest.dtype)
        self._sessions = {graph: open_session(self.bundle, graph, threads) for graph in self.manifest.graphs}

    def log_prob(self, x: ArrayLike, context: ArrayLike | None = None) -> Floats:
        """The log-density of rows, in nats, in the data's own units.

        Arguments:
            x: ``[rows, *event]`` numbers.
            context: ``[rows, context]``, or ``[context]`` for all rows; of a categorical column its code.

        Returns:
            ``[rows]`` of the bundle's type; −inf outside the support.

        Raises:
            InputError: for a shape or type that does not fit, a context that is missing or unasked for.
            BundleError: where the bundle holds no graph for it.
        """
        self._require("log_prob")
        rows = self._as_rows("x", x, self.manifest.event_shape)
        contexts = self._context(context, len(rows))
        scores = self._run("log_prob", "x", rows, contexts)
        over = ~(scores < np.inf)
        if over.any():  # the arithmetic ran over: no row is that likely, unless it holds a NaN itself
            inputs = [rows.reshape(len(rows), -1), *([] if contexts is None else [contexts])]
            scores[over & ~np.any([np.isnan(each).any(axis=1) for each in inputs], axis=0)] = -np.inf
        return scores

    def percentile(self, log_prob: ArrayLike) -> NDArray[np.float64]:
        """Where scores stand among those of the reference rows, 0 to 100.

        Raises:
            BundleError: where the bundle has no reference rows.
        """
        if self.manifest.quantiles is None:
            raise BundleError(f"{self.bundle.path / 'flow.json'}: reference: is null, so there are no percentiles")
        scores = np.asarray(log_prob, np.float64)
        percentile: NDArray[np.float64] = np.interp(scores, self.manifest.quantiles, np.arange(101.0))
        return percentile

    def sample(
        self, n: int, seed: int, temperature: float = 1.0, context: ArrayLike | None = None, first: int = 0
    ) -> Floats:
        """Draws samples, the same for the same seed in every language.

        Arguments:
            n: how many.
            seed: 0 … 2⁶⁴ − 1.
            temperature: multiplies the noise, from 0 to 1,000,000.
            context: ``[n, context]``, or ``[context]`` for all rows.
            first: the number of the first row: any of the sample can be drawn alone.

        Returns:
            ``[n, *event]`` of the bundle's type.

        Raises:
            InputError: for an argument that cannot be.
            BundleError: where the bundle holds no graph for it.
        """
        blocks = list(self.iterate_samples(n, seed, temperature, context, first))
        return np.concatenate(blocks) if blocks else np.empty((0, *self.manifest.event_shape), self.dtype)

    def iterate_samples(
        self, n: int, seed: int, temperature: float = 1.0, context: ArrayLike | None = None, first: int = 0
    ) -> Iterator[Floats]:
        """The rows of `sample`, a block at a time, for more of them than memory holds."""
        self._require("sample")
        if min(n, first) < 0 or not 0 <= seed < 2**64 or not 0 <= temperature <= HOTTEST:
            raise InputError("wrong_value", f"n {n}, seed {seed} or temperature {temperature} is out of range")
        contexts, width = self._context(context, n), self.manifest.latent_size

        def block(start: int) -> Floats:
            rows = min(BLOCK_ROWS, n - start)
            z = normals(seed, (first + start) * width, rows * width).reshape(rows, width)
            # A selector chooses the component of a mixture: it is no noise to be scaled.
            z[:, : width - self.manifest.selector] *= np.float32(temperature)
            return self.sample_from(z, None if contexts is None else contexts[start : start + rows])

        return map(block, range(0, n, BLOCK_ROWS))

    def sample_from(self, z: ArrayLike, context: ArrayLike | None = None) -> Floats:
        """The deterministic map from noise to data.

        Arguments:
            z: ``[rows, latent]``.
            context: ``[rows, context]``, or ``[context]`` for all rows.

        Returns:
            ``[rows, *event]`` of the bundle's type.

        Raises:
            InputError, BundleError: as for `log_prob`.
        """
        self._require("sample")
        rows = self._as_rows("z", z, (self.manifest.latent_size,))
        return self._run("sample", "z", rows, self._context(context, len(rows)))

    def category(self, column: str, label: str) -> int:
        """The code of a category: what a context holds in place of its label.

        Labels that are numbers are compared as numbers, others without the spaces around them.

        Raises:
            InputError: for a label that is no category, and where no column of that name has categories.
        """
        return code_of(self.manifest.context, column, label)

    def _require(self, graph: Graph) -> None:
        """Says what a bundle of the other direction alone cannot do."""
        if graph not in self._sessions:
            held, purpose = PURPOSES[graph]
            raise BundleError(
                f"{self.bundle.path / 'flow.json'}: graphs: the bundle holds {held} alone, and no {graph}, "
                f"so it cannot {purpose}; flowexport export --graphs log_prob,sample makes one that can"
            )

    def _context(self, given: ArrayLike | None, rows: int) -> Floats | None:
        """The context as ``[rows, context]``, its codes checked; one context for all rows is not copied."""
        columns = self.manifest.context
        if given is None and columns:
            names = ", ".join(column.name for column in columns)
            raise InputError("missing_context", f"context: this model needs {len(columns)} columns ({names})")
        if given is None:
            return None
        if not columns:
            raise InputError("wrong_shape", "context: this model takes none")
        array = np.asarray(given)
        context = self._as_rows("context", array[None] if array.ndim == 1 else array, (len(columns),))
        if array.ndim > 1 and len(context) != rows:
            raise InputError("wrong_shape", f"context: {len(context)} rows, expected {rows}")
        for index, column in enumerate(columns):
            if column.categories is not None:
                check_codes(context[:, index], column.name, len(column.categories))
        return np.broadcast_to(context, (rows, len(columns)))

    def _as_rows(self, name: str, given: ArrayLike, shape: tuple[int, ...]) -> Floats:
        """Numbers as ``[rows, *shape]`` of the bundle's type, copied only where they are not that already."""
        try:
            array = np.asarray(given)
        except ValueError as error:
            raise InputError("wrong_shape", f"{name}: rows of different lengths") from error
        if array.dtype.kind not in "fiub":
            raise InputError("wrong_dtype", f"{name}: expected numbers, got {array.dtype}")
        if array.shape[1:] != shape or array.ndim == 0:
            wanted = ", ".join(["rows", *map(str, shape)])
            raise InputError("wrong_shape", f"{name}: expected shape [{wanted}], got {list(array.shape)}")
        with np.errstate(over="ignore"):  # what the type cannot hold is infinite, and has no density
            return np.ascontiguousarray(array, self.dtype)

    def _run(self, graph: Graph, name: str, rows: Floats, context: Floats | None) -> Floats:
        """Runs a graph over all rows, block by block."""
        spec = self.manifest.graphs[graph]
        ((output, shape),) = spec.outputs.items()
        out = np.empty((len(rows), *shape), self.dtype)
        for start in range(0, len(rows), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            feeds = {name: rows[block]}
            if context is not None:
                feeds["context"] = np.ascontiguousarray(context[block])
            try:
                out[block] = self._sessions[graph].run([output], feeds)[0]
            except Exception as error:  # ONNX Runtime raises many kinds, of a module without public names
                raise BundleError(f"{self.bundle.path / spec.file}: cannot be run ({reason(error)})") from error
        return out


def check_codes(codes: Floats, name: str, categories: int) -> None:
    """Refuses what is not the code of a category, 0 … categories − 1."""
    unknown = codes[~((codes >= 0) & (codes < categories) & (codes == np.floor(codes)))]
    if len(unknown):
        wanted = f"expected a code from 0 to {categories - 1}"
        raise InputError("unknown_category", f"context: {name}: {wanted}, got {unknown[0]}")


def open_session(bundle: Bundle, graph: Graph, threads: int) -> Any:
    """An ONNX Runtime session of the bytes that were hashed, its tensors held to ``flow.json``."""
    spec = bundle.manifest.graphs[graph]
    where = bundle.path / spec.file
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4  # what goes wrong is raised, and need not be printed as well
    data = bundle.read(spec.file)
    check_graph(data, str(where))
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # as in Model._run
        raise BundleError(f"{where}: ONNX Runtime cannot open it ({reason(error)})") from error
    for tensors, shapes in ((session.get_inputs(), spec.inputs), (session.get_outputs(), spec.outputs)):
        found = {tensor.name: (tensor.type, tuple(tensor.shape[1:])) for tensor in tensors}
        expected = {name: (TENSORS[bundle.manifest.dtype], shape) for name, shape in shapes.items()}
        if found != expected:
            raise BundleError(f"{where}: graphs.{graph}: its tensors are {found}, expected {expected}")
    return session


def reason(error: Exception) -> str:
    """The first line of another library's error."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
