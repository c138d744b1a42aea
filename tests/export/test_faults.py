"""Small faults in the graphs of the zoo: each is told from rounding, though every number has a share for its own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from flowexport.bundle import open_bundle, zoo_names
from flowexport.proof import references_of, verify
from flowexport.proof.parity import parity_check
from flowexport.runtime import load
from tests.planting import Planted, append_node

Fault = Callable[[onnx.ModelProto], object]

AFFINE = ("banana", "breast_cancer", "digits", "funnel", "mixture")
SPLINES = ("diamonds", "moons", "noisy_ring")


@pytest.fixture(params=[*AFFINE, *SPLINES])
def zoo(request: pytest.FixtureRequest, tmp_path: Path) -> Planted:
    return Planted(open_bundle(request.param).path, tmp_path / request.param)


def test_every_model_of_the_zoo_is_here() -> None:
    assert sorted([*AFFINE, *SPLINES]) == sorted(zoo_names())


def hidden(bundle: Planted, graph: str, faults: dict[str, Fault]) -> list[str]:
    """The faults that parity does not see, though it would if no number had a share for its rounding."""
    file = bundle.path / f"{graph}.onnx"
    right = file.read_bytes()
    unseen = []
    for name, fault in faults.items():
        bundle.edit_graph(graph, fault)
        if passes(bundle, graph) and not passes(bundle, graph, rounding=False):
            unseen.append(name)
        bundle.write(file.name, right)
    return unseen


def caught(bundle: Planted, fault: Fault, graph: str = "log_prob") -> bool:
    """Whether parity fails once a graph has a fault."""
    file = bundle.path / f"{graph}.onnx"
    right = file.read_bytes()
    bundle.edit_graph(graph, fault)
    found = passes(bundle, graph)
    bundle.write(file.name, right)
    return not found


def passes(bundle: Planted, graph: str, rounding: bool = True) -> bool:
    model, references = load(bundle.path), references_of(open_bundle(bundle.path))
    references = references if rounding else references.exact()
    scale = references.scale(model)
    # The largest batch and the tails: the others are parts of these rows.
    cases = [case for case in references.cases if case.graph == graph]
    largest = max(cases, key=lambda case: len(case.expected))
    told = [case for case in cases if case is largest or case.in_the_tails]
    return all(parity_check(model, case, scale).status == "passed" for case in told)


def constants(bundle: Planted, graph: str, ending: str) -> list[str]:
    """The names of a graph's initializers of layers, by how they end."""
    model = onnx.load(bundle.path / f"{graph}.onnx")
    return [each.name for each in model.graph.initializer if each.name.endswith(ending)]


def changed(change: Callable[[np.ndarray], np.ndarray], *names: str) -> Fault:
    """Constants become others."""

    def fault(model: onnx.ModelProto) -> None:
        for constant in model.graph.initializer:
            if constant.name in names:
                array = numpy_helper.to_array(constant)
                constant.CopyFrom(numpy_helper.from_array(change(array).astype(array.dtype), constant.name))

    return fault


def weights(bundle: Planted, graph: str) -> dict[str, Fault]:
    """Each weight matrix off by a thousandth, and each bias by 1e-3."""
    larger = {name: changed(lambda a: a * 1.001, name) for name in constants(bundle, graph, ".weight")}
    return larger | {name: changed(lambda a: a + 1e-3, name) for name in constants(bundle, graph, ".bias")}


def test_an_untouched_bundle_passes(zoo: Planted) -> None:
    assert passes(zoo, "log_prob")
    assert passes(zoo, "sample")


@pytest.mark.slow
def test_each_weight_and_each_bias_of_a_density(zoo: Planted) -> None:
    assert [name for name, fault in weights(zoo, "log_prob").items() if not caught(zoo, fault)] == []


@pytest.mark.slow
def test_each_weight_and_each_bias_of_a_sampler(zoo: Planted) -> None:
    """Some move no sample by 1e-4 deviations, with or without rounding."""
    assert hidden(zoo, "sample", weights(zoo, "sample")) == []


