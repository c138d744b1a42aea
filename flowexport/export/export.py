"""Export: a trained flow becomes a bundle, verified before it is put in place."""

from __future__ import annotations

__all__ = ["export", "export_checkpoint"]

import dataclasses
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import UNSET
from safetensors.torch import save as save_tensors

from flowexport.bundle import DIRECTIONS, GRAPHS, open_bundle, place, read_onnx, staged, write_bundle
from flowexport.bundle.place import require_replaceable
from flowexport.bundle.readme import readme
from flowexport.bundle.schema import Dtype, Quality
from flowexport.column import Column
from flowexport.errors import ArgumentError, BundleError, CheckFailed
from flowexport.flows import Flow
from flowexport.interop.original import Original
from flowexport.lowering import lowered
from flowexport.proof import Report, references_of, verify
from flowexport.proof.checks import Check
from flowexport.training import Checkpoint
from flowexport.training.checkpoint import contiguous

from .afresh import latent_of, target_of
from .given import given_of
from .manifest import figures_of, golden_part, graphs_part, manifest_of, versions
from .quality import quality_part
from .references import further_arrays, golden_arrays
from .rounding import Rounding
from .steady import Steep, steady_arrays

DTYPES = ("float32", "float64")


def export(
    flow: Flow,
    path: str | os.PathLike[str],
    data: object = None,
    context: object = None,
    *,
    name: str | None = None,
    description: str = "",
    features: Sequence[str] | None = None,
    context_features: Sequence[str | Mapping[str, object] | Column] | None = None,
    dtype: Dtype = "float32",
    weights: bool = False,
    provenance: Mapping[str, str] | None = None,
    original: Original | None = None,
    golden: Literal["data", "samples"] = "data",
    quality: Quality | None = None,
    discrete: Mapping[str, float] | None = None,
    graphs: Sequence[str] = DIRECTIONS,
) -> Report:
    """Writes a flow as a bundle: ONNX graphs, golden cases, and the proof that they agree with the flow.

    The bundle is built beside its target, verified there, and put in place in one step, so that a failure
    or a kill leaves what was there before.

    Arguments:
        flow: the trained flow.
        path: the folder to make; a bundle that stands there is replaced.
        data: ``[rows, *event]``, or a table with names, for the golden rows, the percentiles and the scale of each
            feature. Without it they come from the flow's own samples, and there are no percentiles.
        context: ``[rows, context]`` of the data, where the flow has one, or whatever `flowexport.Model.context` takes.
        name: of the model, by default the folder's.
        description: a sentence.
        features, context_features: names of the columns; by default those that `flowexport.fit` learnt, or else those
            of ``data`` and ``context``, or else ``x0``, ``c0`` and so on. A context column of
            categories is a mapping of its ``name`` and its ``categories``, in the order of their codes.
        dtype: of the graphs.
        weights: whether to put the weights beside the graphs, to train on or export again.
        provenance: more to say about where the model comes from.
        original: of an adopted flow, the library that trained it, from `flowexport.interop`. The golden cases are then
            its numbers, so that the bundle is held to the library itself before it is put in place.
        golden: what golden rows are: ``data``, rows of it that whoever has the bundle can read, or ``samples`` of the
            model, which give no row away; percentiles are of the data in any case. Without data they are samples.
        discrete: features of steps, and the width of a step, that training had noise for; the card tells of them.
        quality: how good the flow is on held-out rows, from its training; without it, it is judged on ``data``.
        graphs: by name; ``log_prob`` or ``sample`` alone makes a bundle that can do no more, and whose proof has no
            direction and no mass.

    Returns:
        The report of the verification.

    Raises:
        ArgumentError, InputError: for data, context or names that do not fit the flow.
        CheckFailed: where the verification fails; nothing is put in place.
    """
    if dtype not in DTYPES:
        raise ArgumentError(f"expected float32 or float64, got {dtype!r}", key="dtype")
    if golden not in ("data", "samples"):
        raise ArgumentError(f"expected data or samples, got {golden!r}", key="golden")
    if dtype == "float64" and flow.levels is not None:
        raise ArgumentError("images are exported in float32: ONNX Runtime convolves no float64 on the CPU", key="dtype")
    graphs = required_graphs(graphs)
    target = Path(os.path.abspath(path))
    given = given_of(flow, data, context, features, context_features, discrete or {})
    require_replaceable(target)  # before the work, and once more in place()
    saved = save_tensors(contiguous(flow.state_dict()))

    form = lowered(flow)
    rows_of = "samples" if given.rows is None else golden
    rounding: Rounding | None = None
    steep: Steep | None = None
    if dtype == "float32":
        arrays, rounding, steep = steady_arrays(flow, form, given.rows, given.contexts, original, rows_of)
    else:
        arrays = golden_arrays(flow, given.rows, given.contexts, original, rows_of)
    golden_files, golden_spec = golden_part(arrays, graphs, further_arrays(flow, arrays, graphs), rows_of, rounding)
    files = {
        **{GRAPHS[graph].file: form.graph(graph, dtype) for graph in graphs},
        **golden_files,
        **({"model.safetensors": saved} if weights else {}),
    }
    adopted = {} if original is None else {"adopted_from": original.library}
    manifest = manifest_of(
        flow,
        given,
        graphs_part(flow, graphs, dtype, files),
        arrays,
        golden_spec,
        name=name or target.name,
        description=description,
        dtype=dtype,
        provenance=versions()
        | adopted
        | dict(provenance or {})
        | {"weights_sha256": hashlib.sha256(saved).hexdigest()},
        quality=quality_part(flow, arrays, given.rows, given.contexts, rows_of, quality) or UNSET,
    )
    with staged(target) as folder:
        write_bundle(folder, manifest, files)
        report = prove(folder, target, flow, steep)
        manifest = msgspec.structs.replace(manifest, verified=figures_of(report))
        outlines = {name: (read_onnx(data, name), len(data)) for name in graphs if (data := files[GRAPHS[name].file])}
        write_bundle(folder, manifest, files | {"README.md": readme(manifest, outlines)})
        place(folder, target)
    return report


