"""A bundle in a zip, in bytes or in a file that is open; and what a notebook shows of a model and its proof."""

import io
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flowexport
from flowexport.errors import BundleError
from flowexport.proof.checks import Check, Report
from tests.conftest import Exported


def zipped(bundle: Path, top: str = "", leave: str = "", change: dict[str, bytes] | None = None) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(bundle.rglob("*")):
            name = path.relative_to(bundle).as_posix()
            if path.is_file() and name != leave:
                archive.writestr(top + name, (change or {}).get(name, path.read_bytes()))
    return data.getvalue()


@pytest.mark.parametrize("top", ["", "bundle/"])
def test_load_takes_a_zip_its_bytes_and_an_open_file(plain: Exported, tmp_path: Path, top: str) -> None:
    expected = flowexport.load(plain.path, device="cpu").log_prob(plain.x)
    data = zipped(plain.path, top)
    path = tmp_path / "bundle.zip"
    path.write_bytes(data)
    with path.open("rb") as file:
        for given in (path, str(path), data, io.BytesIO(data), file):
            model = flowexport.load(given, device="cpu")
            np.testing.assert_array_equal(model.log_prob(plain.x), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).log_prob(plain.x), expected)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda bundle: b"no zip", "neither a folder nor a zip"),
        (lambda bundle: zipped(bundle)[:-100], "neither a folder nor a zip"),
        (lambda bundle: zipped(bundle, leave="flow.json"), "no flow.json"),
        (lambda bundle: zipped(bundle, leave="log_prob.onnx"), "log_prob.onnx: files: listed and not in the zip"),
        (lambda bundle: zipped(bundle, change={"log_prob.onnx": b"other"}), "log_prob.onnx: files: hash differs"),
        (lambda bundle: zipped(bundle, "a/b/"), "no flow.json"),
        (lambda bundle: zipped(bundle, change={"flow.json": b" " * (5 << 20)}), "flow.json: larger than"),
    ],
)
def test_a_zip_that_holds_no_bundle_is_refused(plain: Exported, given: Any, words: str) -> None:
    with pytest.raises(BundleError, match=words):
        flowexport.load(given(plain.path), device="cpu")


def test_what_a_notebook_shows_is_short_and_names_features_and_figures(plain: Exported, conditional: Exported) -> None:
    model, given = (flowexport.load(each.path, device="cpu") for each in (plain, conditional))
    assert repr(model) == "Model('plain', features=['x0', 'x1'], device='cpu')"
    assert "context=['c0', 'c1']" in repr(given)
    assert "<td>x0, x1</td>" in model._repr_html_()
    report = Report("b<i>", "cpu", (Check("parity", "log_prob", "failed", 2.0, 1.0, "nats"),))
    assert "failed: " in repr(report)
    assert "b&lt;i&gt;" in report._repr_html_()
    assert repr(Report("b", "cpu", (Check("parity", "x", "passed"),))) == "Report('b' on cpu, 1 checks passed)"


def test_a_zip_is_verified_as_its_folder_is(plain: Exported, tmp_path: Path) -> None:
    path = shutil.make_archive(str(tmp_path / "bundle"), "zip", plain.path.parent, plain.path.name)
    of_zip, of_folder = flowexport.verify(path), flowexport.verify(plain.path)
    assert of_zip.passed
    assert (of_zip.digest, of_zip.checks) == (of_folder.digest, of_folder.checks)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(f"{plain.path.name}/log_prob.onnx", b"another")
    with pytest.raises(BundleError, match="is there twice"):
        flowexport.verify(path)
