"""Gives bundles whose weights are no longer at hand what later proofs ask for: python models/complete.py [NAME ...].

- What float32 costs. `flowexport export` keeps with each golden number how far float32 alone may take it; a bundle that
  was made before has none. Its graphs are within the bounds without that, so they stand for the trained model, and the
  same is done to them: weights moved by up to half a unit in the last place, eight times, the largest change from
  float64 kept.
- Rows on and just outside of bounds, where log_prob is -inf whatever the weights are.
- Noise whose samples stand on edges (edge_noise.py).
- What a runtime chooses its blocks by.

Graphs, the golden cases that are there and the hash of the weights stay as they are; the figures of the proof are found
anew.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import onnx
import onnxruntime
from edge_noise import edge_rows, support_of
from onnx import numpy_helper

from flowexport.bundle import Bundle, npy_bytes, open_bundle, write_bundle
from flowexport.bundle.schema import Case, Manifest
from flowexport.export.edges import EDGE
from flowexport.export.facts import facts_of
from flowexport.export.manifest import figures_of
from flowexport.export.rounding import DRAWS
from flowexport.lowering.form import HALF_ULP
from flowexport.proof import verify

ZOO = Path(__file__).resolve().parent


def moved(data: bytes, random: np.random.Generator) -> onnxruntime.InferenceSession:
    """A graph with its weights moved. Means, bounds, codes of categories and the like are left: float32 holds them."""
    model = onnx.load_from_string(data)
    for constant in model.graph.initializer:
        array = numpy_helper.to_array(constant)
        if constant.name.endswith((".weight", ".bias")) and array.dtype == np.float32:
            by = 1 + HALF_ULP * random.uniform(-1, 1, array.shape)
            constant.CopyFrom(numpy_helper.from_array(np.asarray(array * by, np.float32), constant.name))
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def tell(name: str) -> None:
    """Writes a bundle of the zoo anew, with its rounding."""
    bundle = open_bundle(ZOO / name / "bundle")
    manifest = bundle.manifest
    if any(check.name != "substance" for check in verify(bundle.path).failures):
        raise SystemExit(f"{name}: does not pass as it is")
    files = {file: bundle.read(file) for file in manifest.files}
    for add in (with_facts, with_edges, with_edge_noise):
        manifest, extra = add(bundle, manifest)
        files |= extra
    write_bundle(bundle.path, manifest, files)
    bundle = open_bundle(bundle.path)
    random = np.random.default_rng(0)
    largest: dict[str, np.ndarray] = {}
    for _ in range(DRAWS):
        for file, change in changes(bundle, random):
            largest[file] = np.maximum(largest.get(file, 0), change)
    of_direction = told(manifest.golden.log_prob_of_sample)
    cases = [
        msgspec.structs.replace(case, rounding={key: told(file) for key, file in case.expected.items()})
        if case.expected and not case.name.startswith("edges")
        else case
        for case in manifest.golden.cases
    ]
    golden = msgspec.structs.replace(manifest.golden, cases=cases, log_prob_of_sample_rounding=of_direction)
    roundings = {told(file): npy_bytes(change.astype(np.float32)) for file, change in largest.items()}
    files = roundings | files  # what is there stays
    manifest = msgspec.structs.replace(manifest, golden=golden)
    write_bundle(bundle.path, manifest, files)
    kept = [each for each in manifest.verified or [] if each.check == "round trip"]
    figures = [*figures_of(verify(bundle.path)), *kept]
    write_bundle(bundle.path, msgspec.structs.replace(manifest, verified=figures), files)


def with_facts(bundle: Bundle, manifest: Manifest) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest with what a runtime chooses its blocks by; no files."""
    graphs = {}
    for name, spec in manifest.graphs.items():
        facts = facts_of(bundle.graph(name)[0])
        graphs[name] = spec if facts is None else msgspec.structs.replace(spec, **facts._asdict())
    return msgspec.structs.replace(manifest, graphs=graphs), {}


