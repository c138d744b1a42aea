"""What a bundle says of itself to a person: how good it is, what it holds of the data, and its README."""

import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import flowexport
from flowexport.bundle import open_bundle
from flowexport.bundle.readme import cell
from flowexport.bundle.schema import Quality
from flowexport.cli.main import main
from flowexport.errors import ArgumentError, BundleError
from tests.conftest import Exported
from tests.planting import Planted


@pytest.fixture(scope="module")
def of_samples(plain: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle ``plain`` once more, with golden rows of its own samples."""
    path = tmp_path_factory.mktemp("samples") / "plain"
    flowexport.export(plain.flow, path, plain.x, name="plain", golden="samples")
    return path


def test_the_nll_is_that_of_the_rows_and_the_gaussian_is_not_of_the_row_that_it_judges(plain: Exported) -> None:
    quality = open_bundle(plain.path).manifest.quality
    scores = flowexport.load(plain.path, device="cpu").log_prob(plain.x)
    assert quality.judged_on == "given rows"
    assert quality.rows == len(plain.x)
    assert quality.nll == pytest.approx(-scores.mean(dtype=np.float64), abs=1e-4)
    assert quality.standard_error == pytest.approx(scores.std(ddof=1) / math.sqrt(len(scores)), rel=1e-3)
    assert quality.gaussian_fitted_on == "folds"
    assert quality.ranges == list(zip(plain.x.min(0), plain.x.max(0), strict=True))


def test_what_training_found_is_kept_as_it_is(plain: Exported, tmp_path: Path) -> None:
    known = Quality("held-out rows", 17, 1.5, 0.25, 153, 2.0, "training rows", [(0.0, 1.0), (-2.0, 2.0)])
    flowexport.export(plain.flow, tmp_path / "bundle", plain.x, quality=known)
    assert open_bundle(tmp_path / "bundle").manifest.quality == known
    shown = " ".join(CliRunner().invoke(main, ["inspect", str(tmp_path / "bundle")]).stdout.split())
    assert "NLL 1.5 ± 0.25 nats a row on 17 held-out rows, trained on 153" in shown
    assert "a Gaussian fitted on the training rows has 2; the flow is better by 0.5 nats a row" in shown
    assert "x1: from -2 to 2" in shown


def test_golden_samples_hold_no_row_of_the_data_and_keep_the_percentiles(plain: Exported, of_samples: Path) -> None:
    data = plain.x.astype(np.float32)
    held = np.load(plain.path / "golden/x.npy")
    assert (held[:, None] == data[None]).all(-1).any(1).all()
    assert not (np.load(of_samples / "golden/x.npy")[:, None] == data[None]).all(-1).any()
    one, other = (open_bundle(path).manifest for path in (plain.path, of_samples))
    assert one.reference == other.reference
    assert one.scale == other.scale
    assert not np.isin(np.float32(other.quality.ranges), data).any()
    assert flowexport.verify(of_samples, device="cpu").passed


def test_a_person_is_told_whether_a_bundle_holds_rows_of_the_data(plain: Exported, of_samples: Path) -> None:
    for path, words in ((plain.path, "ROWS OF THE DATA"), (of_samples, "no row of the data")):
        assert words in CliRunner().invoke(main, ["inspect", str(path)]).stdout
        assert words in (path / "README.md").read_text()


def test_golden_contexts_are_no_rows_of_the_data_either(conditional: Exported, tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    flowexport.export(conditional.flow, path, conditional.x, conditional.context, golden="samples")
    held = np.load(path / "golden/context.npy")
    assert not (held[:, None] == conditional.context.astype(np.float32)[None]).any()
    assert flowexport.load(path, device="cpu").manifest.reference.rows == len(conditional.x)


def test_golden_is_data_or_samples(plain: Exported, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="golden: expected data or samples"):
        flowexport.export(plain.flow, tmp_path / "bundle", plain.x, golden="none")


def test_the_readme_is_listed_and_the_same_each_time(plain: Exported, tmp_path: Path) -> None:
    flowexport.export(plain.flow, tmp_path / "plain", plain.x, name="plain")
    bundle = open_bundle(plain.path)
    assert bundle.read("README.md") == open_bundle(tmp_path / "plain").read("README.md")
    text = bundle.read("README.md").decode()
    for words in ("# plain", "how good", "flowexport verify FOLDER", "runtime_examples/rust", "columns x0,x1\n"):
        assert words in text


def test_a_changed_readme_is_found(plain: Exported, tmp_path: Path) -> None:
    planted = Planted(plain.path, tmp_path / "bundle")
    (planted.path / "README.md").write_text("the best model in the world")
    with pytest.raises(BundleError, match=r"README\.md: files: hash differs"):
        flowexport.load(planted.path, device="cpu").bundle.read("README.md")


def test_texts_of_a_model_are_no_markup() -> None:
    assert cell("a <script> [x](y) `z`\n# title|") == r"a \<script\> \[x\](y) \`z\` # title\|"


def test_a_bundle_of_before_has_a_card_too() -> None:
    shown = CliRunner().invoke(main, ["inspect", "banana", "--all"])
    assert shown.exit_code == 0, shown.output
    for words in ("the density of 2 features", "how good", "how proved", "hidden_features", "golden/z.npy"):
        assert words in shown.stdout


# thresholds -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.001, 0.0025, 0.00999, 0.01, 0.05, 0.5, 0.99])
def test_a_threshold_is_the_quantile_of_the_reference_scores(plain: Exported, fraction: float) -> None:
    exact = copy.deepcopy(plain.flow).double()
    with torch.no_grad():
        scores = exact.log_prob(torch.from_numpy(plain.x)).numpy()
    found = flowexport.load(plain.path, device="cpu").threshold(fraction)
    assert found == pytest.approx(np.quantile(scores, fraction), abs=1e-9)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, float("nan"), True])
def test_a_threshold_is_of_a_fraction(plain: Exported, fraction: float) -> None:
    with pytest.raises(ArgumentError, match="fraction: expected a number between 0 and 1"):
        flowexport.load(plain.path, device="cpu").threshold(fraction)


def test_a_threshold_finer_than_the_reference_is_refused(plain: Exported, tmp_path: Path) -> None:
    with pytest.raises(
        ArgumentError, match=r"1e-06 is finer than 1,200 reference rows can tell; the finest is 0\.000833"
    ):
        flowexport.load(plain.path, device="cpu").threshold(1e-6)
    planted = Planted(plain.path, tmp_path / "bundle")
    planted.edit_manifest(lambda manifest: manifest["reference"].pop("lowest"))
    older = flowexport.load(planted.path, device="cpu")
    assert older.threshold(0.05) == flowexport.load(plain.path, device="cpu").threshold(0.05)
    with pytest.raises(ArgumentError, match=r"without its lowest scores .*the finest is 0\.01"):
        older.threshold(0.005)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda manifest: manifest["reference"]["lowest"].reverse(), "reference.lowest: must be ascending"),
        (lambda manifest: manifest["reference"].update(rows=3), "no more than reference.rows"),
        (lambda manifest: manifest["quality"]["ranges"].pop(), "quality.ranges: expected 2 entries, got 1"),
        (lambda manifest: manifest["quality"].update(judged_on="hope"), "judged_on"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused(plain: Exported, tmp_path: Path, edit, words: str) -> None:
    planted = Planted(plain.path, tmp_path / "bundle")
    planted.edit_manifest(edit)
    with pytest.raises(BundleError, match=words):
        open_bundle(planted.path)


def test_json_is_the_file(plain: Exported) -> None:
    shown = CliRunner().invoke(main, ["inspect", str(plain.path), "--json"])
    assert json.loads(shown.stdout) == json.loads((plain.path / "flow.json").read_text())
