"""Where a ``flow.json`` whose types are right may still contradict itself."""

from __future__ import annotations

__all__ = ["inconsistency"]

import math
import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from .graphs import GRAPHS, both_directions, known, lacking
from .text import FILE_NAME, shown

if TYPE_CHECKING:
    from .schema import Manifest


def inconsistency(manifest: Manifest) -> str | None:
    """The first place where a manifest contradicts itself, key first, or None."""
    size = math.prod(manifest.event_shape)
    for key, names, length in (
        ("features", manifest.features, size),
        ("context_features", manifest.context_features, manifest.context_size),
        ("scale", manifest.scale, size),
    ):
        if names is not None and len(names) != length:
            return f"{key}: expected {length} entries, got {len(names)}"
    fault = name_fault(manifest)
    if fault:
        return fault
    if not all(0 < value < math.inf for value in manifest.scale):
        return "scale: every entry must be positive and finite"
    if manifest.reference is not None:
        quantiles = manifest.reference.log_prob_quantiles
        if any(a > b for a, b in pairwise(quantiles)):
            return "reference.log_prob_quantiles: must be ascending"
        lowest = manifest.reference.lowest or []
        if any(a > b for a, b in pairwise(lowest)) or len(lowest) > manifest.reference.rows:
            return "reference.lowest: must be ascending, and no more than reference.rows"
    if manifest.quality and manifest.quality.ranges is not None and len(manifest.quality.ranges) != size:
        return f"quality.ranges: expected {size} entries, got {len(manifest.quality.ranges)}"
    fault = graph_fault(manifest)
    if fault:
        return fault
    for index, case in enumerate(manifest.golden.cases):
        if (case.expected is None) == (case.error is None):
            return f"golden.cases[{index}]: needs either expected or error"
        if case.graph not in manifest.graphs:
            return f"golden.cases[{index}].graph: {lacking(case.graph, manifest.graphs)}"
        graph = manifest.graphs[case.graph]
        takes = [tensor.name for tensor in graph.inputs]
        # What is left out on purpose is the context alone.
        if not {takes[0]} <= case.inputs.keys() <= set(takes) or (case.expected and len(case.inputs) < len(takes)):
            return f"golden.cases[{index}].inputs: expected {', '.join(takes)}"
        if case.expected is not None and list(case.expected) != [graph.outputs[0].name]:
            return f"golden.cases[{index}].expected: is not the output of {case.graph}"
        if case.rounding is not None and list(case.rounding) != list(case.expected or {}):
            return f"golden.cases[{index}].rounding: is not of what is expected"
    fault = file_fault(manifest)
    if fault:
        return fault
    for file in referenced(manifest):
        if file not in manifest.files:
            return f"files: {file!r} is used but not listed"
    return None


def graph_fault(manifest: Manifest) -> str | None:
    """The first graph whose signature is not the table's, or that has no bound; unknown ones are passed over."""
    kinds = known(manifest.graphs)
    if not kinds:
        return f"graphs: expected {' or '.join(GRAPHS)}, got {', '.join(manifest.graphs)}"
    for kind in kinds:
        inputs, output = kind.tensors(manifest.event_shape, manifest.latent_size, manifest.context_size)
        graph = manifest.graphs[kind.name]
        for key, tensors, expected in (("inputs", graph.inputs, inputs), ("outputs", graph.outputs, [output])):
            found = [(tensor.name, tensor.dtype, tensor.shape) for tensor in tensors]
            wanted = [(tensor, manifest.dtype, ["batch", *shape]) for tensor, shape in expected]
            if found != wanted:
                return f"graphs.{kind.name}.{key}: expected {wanted}, got {found}"
        if kind.name not in manifest.tolerance:
            return f"tolerance: {kind.name!r} is missing"
    if both_directions(manifest.graphs) and not isinstance(manifest.golden.log_prob_of_sample, str):
        return "golden.log_prob_of_sample: is missing, though the bundle holds log_prob and sample"
    return None


def name_fault(manifest: Manifest) -> str | None:
    """The first column or category whose name another has too, or categories that are not the architecture's."""
    context = manifest.context_features or []
    twice = repeated([*(manifest.features or []), *(feature.name for feature in context)])
    if twice is not None:
        return f"features, context_features: {twice!r} is the name of two columns"
    for index, feature in enumerate(context):
        twice = repeated(feature.categories or [])
        if twice is not None:
            return f"context_features[{index}].categories: {twice!r} is there twice"
    arguments = manifest.architecture.get("arguments")
    counts = arguments.get("categories") if isinstance(arguments, dict) else None
    found = [column.codes for column in manifest.context_columns]
    if isinstance(counts, list) and counts != found:
        return f"context_features: numbers of categories {found}, architecture.arguments.categories says {counts}"
    return None


def file_fault(manifest: Manifest) -> str | None:
    """The first file whose name leaves the folder, looks like another, or is another where case counts nothing."""
    for file in (*manifest.files, *referenced(manifest)):
        if not re.match(FILE_NAME, file):
            reason = "leaves the folder, or is more than letters, digits, '.', '_' and '-'"
            return f"files: {shown(file)}: {reason}"
    twice = repeated([file.lower() for file in manifest.files])
    return None if twice is None else f"files: {twice!r} is there twice, but for capitals"


def repeated(names: list[str]) -> str | None:
    """The first name that is there twice."""
    return next((name for name, count in Counter(names).items() if count > 1), None)


def referenced(manifest: Manifest) -> list[str]:
    """Every file that the manifest speaks of outside ``files``."""
    names = [graph.file for graph in manifest.graphs.values()]
    for case in manifest.golden.cases:
        names += [*case.inputs.values(), *(case.expected or {}).values(), *(case.rounding or {}).values()]
    golden = manifest.golden
    names += [file for file in (golden.log_prob_of_sample, golden.log_prob_of_sample_rounding) if isinstance(file, str)]
    return [*names, *(noise.file for noise in manifest.golden.noise)]
