"""The gate: each planted fault gives exit 1 or 2 and one line that names it, with the hashes made right again."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner, Result

from flowexport.cli.main import main
from flowexport.lowering import lean, lower
from flowexport.lowering.form import Vectors
from flowexport.lowering.graphs.builder import Builder
from flowexport.lowering.graphs.flow import Walk, parted_exit
from tests.conftest import Exported
from tests.planting import (
    Planted,
    drop_log_det,
    fix_batch,
    fix_batch_inside,
    move_data_outside,
    nudge_largest_weight,
    swap_columns,
)


@pytest.fixture
def planted(plain: Exported, tmp_path: Path) -> Planted:
    return Planted(plain.path, tmp_path / "planted")


def verify(path: Path) -> Result:
    return CliRunner().invoke(main, ["verify", "--json", "--device", "cpu", str(path)])


def assert_refused(result: Result, status: int, *words: str) -> None:
    assert result.exit_code == status, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    for word in words:
        assert word in lines[0]


def failed_checks(result: Result) -> set[str]:
    return {check["name"] for check in json.loads(result.stdout)["checks"] if check["status"] == "failed"}


def test_an_untouched_copy_passes(planted: Planted) -> None:
    planted.rehash()
    assert verify(planted.path).exit_code == 0


def test_a_refusal_prints_the_table_the_worst_row_and_the_cure(planted: Planted) -> None:
    planted.edit_graph("log_prob", nudge_largest_weight)
    result = CliRunner().invoke(main, ["verify", "--device", "cpu", str(planted.path)])
    document = json.loads(verify(planted.path).stdout)
    worst = next(check for check in document["checks"] if check["status"] == "failed")
    x = np.load(planted.path / "golden/x.npy")
    assert worst["inputs"]["x"] in x.tolist()
    for word in (
        "structure",
        "mass",
        "device",
        worst["cure"][:40],
        f"row {worst['row']}:",
        f"{worst['inputs']['x'][0]:.6g}",
    ):
        assert word in result.stdout


@pytest.mark.parametrize("graph", ["log_prob", "sample"])
def test_largest_weight_nudged_by_one_per_cent(planted: Planted, graph: str) -> None:
    planted.edit_graph(graph, nudge_largest_weight)
    assert_refused(verify(planted.path), 1, "parity", graph)


def test_missing_log_determinant_of_one_layer(planted: Planted) -> None:
    planted.edit_graph("log_prob", drop_log_det)
    assert_refused(verify(planted.path), 1, "parity", "log_prob")


def test_columns_of_the_sample_swapped(planted: Planted) -> None:
    planted.edit_graph("sample", swap_columns)
    assert_refused(verify(planted.path), 1, "parity", "sample")


def test_sampler_in_the_wrong_direction(planted: Planted, plain: Exported) -> None:
    planted.write("sample.onnx", forward_as_sampler(plain))
    result = verify(planted.path)
    assert_refused(result, 1, "parity", "sample")
    assert "direction" in failed_checks(result)


def test_sampler_in_the_wrong_direction_with_references_to_match(planted: Planted, plain: Exported) -> None:
    """The published fault: the exporter's own references are wrong the same way, so parity sees nothing."""
    graph = forward_as_sampler(plain)
    planted.write("sample.onnx", graph)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    z = np.load(planted.path / "golden/z.npy")
    planted.write_array("sample", session.run(None, {"z": z})[0].astype(np.float64))
    result = verify(planted.path)
    assert_refused(result, 1, "direction", "nats")
    assert failed_checks(result) == {"direction"}


def forward_as_sampler(exported: Exported) -> bytes:
    """The map x → z under the sampler's signature."""
    program, graph = lean(lower(exported.flow)), Builder(np.dtype("float32"))
    layers, exit_scale = parted_exit(program)
    walk = Walk(graph, program, None)
    x = graph.node("Sub", "z", graph.numbers("mean", program.mean))
    z = graph.node("Mul", walk.join(walk.forward(x, layers)), graph.numbers("exit", exit_scale))
    return graph.model("sample", {"z": program.features}, z, "x", program.features)


