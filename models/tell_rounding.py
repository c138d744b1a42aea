"""Adds what float32 costs to bundles whose weights are no longer at hand: python models/tell_rounding.py NAME ...

`flowexport export` keeps with each golden number how far float32 alone may take it. A bundle that was made before has
none. Its graphs are within the bounds without that; so they stand for the trained model here, and the same is done to
them: constants moved by up to half a unit in the last place, eight times, the largest change from float64 kept.
Graphs, golden cases and weights' hash stay as they are; the figures of the proof are found anew.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from flowexport.bundle import Bundle, npy_bytes, open_bundle, write_bundle
from flowexport.bundle.schema import Case
from flowexport.export.manifest import figures_of
from flowexport.export.rounding import DRAWS, HALF_ULP
from flowexport.runtime import verify

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
    if not verify(bundle.path).passed:
        raise SystemExit(f"{name}: does not pass without its rounding")
    random = np.random.default_rng(0)
    largest: dict[str, np.ndarray] = {}
    for _ in range(DRAWS):
        for file, change in changes(bundle, random):
            largest[file] = np.maximum(largest.get(file, 0), change)
    of_direction = told(manifest.golden.log_prob_of_sample)
    cases = [
        msgspec.structs.replace(case, rounding={key: told(file) for key, file in case.expected.items()})
        if case.expected
        else case
        for case in manifest.golden.cases
    ]
    golden = msgspec.structs.replace(manifest.golden, cases=cases, log_prob_of_sample_rounding=of_direction)
    files = {file: bundle.read(file) for file in manifest.files}
    files |= {told(file): npy_bytes(change.astype(np.float32)) for file, change in largest.items()}
    manifest = msgspec.structs.replace(manifest, golden=golden)
    write_bundle(bundle.path, manifest, files)
    kept = [each for each in manifest.verified or [] if each.check == "round trip"]
    figures = [*figures_of(verify(bundle.path)), *kept]
    write_bundle(bundle.path, msgspec.structs.replace(manifest, verified=figures), files)


def told(file: str) -> str:
    """Where the rounding of an array is kept."""
    return file.replace(".npy", "_rounding.npy")


def changes(bundle: Bundle, random: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """One draw: each array of expected numbers, and how far the moved graphs are from it."""
    golden = bundle.manifest.golden
    graphs = {graph: moved(bundle.graph(graph)[0], random) for graph in ("log_prob", "sample")}
    whole: dict[str, Case] = {}
    for case in golden.cases:
        if case.expected:
            (file,) = case.expected.values()
            whole[file] = case
    for file, case in whole.items():
        expected = bundle.array(file)
        inputs = {key: bundle.array(given)[: len(expected)] for key, given in case.inputs.items()}
        found = graphs[case.graph].run(None, inputs)[0]
        yield file, np.abs(found.astype(np.float64) - expected)
        if case.graph == "sample":
            context = {key: array for key, array in inputs.items() if key == "context"}
            again = graphs["log_prob"].run(None, {"x": found} | context)[0]
            yield golden.log_prob_of_sample, np.abs(again - bundle.array(golden.log_prob_of_sample))


if __name__ == "__main__":
    for model in sys.argv[1:] or sorted(path.parent.parent.name for path in ZOO.glob("*/bundle/flow.json")):
        tell(model)
        print(model, flush=True)
