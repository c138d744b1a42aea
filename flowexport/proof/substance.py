"""The substance of a proof: the least that golden cases must hold, and facts of ``flow.json`` held to them.

A bundle brings its own proof along, so it could bring one that proves nothing: a single row, no tails, no edge of the
support. The least is stated here, in the package, and a bundle that has less does not pass, however well its numbers
agree.
"""

from __future__ import annotations

__all__ = ["substance_checks"]

import math
from collections.abc import Callable, Iterator

import numpy as np

from flowexport.bundle import GRAPHS, Bundle, Manifest, known
from flowexport.runtime import Model

from .checks import Check
from .line import line_of
from .references import ReferenceCase, References

BATCHES = (1, 2, 7)
"""Sizes that both graphs are run at: one row, two, an odd number."""

LARGEST, LARGEST_OF_IMAGES = 1000, 64
"""Rows of the largest case of each graph, and of log_prob of samples."""

TAIL_ROWS = 64
DISTINCT = 0.9
"""The part of noise and of tail rows that are different from each other. Rows of data may repeat: tables are short."""

NORMALS = 1000
SEEDS = 2
"""Golden noise: of so many seeds, so many normals each."""

WIDEST = 1e3
"""Times the deviation of its samples that a feature may be called wide; a bound takes the smaller of both."""

SHIFT, SIGMAS = 0.1, 4.0
"""How far the share of golden rows below a quantile may be from what the quantile says, and how many standard errors
on top: golden rows are some of those that the quantiles are of."""

MOST_BOUNDED = 85
"""Bounded features that have golden rows of their own, as export makes them; of more, so many."""

PRODUCTS = ("Gemm", "MatMul")
"""Operators of which a network has one a layer at least."""

NEAREST = 1.0
"""Standard deviations of the data within which a row counts as just outside, on or just inside a bound."""


def substance_checks(bundle: Bundle, model: Model, golden: References) -> list[Check]:
    """What the proof lacks, a failed check each; one that passed where it lacks nothing.

    Arguments:
        bundle, model: open.
        golden: the references that the bundle carries.
    """
    lacks = [*lacking_cases(model.manifest, golden), *lacking_edges(model, golden), *untrue(bundle, golden)]
    failed = [Check("substance", subject, "failed", detail=detail) for subject, detail in lacks]
    rows = sum(len(case.expected) for case in golden.cases)
    passed = Check("substance", "golden cases", "passed", detail=f"{len(golden.cases)} cases, {rows} rows")
    return failed or [passed]


def lacking_cases(manifest: Manifest, golden: References) -> Iterator[tuple[str, str]]:
    """What the golden cases lack in number, kind and type."""
    largest = LARGEST_OF_IMAGES if len(manifest.event_shape) == 3 else LARGEST
    for graph in (kind.name for kind in known(manifest.graphs) if "substance" in kind.checks):
        sizes = {len(case.expected) for case in golden.cases if case.graph == graph}
        missing = [size for size in (*BATCHES, largest) if size not in sizes]
        if missing:
            yield f"batches of {graph}", f"no golden case of {', '.join(map(str, missing))} rows"
    for case in golden.cases:
        if case.expected.dtype != np.float64:
            yield case.name, f"expected numbers are {case.expected.dtype}, and must be float64"
        if any(array.dtype != np.float32 for array in case.inputs.values()):
            yield case.name, "inputs must be float32"
    if golden.log_prob_of_sample is not None and len(golden.log_prob_of_sample) < largest:
        yield "log_prob of sample", f"{len(golden.log_prob_of_sample)} rows, at least {largest} are needed"
    tails = [case for case in golden.cases if case.in_the_tails and case.graph == "log_prob"]
    # Tails are cut to the support, so that those of bounded features meet at its edges.
    bounded = manifest.levels or np.isfinite([line_of(manifest).lower, line_of(manifest).upper]).any()
    held: list[tuple[str, np.ndarray, int]] = []
    if golden.z is not None:
        held.append(("noise", golden.z, int(DISTINCT * largest)))
    if "log_prob" in manifest.graphs:
        of_tails = tails[0].inputs["x"] if tails else np.empty((0, 1))
        held.append(("tails", of_tails, 2 if bounded else int(DISTINCT * TAIL_ROWS)))
    for name, rows, least in held:
        distinct = len(np.unique(rows.reshape(len(rows), math.prod(rows.shape[1:])), axis=0))
        if distinct < least:
            yield f"rows of {name}", f"{distinct} different ones, at least {least} are needed"
    if len({noise.seed for noise in manifest.golden.noise}) < SEEDS:
        yield "golden noise", f"of fewer than {SEEDS} seeds"
    errors = {case.error for case in manifest.golden.cases}
    for error in ("wrong_shape", *(["missing_context"] if manifest.context_size else [])):
        if error not in errors:
            yield "refusals", f"no golden case that must give {error}"


