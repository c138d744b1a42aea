"""Opening a bundle: what breaks its contract is refused in one line that names file and key."""

import os
from pathlib import Path
from typing import Any

import pytest
from conftest import Tampered
from flowbundle import BundleError, open_bundle


def test_a_whole_bundle_opens(banana: Path) -> None:
    manifest = open_bundle(banana).manifest
    assert manifest.name == "banana"
    assert manifest.features == ("x1", "x2")
    assert manifest.quantiles is not None
    assert len(manifest.quantiles) == 101


def test_keys_that_are_not_known_are_passed_over_and_those_that_may_be_null_are(tampered: Tampered) -> None:
    for key, value in (("colour", "blue"), ("features", None), ("reference", None)):
        tampered.set(key, value)
    manifest = open_bundle(tampered.path).manifest
    assert manifest.features == ("x0", "x1")
    assert manifest.quantiles is None


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("format", "flowexport/2", 'format: expected "flowexport/1", got "flowexport/2"'),
        ("format", KeyError, "format: is missing"),
        ("dtype", "float16", 'dtype: expected "float32" or "float64", got "float16"'),
        ("name", 5, "name: expected text, got 5"),
        ("name", "\ud800", "name: a text holds U+D800"),
        ("event_shape", [], "event_shape: expected 1 to 3 entries, got 0"),
        ("event_shape", [2**31 - 1, 2**31 - 1], "scale: expected"),
        ("event_shape.0", 2.0, "event_shape[0]: expected a whole number"),
        ("event_shape.0", True, "event_shape[0]: expected a whole number"),
        ("latent_size", 0, "latent_size: expected a whole number"),
        ("latent_size", 3, "graphs.sample.inputs[0].shape"),
        ("context_size", 2**31 - 1, "context_size: expected a whole number"),
        ("context_size", 2, "graphs.log_prob.inputs: expected 2 entries, got 1"),
        ("context_features", [{"name": "c"}], "context_features: expected 0 entries, got 1"),
        ("features", ["x1"], "features: expected 2 entries, got 1"),
        ("scale.1", 0, "scale[1]: expected a positive number"),
        ("scale", [1e999, 1.0], "is not JSON"),
        ("reference.log_prob_quantiles.3", 9e9, "reference.log_prob_quantiles: must ascend"),
        ("reference.log_prob_quantiles", [0.0] * 100, "reference.log_prob_quantiles: expected 101 entries"),
        ("selector", "yes", "selector: expected true or false"),
        ("graphs.sample.file", "other.onnx", 'graphs.sample.file: "other.onnx" is not listed in files'),
        ("graphs.sample.outputs.0.name", "y", 'graphs.sample.outputs[0].name: expected "x", got "y"'),
        ("graphs.log_prob", [], "graphs.log_prob: expected an object"),
        ("graphs.log_prob", None, "graphs.log_prob: expected an object"),
        ("graphs", {"latent": {}}, 'graphs: expected log_prob or sample, got ["latent"]'),
        ("files", {"log_prob.onnx": "0" * 63}, "expected a SHA-256"),
        ("files", [], "files: expected an object"),
    ],
)
def test_a_key_that_is_missing_or_wrong_is_named(tampered: Tampered, key: str, value: object, words: str) -> None:
    tampered.set(key, value)
    with pytest.raises(BundleError) as caught:
        open_bundle(tampered.path)
    assert str(caught.value).startswith(f"{tampered.path / 'flow.json'}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[]", b'{"format": NaN}', b"[" * 100_000, b"9" * 10_000])
def test_what_is_no_json_object_is_refused(tampered: Tampered, data: bytes) -> None:
    (tampered.path / "flow.json").write_bytes(data)
    with pytest.raises(BundleError, match=r"flow\.json: "):
        open_bundle(tampered.path)


@pytest.mark.parametrize(
    "name", ["../x", "/etc/hostname", "golden/../../x", "./x", "golden//x", "", "a\\b", "C:x", "golden/.."]
)
def test_a_name_that_leaves_the_folder_is_refused(tampered: Tampered, name: str) -> None:
    tampered.edit(lambda manifest: manifest["files"].update({name: "0" * 64}))
    with pytest.raises(BundleError, match=r"flow\.json: files: .* leaves the folder"):
        open_bundle(tampered.path)


def test_a_link_that_leads_out_is_refused_and_one_that_stays_is_followed(tampered: Tampered) -> None:
    file = tampered.path / "golden" / "x.npy"
    inside = file.rename(tampered.path / "elsewhere.npy")
    file.symlink_to(inside)
    open_bundle(tampered.path)
    outside = inside.rename(tampered.path.parent / "outside.npy")
    file.unlink()
    file.symlink_to(outside)
    with pytest.raises(BundleError, match=r"golden/x\.npy' leaves the folder"):
        open_bundle(tampered.path)


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("fault", "words"),
    [(Path.unlink, "cannot be read"), (damage, "hash differs"), (folder, "cannot be read")],
)
@pytest.mark.parametrize("name", ["log_prob.onnx", "golden/z.npy"])
def test_a_file_that_is_not_the_listed_one_is_named(tampered: Tampered, fault: Any, words: str, name: str) -> None:
    fault(tampered.path / name)
    with pytest.raises(BundleError) as caught:
        open_bundle(tampered.path)
    assert str(tampered.path / name) in str(caught.value)
    assert words in str(caught.value)


def test_a_huge_flow_json_is_refused_unread(tampered: Tampered) -> None:
    os.truncate(tampered.path / "flow.json", 5 << 20)
    with pytest.raises(BundleError, match="larger than"):
        open_bundle(tampered.path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"nothing/flow\.json: cannot be read"):
        open_bundle(tmp_path / "nothing")