def test_a_weight_and_a_bias_of_the_first_layer(zoo: Planted) -> None:
    for name, fault in list(weights(zoo, "log_prob").items())[:: len(weights(zoo, "log_prob")) - 1]:
        assert caught(zoo, fault), name


def test_the_sign_of_a_log_determinant(zoo: Planted) -> None:
    assert caught(zoo, negate_a_log_det)


def negate_a_log_det(model: onnx.ModelProto) -> None:
    """One term of the sum of log-determinants changes its sign, before the product with ones that adds up features."""
    ones = {c.name for c in model.graph.initializer if (numpy_helper.to_array(c) == 1).all() and len(c.dims) == 2}
    made = {name: node for node in model.graph.node for name in node.output}
    (total, *_) = [node for node in model.graph.node if node.op_type in ("Gemm", "MatMul") and node.input[1] in ones]
    addition = made[total.input[0]]
    # Of one layer there is no sum: the term is what the product takes.
    node, place = (addition, 0) if addition.op_type in ("Sum", "Add") else (total, 0)
    negative = onnx.helper.make_node("Neg", [node.input[place]], ["negative"], name="negative")
    node.input[place] = "negative"
    model.graph.node.insert(list(model.graph.node).index(node), negative)


@pytest.mark.parametrize("zoo", AFFINE, indirect=True)
def test_the_clamp_left_out(zoo: Planted) -> None:
    def unclamped(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            if node.op_type == "Softsign":
                node.op_type = "Identity"

    assert caught(zoo, unclamped)


def test_a_layer_dropped(zoo: Planted) -> None:
    """The heads of one coupling give nothing."""
    heads = [name for name in constants(zoo, "log_prob", "") if ".heads." in name]
    layer = heads[0].partition(".heads.")[0]
    assert caught(zoo, changed(np.zeros_like, *(name for name in heads if name.startswith(f"{layer}.heads."))))


def test_the_constant_off_by_a_thousandth_of_a_nat(zoo: Planted) -> None:
    assert caught(zoo, lambda model: append_node(model, "Add", numpy_helper.from_array(np.float32(1e-3), "more")))


@pytest.mark.parametrize("zoo", ["diamonds"], indirect=True)
def test_context_columns_swapped(zoo: Planted) -> None:
    def swapped(model: onnx.ModelProto) -> None:
        model.graph.initializer.append(numpy_helper.from_array(np.array([1, 0, 2]), "order"))
        for node in model.graph.node:
            for place, name in enumerate(node.input):
                if name == "context":
                    node.input[place] = "swapped"
        gather = onnx.helper.make_node("Gather", ["context", "order"], ["swapped"], axis=1, name="swap")
        model.graph.node.insert(0, gather)

    assert caught(zoo, swapped)
    assert caught(zoo, swapped, "sample")


@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("zoo", ["diamonds"], indirect=True)
def test_categories_permuted(zoo: Planted, column: int) -> None:
    permuted = changed(lambda codes: np.roll(codes, 1), f"lean.encoder.codes_{column}")
    assert caught(zoo, permuted)
    assert caught(zoo, permuted, "sample")


def test_rounding_that_a_bundle_claims_is_no_way_round_the_bounds(zoo: Planted) -> None:
    """Rounding without end on every number: the package's own check of it fails, and so does a large fault."""
    for name in ("log_prob", "tail_log_prob", "sample", "log_prob_of_sample"):
        array = np.load(zoo.path / f"golden/{name}_rounding.npy")
        zoo.write_array(f"{name}_rounding", np.full_like(array, np.inf))
    report = verify(zoo.path)
    assert {check.subject for check in report.failures} == {f"{of}, nine in ten" for of in FLOAT32}
    assert all(check.cure is not None and "--dtype float64" in check.cure for check in report.failures)


FLOAT32 = ("log_prob", "sample", "direction")