def lacking_edges(model: Model, golden: References) -> Iterator[tuple[str, str]]:
    """Bounds that no row stands outside of, codes that no row has, and what the graph itself says outside."""
    supported = [case for case in golden.cases if "support" in GRAPHS[case.graph].checks]
    rows = [case for case in supported if np.isneginf(case.expected).any()]
    outside = [case.inputs["x"][np.isneginf(case.expected)] for case in rows]
    x = np.concatenate([np.empty((0, *model.event_shape)), *outside])
    if "log_prob" in model.graphs and model.manifest.levels and not rows:
        yield "support", "no golden row outside of what a pixel can be"
    elif "log_prob" in model.graphs and not model.manifest.levels:
        yield from lacking_bounds(model, x)
    if not model.manifest.levels and (ordinary := golden.largest("sample")) is not None:
        yield from lacking_samples(model, golden, ordinary.expected)
    for graph in model.graphs:
        yield from lacking_codes(model.manifest, graph, golden)
    for case in rows:
        yield from outside_the_graph(model, case)


def lacking_codes(manifest: Manifest, graph: str, golden: References) -> Iterator[tuple[str, str]]:
    """Categories of which a graph is never given the first, or the last."""
    given = [case.inputs["context"] for case in golden.cases if case.graph == graph and "context" in case.inputs]
    for place, column in enumerate(manifest.context_columns):
        if column.codes and given:
            codes = {0.0, float(column.codes - 1)} - set(np.concatenate(given)[:, place].tolist())
            if codes:
                yield f"codes of {column.name}", f"no golden row of {graph} has code {min(codes):g}"


def lacking_bounds(model: Model, x: np.ndarray) -> Iterator[tuple[str, str]]:
    """Bounds of features that none of the rows ``[rows, features]``, all of them outside, passes."""
    scale = np.array(model.manifest.scale)

    def passed(feature: int, bound: float, side: int) -> bool:
        beyond = side * (x[:, feature] - np.float32(bound))
        return bool(((beyond >= 0) & (beyond <= NEAREST * scale[feature])).any())

    yield from lacking_features(model, passed, "golden rows just outside the bounds")


def lacking_samples(model: Model, golden: References, ordinary: np.ndarray) -> Iterator[tuple[str, str]]:
    """Bounds that no golden sample comes nearer to than those of ordinary noise do."""
    whole = np.concatenate([case.expected for case in golden.cases if case.graph == "sample"])

    def met(feature: int, bound: float, side: int) -> bool:
        nearest, usual = (np.abs(rows[:, feature] - bound).min() for rows in (whole, ordinary))
        return bool(nearest < usual or nearest == 0)

    yield from lacking_features(model, met, "golden samples at the bounds")


def lacking_features(model: Model, has: Callable[[int, float, int], bool], what: str) -> Iterator[tuple[str, str]]:
    """Whether as many features as a proof has rows for have something at each of their bounds."""
    line = line_of(model.manifest)
    known = [*zip(line.lower, line.upper, strict=True)]
    bounded = [feature for feature, pair in enumerate(known) if np.isfinite(pair).any()]
    tried = sum(
        all(
            has(feature, bound, side) for bound, side in zip(known[feature], (-1, 1), strict=True) if np.isfinite(bound)
        )
        for feature in bounded
    )
    least = min(len(bounded), MOST_BOUNDED)
    if tried < least:
        yield "support", f"{what} of {tried} features, of {least} are needed"


