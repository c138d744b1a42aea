"""A model repository is what Triton reads: parsed with its own protobuf, and held to the graphs that it names."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from click.testing import CliRunner, Result
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

import flowexport
from flowexport.bundle import open_bundle, zoo_names
from flowexport.cli.main import main

DATA_TYPES = {1: "TYPE_FP32", 11: "TYPE_FP64"}
"""onnx.TensorProto.FLOAT and DOUBLE, as Triton calls them."""


def deployed(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["deploy", "triton", *map(str, words)])


def config_of(model: Path) -> model_config_pb2.ModelConfig:
    return text_format.Parse((model / "config.pbtxt").read_text(encoding="utf-8"), model_config_pb2.ModelConfig())


def require_fits(config: model_config_pb2.ModelConfig, graph: onnx.GraphProto) -> None:
    """Triton's rule for a backend that batches: the batch, and behind it a tensor's dims, or what reshapes them."""
    assert config.max_batch_size > 0
    for declared, of_graph in ((config.input, graph.input), (config.output, graph.output)):
        assert [each.name for each in declared] == [each.name for each in of_graph]
        for tensor, value in zip(declared, of_graph, strict=True):
            assert len(tensor.dims) > 0, "Triton refuses a tensor without dims"
            batch, *axes = value.type.tensor_type.shape.dim
            assert batch.dim_param == "batch"
            behind = tensor.reshape.shape if tensor.HasField("reshape") else tensor.dims
            assert list(behind) == [axis.dim_value for axis in axes]
            assert model_config_pb2.DataType.Name(tensor.data_type) == DATA_TYPES[value.type.tensor_type.elem_type]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every model of the zoo: with and without context, and images."""
    path = tmp_path_factory.mktemp("triton") / "repository"
    done = deployed(
        *zoo_names(), "-o", path, "--max-batch", "512", "--instances", "3", "--threads", "2", "--delay", "50"
    )
    assert done.exit_code == 0, done.output
    return path


@pytest.mark.parametrize("graph", ["log_prob", "sample"])
@pytest.mark.parametrize("name", zoo_names())
def test_a_configuration_fits_its_graph(repository: Path, name: str, graph: str) -> None:
    model = repository / f"{name}_{graph}"
    config = config_of(model)
    bundle = open_bundle(name)
    data = (model / "1" / "model.onnx").read_bytes()
    assert data == bundle.graph(graph)[0]
    require_fits(config, onnx.load_from_string(data).graph)
    assert config.name == model.name
    assert config.backend == "onnxruntime"
    assert config.parameters["digest"].string_value == bundle.sha256


def test_what_is_asked_for_is_in_the_configuration(repository: Path) -> None:
    config = config_of(repository / "diamonds_log_prob")
    assert config.max_batch_size == 512
    assert config.dynamic_batching.max_queue_delay_microseconds == 50
    (group,) = config.instance_group
    assert (group.kind, group.count) == (model_config_pb2.ModelInstanceGroup.KIND_CPU, 3)
    assert config.parameters["intra_op_thread_count"].string_value == "2"
    assert [run.batch_size for run in config.model_warmup] == [1, 512]
    for run in config.model_warmup:
        assert {name: list(each.dims) for name, each in run.inputs.items()} == {"x": [4], "context": [3]}
        assert all(each.zero_data for each in run.inputs.values())


def test_a_gpu_is_asked_for(tmp_path: Path) -> None:
    assert deployed("banana", "-o", tmp_path, "--device", "cuda").exit_code == 0
    (group,) = config_of(tmp_path / "banana_sample").instance_group
    assert group.kind == model_config_pb2.ModelInstanceGroup.KIND_GPU


def test_the_python_backend_has_the_bundle_beside_its_model(tmp_path: Path) -> None:
    assert deployed("fruit=banana", "-o", tmp_path, "--backend", "python", "--max-batch", "1").exit_code == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["fruit_log_prob", "fruit_sample"]
    for graph, outputs in (("log_prob", ["log_prob", "percentile"]), ("sample", ["x"])):
        version = tmp_path / f"fruit_{graph}" / "1"
        config = config_of(version.parent)
        assert [each.name for each in config.output] == outputs
        assert [run.batch_size for run in config.model_warmup] == [1]
        compile((version / "model.py").read_text(encoding="utf-8"), "model.py", "exec")
        digest = config.parameters["digest"].string_value
        assert flowexport.verify(version / "bundle", device="cpu").passed
        assert flowexport.load(version / "bundle", device="cpu", digest=digest).manifest.name == "banana"


def test_models_are_added_and_none_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "another").mkdir()
    assert deployed("banana", "-o", tmp_path).exit_code == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    refused = deployed("moons", "banana", "-o", tmp_path)
    assert refused.exit_code == 2
    assert "banana_log_prob: is there already; remove it, or name another folder" in refused.output
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert deployed("moons", "-o", tmp_path).exit_code == 0
    assert len([*tmp_path.iterdir()]) == 5, "and nothing of the making is left"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["banana", "moons=banana", "moons"], "moons: is named moons, as "),
        (["no/such=banana"], "no/such=banana: no such folder, and no model of that name"),
        (["strange/bundle"], "strange/bundle: 'a/../b' is no name for a folder and an address; give one: NAME="),
        (["nowhere"], "nowhere: no such folder, and no model of that name"),
    ],
)
def test_a_name_that_cannot_be_is_refused(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if "strange/bundle" in words:
        source = open_bundle("banana").path
        for path in source.rglob("*"):
            if path.is_file():
                target = Path("strange/bundle") / path.relative_to(source)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes().replace(b'"name": "banana"', b'"name": "a/../b"'))
    refused = deployed(*words, "-o", "repository")
    assert refused.exit_code == 2
    assert message in refused.output
    assert not Path("repository").exists()