@pytest.mark.parametrize("graph", ["log_prob", "sample"])
def test_fixed_batch_in_the_signature(planted: Planted, graph: str) -> None:
    planted.edit_graph(graph, fix_batch)
    assert_refused(verify(planted.path), 2, f"{graph}.onnx", "batch", "256")


def test_fixed_batch_inside_the_graph(planted: Planted) -> None:
    planted.edit_graph("log_prob", fix_batch_inside)
    assert_refused(verify(planted.path), 1, "log_prob")


def test_graphs_swapped(planted: Planted) -> None:
    first, second = (planted.path / f"{name}.onnx" for name in ("log_prob", "sample"))
    data = first.read_bytes(), second.read_bytes()
    first.write_bytes(data[1])
    planted.write("sample.onnx", data[0])
    assert_refused(verify(planted.path), 2, "log_prob.onnx", "inputs")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99, 0.9999])
def test_truncated_file_with_its_hash(planted: Planted, part: float) -> None:
    data = (planted.path / "sample.onnx").read_bytes()
    planted.write("sample.onnx", data[: int(part * len(data))])
    assert_refused(verify(planted.path), 2, "sample.onnx", "whole ONNX file")


@pytest.mark.parametrize("name", ["log_prob.onnx", "sample.onnx", "golden/x.npy", "golden/log_prob.npy"])
def test_flipped_byte(planted: Planted, name: str) -> None:
    data = bytearray((planted.path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (planted.path / name).write_bytes(data)
    assert_refused(verify(planted.path), 2, name, "hash differs")


def test_sign_of_a_weight_flipped_with_its_hash(planted: Planted) -> None:
    """One bit of the file, in the one place where it does the most harm."""

    def flip(model: onnx.ModelProto) -> None:
        weight = max(
            (each for each in model.graph.initializer if len(each.dims) == 2), key=lambda each: len(each.raw_data)
        )
        data = bytearray(weight.raw_data)
        data[3] ^= 0x80
        weight.raw_data = bytes(data)

    planted.edit_graph("log_prob", flip)
    assert_refused(verify(planted.path), 1, "parity", "log_prob")


def test_sampler_of_another_bundle(planted: Planted, other: Exported) -> None:
    planted.write("sample.onnx", (other.path / "sample.onnx").read_bytes())
    result = verify(planted.path)
    assert_refused(result, 1, "sample")
    assert {"parity", "direction"} <= failed_checks(result)


def test_density_that_does_not_integrate_to_one(planted: Planted) -> None:
    """A constant added to log_prob and to its references: only the mass can tell."""

    def add(model: onnx.ModelProto) -> None:
        weights = {each.name: each for each in model.graph.initializer}
        # Where the log-determinants are summed, by a product with ones.
        total = next(
            node
            for node in model.graph.node
            if node.op_type == "Gemm" and (onnx.numpy_helper.to_array(weights[node.input[1]]) == 1).all()
        )
        constant = weights[total.input[2]]
        value = onnx.numpy_helper.to_array(constant) + np.float32(0.01)
        constant.CopyFrom(onnx.numpy_helper.from_array(np.asarray(value, np.float32), constant.name))

    planted.edit_graph("log_prob", add)
    for name in ("log_prob", "tail_log_prob", "log_prob_of_sample"):
        planted.write_array(name, np.load(planted.path / f"golden/{name}.npy") + 0.01)
    result = verify(planted.path)
    assert_refused(result, 1, "mass")
    assert failed_checks(result) == {"mass"}


def test_external_data(planted: Planted) -> None:
    planted.edit_graph("log_prob", move_data_outside)
    assert_refused(verify(planted.path), 2, "log_prob.onnx", "external data")


@pytest.mark.parametrize(
    "name", ["../secret.npy", "/etc/hostname", "golden/../../secret.npy", "C:\\x.npy", "a\\..\\x.npy"]
)
def test_path_that_leaves_the_folder(planted: Planted, name: str) -> None:
    (planted.path.parent / "secret.npy").write_bytes(b"secret")
    planted.edit_manifest(lambda manifest: manifest["files"].update({name: "0" * 64}))
    assert_refused(verify(planted.path), 2, "flow.json", "leaves the folder", json.dumps(json.dumps(name)[1:-1])[1:-1])


def test_link_that_leaves_the_folder(planted: Planted, tmp_path: Path) -> None:
    outside = tmp_path / "outside.npy"
    shutil.move(planted.path / "golden/x.npy", outside)
    (planted.path / "golden/x.npy").symlink_to(outside)
    assert_refused(verify(planted.path), 2, "golden/x.npy", "leaves the folder")


def test_bounds_that_a_bundle_loosens_do_not_count(planted: Planted) -> None:
    loose = {"atol": 1e3, "rtol": 1.0}
    planted.edit_graph("log_prob", nudge_largest_weight)
    planted.edit_manifest(lambda manifest: manifest.update(tolerance={"log_prob": loose, "sample": loose}))
    assert_refused(verify(planted.path), 1, "parity", "log_prob")


def test_a_scale_that_a_bundle_widens_does_not_count(planted: Planted) -> None:
    samples = np.load(planted.path / "golden/sample.npy")
    planted.write_array("sample", samples + 0.05 * samples.std(axis=0))
    planted.edit_manifest(lambda manifest: manifest.update(scale=[100.0, 100.0]))
    assert_refused(verify(planted.path), 1, "parity", "sample")


def test_bounds_that_a_bundle_tightens_do(planted: Planted) -> None:
    tight = {"atol": 0.0, "rtol": 1e-15}
    planted.edit_manifest(lambda manifest: manifest["tolerance"].update(log_prob=tight))
    assert_refused(verify(planted.path), 1, "parity", "log_prob")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_references_that_are_no_numbers_fail(planted: Planted, value: float) -> None:
    expected = np.load(planted.path / "golden/log_prob.npy")
    expected[0] = value
    planted.write_array("log_prob", expected)
    assert_refused(verify(planted.path), 1, "parity", "log_prob")


def test_checkpoint_of_another_model(plain: Exported, other: Exported) -> None:
    """A bundle that agrees with itself is still held to the trained model."""
    from flowexport.export import references_from
    from flowexport.proof import verify as verify_bundle

    references = references_from(other.flow, other.x, None)
    report = verify_bundle(plain.path, "cpu", references)
    assert {"parity", "direction"} <= {check.name for check in report.failures}


def test_failed_export_leaves_the_old_bundle(
    plain: Exported, other: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import flowexport
    from flowexport.errors import CheckFailed

    target = tmp_path / "bundle"
    shutil.copytree(plain.path, target)
    before = contents(target)
    wrong = (other.path / "sample.onnx").read_bytes()
    right = Vectors.graph
    monkeypatch.setattr(
        Vectors, "graph", lambda form, name, dtype: wrong if name == "sample" else right(form, name, dtype)
    )
    with pytest.raises(CheckFailed, match="not exported") as refusal:
        flowexport.export(plain.flow, target, plain.x)
    report = refusal.value.report
    assert {"structure", "parity", "direction"} <= {check.name for check in report.checks}
    # A wrong spline was integrated for three minutes before its fault was told.
    assert {check.detail for check in report.checks if check.name == "mass"} == {"a check before it failed"}
    worst = next(check for check in report.failures if check.name == "parity")
    z = np.load(target / "golden/z.npy")[worst.row]
    assert worst.inputs == {"z": z.tolist()}
    assert worst.cure is not None
    assert contents(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
