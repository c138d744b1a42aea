"""Percentiles among samples of a row's own context, and what ``score`` makes of them and of thresholds."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from scipy import stats

import flowexport
from flowexport.cli.main import main
from flowexport.errors import ArgumentError
from flowexport.runtime import Model, calibration, normals
from flowexport.tables import open_table, open_writer
from tests.conftest import Exported
from tests.planting import Planted


@pytest.fixture(scope="module")
def model(conditional: Exported) -> Model:
    return flowexport.load(conditional.path, device="cpu")


def test_a_percentile_is_the_share_of_samples_that_are_less_likely(model: Model, conditional: Exported) -> None:
    x, context = conditional.x[:20], conditional.context[:20]
    log_prob = model.log_prob(x, context)
    found = model.calibration(draws=300, seed=5).percentile(log_prob, context)
    z = normals(5, 0, 300 * model.latent_size).reshape(300, -1)
    for row in range(20):
        samples = model.sample_from(z, context[row])
        expected = 100 * np.mean(model.log_prob(samples, context[row]) < log_prob[row])
        # A batch of another size moves a last bit, and with it at most a sample or two across the row.
        assert found[row] == pytest.approx(expected, abs=0.7)


def test_percentiles_of_a_true_models_rows_are_uniform_in_every_context(model: Model) -> None:
    for context in ([0.0, 0.0], [-2.0, 1.5]):
        log_prob = model.sample_and_log_prob(1000, context, seed=9)[1]
        found = model.calibration(2000).percentile(log_prob, context)
        assert stats.kstest(found / 100, "uniform").pvalue > 0.01


def test_a_rows_percentile_depends_on_no_other_row(model: Model, conditional: Exported, monkeypatch) -> None:
    """Nor on groups, nor on what is kept: contexts that come again, in any order, a few at a time."""
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, 30, 500)
    log_prob = rng.permutation(model.log_prob(conditional.x[:500], conditional.context[:500]))
    contexts = conditional.context[chosen]
    whole = model.calibration(draws=200).percentile(log_prob, contexts)
    monkeypatch.setattr(calibration, "GROUP_ROWS", 1400)
    monkeypatch.setattr(calibration, "KEPT_NUMBERS", 2000)
    streamed = model.calibration(draws=200)
    parts = [streamed.percentile(log_prob[part], contexts[part]) for part in np.array_split(np.arange(500), 7)]
    assert len(streamed.scores) <= 10
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1.01)


def test_contexts_that_come_again_are_not_drawn_again(model: Model, conditional: Exported, monkeypatch) -> None:
    calibrated = model.calibration(draws=50)
    log_prob = model.log_prob(conditional.x[:10], conditional.context[:10])
    first = calibrated.percentile(log_prob, conditional.context[:10])
    monkeypatch.setattr(Model, "sample_from", lambda *arguments: pytest.fail("drawn again"))
    np.testing.assert_array_equal(calibrated.percentile(log_prob[::-1], conditional.context[:10][::-1]), first[::-1])


def test_a_model_without_context_is_among_its_own_samples(plain: Exported) -> None:
    model = flowexport.load(plain.path, device="cpu")
    log_prob = model.sample_and_log_prob(1000, seed=3)[1]
    found = model.calibration(2000, seed=4).percentile(log_prob)
    assert stats.kstest(found / 100, "uniform").pvalue > 0.01
    assert model.calibration(100).percentile(np.array([-np.inf, np.inf])).tolist() == [0, 100]


@pytest.mark.parametrize("draws", [0, 1, 1_000_001])
def test_draws_are_bounded(model: Model, draws: int) -> None:
    with pytest.raises(ArgumentError, match="draws: expected"):
        model.calibration(draws)


# score ----------------------------------------------------------------------------------------------------


def score(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["score", *map(str, arguments), "--device", "cpu"])


def read(path: Path) -> dict[str, np.ndarray]:
    table = open_table(path)
    values = np.concatenate([block.values for block in table.blocks(table.columns)])
    return dict(zip(table.columns, values.T, strict=True))


@pytest.fixture(scope="module")
def table(conditional: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    with open_writer(path, [*(f"x{i}" for i in range(5)), "c0", "c1"]) as writer:
        odd = np.append(conditional.x[:300], conditional.x[:1] + 50, axis=0)
        writer.write(np.hstack([odd, np.append(conditional.context[:300], conditional.context[:1], axis=0)]))
    return path


def test_a_flag_is_below_the_threshold(conditional: Exported, table: Path, tmp_path: Path, model: Model) -> None:
    result = score(conditional.path, table, "--flag", "0.05", "-o", tmp_path / "scores.csv")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "scores.csv").read_text().startswith("log_prob,percentile,flag\n")
    found = read(tmp_path / "scores.csv")
    np.testing.assert_array_equal(found["flag"], found["log_prob"] < model.threshold(0.05))
    assert 0 < found["flag"].sum() < 40
    assert found["flag"][-1] == 1
    assert "less likely than all 1,200 reference rows: 1;" in result.stderr
    assert "among reference rows of all contexts; --calibrate" in result.stderr


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".parquet"])
def test_calibrated_scores(conditional: Exported, table: Path, tmp_path: Path, model: Model, suffix: str) -> None:
    path = tmp_path / f"scores{suffix}"
    result = score(conditional.path, table, "--calibrate", "--draws", 100, "--seed", 3, "--flag", "0.02", "-o", path)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    log_prob, percentile, flag = read(path).values()
    context = np.append(conditional.context[:300], conditional.context[:1], axis=0)
    expected = model.calibration(100, 3).percentile(log_prob.astype(np.float32), context)
    np.testing.assert_allclose(percentile, expected, atol=1.01)
    np.testing.assert_array_equal(flag, percentile < 2)


def test_one_context_for_all_rows_is_calibrated_too(conditional: Exported, table: Path) -> None:
    result = score(conditional.path, table, "--calibrate", "--context", "0.5,1", "--draws", 50)
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 302


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--flag", "0.0001"], "finer than 1,200 reference rows can tell"),
        (["--flag", "0.001", "--calibrate", "--draws", "100"], "finer than 100 draws can tell; --draws 1000"),
        (["--draws", "100"], "belong to --calibrate"),
        (["--flag", "1"], "--flag"),
    ],
)
def test_what_cannot_be_told_gets_one_line(
    conditional: Exported, table: Path, arguments: list[str], words: str
) -> None:
    result = score(conditional.path, table, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_without_reference_a_flag_needs_samples(conditional: Exported, table: Path, tmp_path: Path) -> None:
    planted = Planted(conditional.path, tmp_path / "bundle")
    planted.edit_manifest(lambda manifest: manifest.update(reference=None))
    assert "reference: is null, so there are no thresholds" in score(planted.path, table, "--flag", "0.01").stderr
    assert "--calibrate makes them of samples" in score(planted.path, table).stderr
    assert score(planted.path, table, "--calibrate", "--draws", 50).stdout.startswith("log_prob,percentile\n")
