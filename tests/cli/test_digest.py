"""A bundle is pinned by its digest, the SHA-256 of flow.json: it is printed, and any other bundle is refused."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import flowexport
from flowexport.bundle import open_bundle
from flowexport.cli.main import main
from flowexport.errors import ArgumentError, BundleError
from tests.conftest import Exported
from tests.planting import Planted

BANANA = hashlib.sha256((open_bundle("banana").path / "flow.json").read_bytes()).hexdigest()
OTHER = hashlib.sha256(b"").hexdigest()


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_a_bundle_of_that_digest_is_opened_and_no_other() -> None:
    assert flowexport.load("banana", device="cpu", digest=BANANA).bundle.sha256 == BANANA
    assert flowexport.verify("banana", digest=BANANA).digest == BANANA
    for use in (flowexport.load, flowexport.verify):
        with pytest.raises(BundleError, match=f"digest: expected {OTHER[:12]}…, found {BANANA[:12]}…"):
            use("banana", device="cpu", digest=OTHER)  # type: ignore[operator]


@pytest.mark.parametrize("digest", ["", BANANA[:-1], BANANA.upper(), f"{BANANA}\n", "sha256:" + BANANA])
def test_a_digest_that_is_none_is_refused(digest: str) -> None:
    with pytest.raises(ArgumentError, match="expected 64 lower-case hex digits"):
        flowexport.load("banana", device="cpu", digest=digest)


def test_whatever_changes_in_a_bundle_changes_its_digest(tmp_path: Path) -> None:
    """The hashes of all other files are in flow.json."""
    planted = Planted(open_bundle("banana").path, tmp_path / "banana")
    assert flowexport.load(planted.path, device="cpu", digest=BANANA)
    planted.write("sample.onnx", (planted.path / "sample.onnx").read_bytes().replace(b"flowexport", b"flowexpert"))
    with pytest.raises(BundleError, match="digest: expected"):
        flowexport.load(planted.path, device="cpu", digest=BANANA)


def test_inspect_and_verify_print_it() -> None:
    assert BANANA in run("inspect", "banana").stdout
    assert BANANA in run("verify", "banana", "--device", "cpu").stdout
    assert json.loads(run("verify", "banana", "--device", "cpu", "--json").stdout)["digest"] == BANANA


def test_export_prints_it(plain: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = flowexport.verify(plain.path)
    monkeypatch.setattr("flowexport.training.load_checkpoint", lambda folder: None)
    monkeypatch.setattr("flowexport.export.export_checkpoint", lambda *given: report)
    printed = run("export", tmp_path, "-o", plain.path)
    assert printed.exit_code == 0, printed.output
    assert hashlib.sha256((plain.path / "flow.json").read_bytes()).hexdigest() in printed.stdout


@pytest.mark.parametrize(
    "words",
    [("verify", "banana"), ("score", "banana", "rows.csv"), ("sample", "banana", "-n", "1")],
)
def test_verbs_refuse_another(words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text("x1,x2\n1,2\n")
    assert run(*words, "--device", "cpu", "--digest", BANANA).exit_code == 0
    refused = run(*words, "--device", "cpu", "--digest", OTHER)
    assert refused.exit_code == 2
    (line,) = refused.stderr.splitlines()
    assert f"digest: expected {OTHER[:12]}…" in line