def outside_the_graph(model: Model, case: ReferenceCase) -> Iterator[tuple[str, str]]:
    """Whether the graph itself says −inf outside: a runtime that mends +inf and NaN would hide that it does not."""
    outside = np.isneginf(case.expected)
    inputs = [case.inputs["x"][outside], *([case.inputs["context"][outside]] if "context" in case.inputs else [])]
    found = model.graphs[case.graph].run(*(each.astype(model.dtype) for each in inputs))
    if not np.isneginf(found).all():
        row = int(np.argmin(np.isneginf(found)))
        yield f"support, {case.name}", f"a row outside has {found[row]:g} in the graph, and must have -inf"


def untrue(bundle: Bundle, golden: References) -> Iterator[tuple[str, str]]:
    """Facts of flow.json that golden rows and the signatures of the graphs deny."""
    manifest = bundle.manifest
    size = math.prod(manifest.event_shape)
    given = manifest.architecture.get("arguments")
    arguments = given if isinstance(given, dict) else {}
    selector = manifest.selector is True
    if manifest.latent_size != size + selector:
        yield "selector", f"is {str(selector).lower()}, with a latent of {manifest.latent_size} for {size} numbers"
    for key, said, there in (
        ("levels", manifest.levels or None, arguments.get("levels")),
        ("features", size, arguments.get("features", size)),
        ("shape", manifest.event_shape, arguments.get("shape", manifest.event_shape)),
        ("context", manifest.context_size, arguments.get("context", manifest.context_size)),
    ):
        if said != (list(there) if isinstance(there, tuple) else there):
            yield "architecture", f"arguments.{key} is {str(there)[:60]}, flow.json says {said}"
    yield from unlike_the_graph(bundle, arguments)
    samples = golden.largest("sample")
    if samples is not None:
        own, declared = samples.expected.std(axis=0).ravel(), np.array(manifest.scale)
        wide = ~(declared <= WIDEST * own)
        if wide.any():
            feature = int(np.argmax(wide))
            yield "scale", f"feature {feature} is called {declared[feature]:g} wide, its samples are {own[feature]:g}"
    yield from shifted(manifest, golden)


def unlike_the_graph(bundle: Bundle, arguments: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Hidden layers and transforms of a RealNVP that the graph has no weights or no products for."""
    manifest = bundle.manifest
    hidden, transforms = arguments.get("hidden_features"), arguments.get("transforms")
    # A single feature without context has nothing to be conditioned on, and no network.
    alone = math.prod(manifest.event_shape) == 1 and not manifest.context_size
    if manifest.architecture.get("flow") != "RealNVP" or alone:
        return
    if not isinstance(hidden, list) or not isinstance(transforms, int):
        yield "architecture", "of a RealNVP, and has no arguments.hidden_features or arguments.transforms"
        return
    graph = bundle.graph(known(manifest.graphs)[0].name)[1]
    missing = [width for width in hidden if width not in graph.lengths]
    if missing:
        yield "architecture", f"arguments.hidden_features is {str(hidden)[:60]}, and no weights are {missing[0]} wide"
    products, least = sum(graph.operators[name] for name in PRODUCTS), transforms * (len(hidden) + 1)
    if not 0 < least <= products:
        yield "architecture", f"arguments.transforms is {transforms}, and the graph has {products} products of weights"


def shifted(manifest: Manifest, golden: References) -> Iterator[tuple[str, str]]:
    """Quantiles of the reference that golden rows of data do not have, beyond what sampling allows."""
    if manifest.reference is None or manifest.golden.rows_of == "samples" or "log_prob" not in manifest.graphs:
        return
    data = [case for case in golden.cases if case.graph == "log_prob" and case.name.startswith("data")]
    if not data:
        yield "reference", "no golden rows of data to hold it to"
        return
    whole = max(data, key=lambda case: len(case.expected))
    distinct = len(np.unique(whole.inputs["x"].reshape(len(whole.expected), -1), axis=0))
    for percent in range(10, 100, 10):
        share = float((whole.expected <= manifest.reference.log_prob_quantiles[percent]).mean())
        allowed = SHIFT + SIGMAS * math.sqrt(percent / 100 * (1 - percent / 100) / distinct)
        if abs(share - percent / 100) > allowed:
            said = f"{share:.0%} of the golden rows lie below its {percent} % quantile"
            yield "reference", f"{said}, more than {allowed:.0%} from what it says"
            return