def with_edges(bundle: Bundle, manifest: Manifest) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest with a case of rows outside, and its arrays; as it is where there are no bounds, or such a case."""
    lower, upper = support_of(bundle)
    data = next(case for case in manifest.golden.cases if case.name == "data_1")
    row = bundle.array(data.inputs["x"])[0].ravel()
    rows = []
    for feature in range(1 if manifest.levels else len(lower)):
        for end, outwards in ((lower[feature], -1), (upper[feature], 1)):
            # On a bound that float32 does not hold exactly a row is inside or outside as it happens.
            for step in (EDGE, *([0.0] if end == np.float32(end) else [])) if np.isfinite(end) else ():
                rows.append(row.copy())
                rows[-1][feature] = end + outwards * step * manifest.scale[feature]
    if not rows or any(case.name.startswith("edges") for case in manifest.golden.cases):
        return manifest, {}
    x = np.array(rows, np.float32).reshape(-1, *manifest.event_shape)
    files = {"golden/edge_x.npy": npy_bytes(x), "golden/edge_log_prob.npy": npy_bytes(np.full(len(x), -np.inf))}
    case = msgspec.structs.replace(
        data,
        name=f"edges_{len(x)}",
        inputs=data.inputs | {"x": "golden/edge_x.npy"},
        expected={"log_prob": "golden/edge_log_prob.npy"},
        rounding=None,
        rows=[0, len(x)],
    )
    cases = list(manifest.golden.cases)
    cases.insert([each.name for each in cases].index("tails_64") + 1, case)
    return msgspec.structs.replace(manifest, golden=msgspec.structs.replace(manifest.golden, cases=cases)), files


def with_edge_noise(bundle: Bundle, manifest: Manifest) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest with cases of noise on edges, and their arrays; as it is where it has them, or no edges."""
    if any(case.name.startswith("edge_noise") for case in manifest.golden.cases):
        return manifest, {}
    rows = edge_rows(bundle)
    if not len(rows.z):
        return manifest, {}
    arrays = {"edge_z": rows.z, "edge_sample": rows.sample}
    context = {"context": "golden/edge_context.npy"} if manifest.context_size else {}
    noise = next(case for case in manifest.golden.cases if case.graph == "sample")
    if context:
        arrays["edge_context"] = bundle.array(noise.inputs["context"])[rows.row_of]
    cases = list(manifest.golden.cases)

    def put(behind: str, graph: str, name: str, inputs: dict[str, str], expected: dict[str, str], count: int) -> None:
        case = Case(f"{name}_{count}", graph, inputs | context, expected, rows=[0, count])
        cases.insert(max(i for i, each in enumerate(cases) if each.name.startswith(behind)) + 1, case)

    if len(rows.x):
        arrays |= {"edge_latent_x": rows.x, "edge_latent_log_prob": rows.log_prob}
        x, log_prob = {"x": "golden/edge_latent_x.npy"}, {"log_prob": "golden/edge_latent_log_prob.npy"}
        put("edges", "log_prob", "edge_latents", x, log_prob, len(rows.x))
    put("noise", "sample", "edge_noise", {"z": "golden/edge_z.npy"}, {"x": "golden/edge_sample.npy"}, len(rows.z))
    golden = msgspec.structs.replace(manifest.golden, cases=cases)
    return msgspec.structs.replace(manifest, golden=golden), {
        f"golden/{name}.npy": npy_bytes(array) for name, array in arrays.items()
    }


def told(file: str) -> str:
    """Where the rounding of an array is kept."""
    return file.replace(".npy", "_rounding.npy")


def changes(bundle: Bundle, random: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """One draw: each array of expected numbers, and how far the moved graphs are from it."""
    golden = bundle.manifest.golden
    graphs = {graph: moved(bundle.graph(graph)[0], random) for graph in ("log_prob", "sample")}
    whole: dict[str, Case] = {}
    for case in golden.cases:
        # Rows on edges of the support are exact.
        if case.expected and not case.name.startswith("edges"):
            (file,) = case.expected.values()
            whole[file] = case
    for file, case in whole.items():
        expected = bundle.array(file)
        inputs = {key: bundle.array(given)[: len(expected)] for key, given in case.inputs.items()}
        found = graphs[case.graph].run(None, inputs)[0]
        yield file, np.abs(found.astype(np.float64) - expected)
        if case.graph == "sample" and case.name.startswith("noise"):
            context = {key: array for key, array in inputs.items() if key == "context"}
            again = graphs["log_prob"].run(None, {"x": found} | context)[0]
            yield golden.log_prob_of_sample, np.abs(again - bundle.array(golden.log_prob_of_sample))


if __name__ == "__main__":
    for model in sys.argv[1:] or sorted(path.parent.parent.name for path in ZOO.glob("*/bundle/flow.json")):
        tell(model)
        print(model, flush=True)