def export_checkpoint(
    checkpoint: Checkpoint,
    path: str | os.PathLike[str],
    dtype: Dtype = "float32",
    weights: bool = False,
    golden: Literal["data", "samples"] | None = None,
    graphs: Sequence[str] = DIRECTIONS,
) -> Report:
    """Writes a run folder's flow as a bundle, with the rows that training held out.

    Arguments:
        checkpoint: from `flowexport.training.load_checkpoint`.
        path, dtype, weights, graphs: as for `export`.
        golden: as for `export`; None takes what the recipe says.
    """
    config = checkpoint.config
    return export(
        checkpoint.flow,
        path,
        checkpoint.x,
        checkpoint.context,
        name=config.name,
        description=config.description,
        features=config.features,
        context_features=config.context_columns,
        dtype=dtype,
        weights=weights,
        provenance={} if config.recipe_sha256 is None else {"recipe_sha256": config.recipe_sha256},
        golden=golden or config.golden,
        quality=config.quality,
        discrete=config.discrete,
        graphs=graphs,
    )


def required_graphs(graphs: Sequence[str]) -> list[str]:
    """Names of graphs in the order of the table.

    Raises:
        ArgumentError: for none, or a name that is no graph's.
    """
    if not graphs or isinstance(graphs, str) or not set(graphs) <= set(GRAPHS):
        raise ArgumentError(f"expected some of {', '.join(GRAPHS)}, got {graphs!r}", key="graphs")
    return [name for name in GRAPHS if name in graphs]


def prove(folder: Path, target: Path, flow: Flow, steep: Steep | None) -> Report:
    """Verifies a staged bundle from its own files, with the trained flow at hand for the round trip."""
    try:
        references = references_of(open_bundle(folder))
        if references.z is not None:
            references = dataclasses.replace(references, latent=latent_of(flow), target=target_of(flow, references.z))
        # Whoever takes the bundle, in whichever language, has ONNX Runtime; the prebuilt kernel may not be there.
        found = verify(folder, "cpu", references, engine="onnxruntime")
        report = dataclasses.replace(found, path=str(target))
        if steep is not None:
            report = dataclasses.replace(report, checks=(*report.checks, steep_check(steep)))
    except BundleError as error:
        # The staged folder is gone when the message is read: speak of its target.
        error.file = None if error.file is None else error.file.replace(str(folder), str(target))
        raise
    if not report.passed:
        raise CheckFailed(f"{report.fault()}; not exported", report)
    return report


def steep_check(steep: Steep) -> Check:
    """What a user should know of rows of data that float32 has too few digits for."""
    detail = (
        "nats that float32 alone may cost them: a column of few distinct values, or one that repeats others, makes a "
        "spike of the density; leave it out, train with noise, or export with --dtype float64"
    )
    return Check("rounding", f"{steep.rows} of {steep.of} rows of data", "reported", steep.largest, detail=detail)
