"""Opening a bundle: what breaks the contract is refused in one line that names the file and the key."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper

from flowexport.bundle import json_schema, npy_bytes, open_bundle, read_npy, read_onnx, zoo_names
from flowexport.cli.main import main
from flowexport.errors import BundleError
from tests.conftest import Exported
from tests.planting import Planted

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


@pytest.fixture
def planted(plain: Exported, tmp_path: Path) -> Planted:
    return Planted(plain.path, tmp_path / "planted")


def set_at(manifest: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split(".")
    for key in parents:
        manifest = manifest[int(key) if key.isdigit() else key]
    if value is KeyError:
        del manifest[last]
    else:
        manifest[last] = value


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("format", "flowexport/2", "format: this package reads 'flowexport/1', the bundle says 'flowexport/2'"),
        ("format", KeyError, "format"),
        ("dtype", KeyError, "missing required field `dtype`"),
        ("dtype", "float16", "$.dtype"),
        ("latent_size", "2", "$.latent_size"),
        ("latent_size", 0, "$.latent_size"),
        ("graphs.sample", KeyError, "graph: the bundle holds log_prob alone, and no sample, so it cannot draw samples"),
        ("graphs.log_prob.outputs", [], "$.graphs.log_prob.outputs"),
        ("event_shape", [3], "features"),
        ("scale", [1.0, 0.0], "scale"),
        ("scale", [1.0], "scale: expected 2 entries, got 1"),
        ("context_size", 1, "context"),
        ("reference.log_prob_quantiles", [0.0] * 100, "log_prob_quantiles"),
        ("reference.log_prob_quantiles", [1.0, *[0.0] * 100], "must be ascending"),
        ("golden.log_prob_of_sample", "golden/nothing.npy", "files: 'golden/nothing.npy' is used but not listed"),
        ("golden.cases.0.error", "wrong_shape", "golden.cases[0]: needs either expected or error"),
        ("golden.cases.0.inputs", {}, "golden.cases[0].inputs: expected x"),
        ("golden.cases.0.inputs", {"z": "golden/z.npy"}, "golden.cases[0].inputs: expected x"),
        ("golden.noise.0.seed", "-1", "seed"),
        ("files", {}, "is used but not listed"),
    ],
)
def test_a_key_that_is_missing_or_wrong_is_named(planted: Planted, path: str, value: object, words: str) -> None:
    planted.edit_manifest(lambda manifest: set_at(manifest, path, value))
    with pytest.raises(BundleError, match=r"flow\.json: ") as caught:
        open_bundle(planted.path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": NaN}', "[" * 100_000, "\ud800"])
def test_a_flow_json_that_is_no_object_is_refused(planted: Planted, text: str) -> None:
    (planted.path / "flow.json").write_text(text, errors="surrogatepass")
    with pytest.raises(BundleError, match=r"flow\.json"):
        open_bundle(planted.path)


def test_a_huge_flow_json_is_refused_unread(planted: Planted) -> None:
    with (planted.path / "flow.json").open("r+b") as file:
        file.truncate(5 << 20)
    with pytest.raises(BundleError, match="larger than"):
        open_bundle(planted.path)


def test_a_file_that_is_not_there_is_named(planted: Planted) -> None:
    (planted.path / "golden/z.npy").unlink()
    with pytest.raises(BundleError, match=r"golden/z\.npy: files: cannot be read"):
        open_bundle(planted.path).read("golden/z.npy")


def test_an_unknown_key_is_kept(planted: Planted) -> None:
    planted.edit_manifest(lambda manifest: manifest.update(colour="blue"))
    assert open_bundle(planted.path).manifest.name == "plain"
    shown = CliRunner().invoke(main, ["inspect", "--json", str(planted.path)])
    assert json.loads(shown.stdout)["colour"] == "blue"


def test_a_folder_that_is_no_bundle_says_so(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is this a bundle"):
        open_bundle(tmp_path)


def test_the_folder_that_one_stands_in_is_a_bundle_too(plain: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(plain.path)
    assert open_bundle(".").manifest.name == "plain"


def test_a_name_that_is_no_model_lists_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no model of that name \(there are .*banana"):
        open_bundle("bananna")


def test_a_path_wins_over_a_name(plain: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_bundle("banana").manifest.name == "banana"
    Planted(plain.path, tmp_path / "banana")
    monkeypatch.chdir(tmp_path)
    assert open_bundle("banana").manifest.name == "plain"


def test_the_zoo_has_its_models() -> None:
    assert {"banana", "breast_cancer"} <= set(zoo_names())


@pytest.mark.skipif(
    tuple(map(int, msgspec.__version__.split(".")[:2])) < (0, 22),
    reason="msgspec before 0.22 leaves the pattern of keys out of a JSON Schema",
)
def test_the_published_schema_is_that_of_the_checks() -> None:
    published = json.loads((Path(__file__).parents[2] / "docs" / "flow.schema.json").read_text())
    assert published == json_schema()


def graph_with(**model: Any) -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "graph", [x], [y])
    return helper.make_model(graph, **{"opset_imports": [helper.make_opsetid("", 18)]} | model)


def test_the_outline_of_an_onnx_file_is_that_of_the_onnx_package(plain: Exported) -> None:
    data = (plain.path / "log_prob.onnx").read_bytes()
    model = onnx.load_from_string(data)
    found = read_onnx(data, "log_prob.onnx")
    assert found.ir_version == model.ir_version == 10
    assert found.opsets == [("", 18)]
    assert found.inputs == [("x", "float32", ["batch", 2])]
    assert found.outputs == [("log_prob", "float32", ["batch"])]
    assert found.operators.total() == len(model.graph.node)
    assert found.parameters == sum(int(np.prod(each.dims)) for each in model.graph.initializer)


def tensor_in_a_node(model: onnx.ModelProto) -> None:
    tensor = helper.make_tensor("t", TensorProto.FLOAT, [1], [0.0])
    tensor.data_location = TensorProto.EXTERNAL
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))


def sparse_tensor(model: onnx.ModelProto) -> None:
    sparse = model.graph.sparse_initializer.add()
    sparse.values.external_data.add(key="location", value="weights.bin")


@pytest.mark.parametrize("edit", [tensor_in_a_node, sparse_tensor])
def test_external_data_is_seen_wherever_it_hides(edit: Any) -> None:
    model = graph_with()
    edit(model)
    with pytest.raises(BundleError, match=r"external data|field 15 of Graph"):
        read_onnx(model.SerializeToString(), "x.onnx")


def branch(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("If", ["c"], ["d"], then_branch=model.graph, else_branch=model.graph))


def foreign_domain(model: onnx.ModelProto) -> None:
    model.graph.node[0].domain = "com.microsoft"


def other_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 21


@pytest.mark.parametrize(
    ("edit", "words"), [(branch, "subgraphs"), (foreign_domain, "com.microsoft"), (other_opset, "opset 21")]
)
def test_what_other_runtimes_cannot_run_is_refused(planted: Planted, edit: Any, words: str) -> None:
    planted.edit_graph("log_prob", edit)
    with pytest.raises(BundleError, match=words):
        open_bundle(planted.path).graph("log_prob")


def test_no_prefix_of_an_onnx_file_is_taken_for_a_whole_one(plain: Exported) -> None:
    data = (plain.path / "sample.onnx").read_bytes()
    for length in [*range(0, 200), *range(200, len(data), 997)]:
        try:
            found = read_onnx(data[:length], "sample.onnx")
        except BundleError:
            continue
        assert found.outputs == [] or found.inputs == [], length


@pytest.mark.parametrize("value", [b"\x10\x92", b"\x0a\x02a", b"\x0a\x92"])
def test_no_value_of_a_message_runs_on_into_the_next(value: bytes) -> None:
    # An opset import, field 8 of a model, whose last byte asks for more; then the graph, field 7, which is empty.
    with pytest.raises(BundleError, match="is not a whole ONNX file"):
        read_onnx(b"\x42" + bytes([len(value)]) + value + b"\x3a\x00", "x.onnx")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([object()]), "expected little-endian numbers"),
        (np.array(["text"]), "expected little-endian numbers"),
        (np.zeros(3, ">f4"), "expected little-endian numbers"),
        (np.asfortranarray(np.zeros((3, 2))), "fortran=True"),
    ],
)
def test_arrays_of_another_kind_are_refused(array: np.ndarray, words: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(BundleError, match=words):
        read_npy((tmp_path / "a.npy").read_bytes(), "a.npy")


def test_an_array_whose_bytes_do_not_fill_its_shape_is_refused() -> None:
    with pytest.raises(BundleError, match="do not fill the shape"):
        read_npy(npy_bytes(np.zeros((10, 3), np.float32))[:-4], "a.npy")


@pytest.mark.parametrize("array", [np.zeros((0, 3), np.float32), np.arange(6.0).reshape(2, 3), np.float64(3.5)])
def test_arrays_come_back_as_they_were(array: np.ndarray) -> None:
    found = read_npy(npy_bytes(np.asarray(array)), "a.npy")
    assert found.dtype == np.asarray(array).dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        (
            "flow.json",
            lambda whole: b"version https://git-lfs.github.com/spec/v1\n",
            "is a pointer of Git LFS.*git lfs pull",
        ),
        ("log_prob.onnx", lambda whole: b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS"),
        (
            "flow.json",
            lambda whole: b"\xef\xbb\xbf" + whole,
            "begins with a byte order mark; save it as UTF-8 without one",
        ),
        ("flow.json", lambda whole: whole[: len(whole) // 2], "it is cut short"),
        ("log_prob.onnx", lambda whole: b"", "it is empty: copy it again"),
        ("log_prob.onnx", lambda whole: whole[:-20], "it is cut short or damaged: is not a whole ONNX file"),
        ("golden/x.npy", lambda whole: whole[:-20], "it is cut short or damaged: .* bytes do not fill the shape"),
    ],
)
def test_a_file_that_is_not_the_one_is_named_as_what_it_is(planted, name, data, words):
    path = planted.path / name
    path.write_bytes(data(path.read_bytes()))
    with pytest.raises(BundleError, match=rf"{re.escape(name)}: .*{words}"):
        open_bundle(planted.path).read("log_prob.onnx" if name == "flow.json" else name)


def test_a_link_out_of_the_bundle_is_named_as_one_with_the_cure(planted, tmp_path):
    """The cache of the Hugging Face Hub is made of such links."""
    (planted.path / "log_prob.onnx").rename(tmp_path / "blob")
    (planted.path / "log_prob.onnx").symlink_to(tmp_path / "blob")
    with pytest.raises(BundleError, match=r"'log_prob\.onnx' is a link that leaves the folder; copy .*cp -rL"):
        open_bundle(planted.path).read("log_prob.onnx")
    shutil.copytree(planted.path, tmp_path / "copy")
    assert open_bundle(tmp_path / "copy").read("log_prob.onnx")
