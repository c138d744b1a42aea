"""``flowexport evaluate``: figures in the terminal and as JSON, and one HTML file that needs no other."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import flowexport
from flowexport.cli.main import main
from flowexport.tables import open_writer
from tests.bundle.test_imports import run_without
from tests.conftest import Exported, exported


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


def write(path: Path, columns: list[str], values: np.ndarray) -> Path:
    with open_writer(path, columns) as writer:
        writer.write(values)
    return path


@pytest.fixture(scope="module")
def weighted(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A bundle with its weights beside the graphs, and a name that would be markup."""
    folder = tmp_path_factory.mktemp("weighted")
    found = exported(folder / "first", features=2)
    flowexport.export(found.flow, folder / "bundle", found.x, name="<img src=x> & co", weights=True)
    return Exported(found.flow, found.x, None, folder / "bundle")


@pytest.fixture(scope="module")
def rows(weighted: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    fresh = flowexport.load(weighted.path, device="cpu").sample(400, seed=5)
    return write(tmp_path_factory.mktemp("rows") / "rows.parquet", ["x0", "x1"], fresh.astype(np.float64))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of a conditional flow, and the table and the recipe beside it."""
    folder = tmp_path_factory.mktemp("trained")
    rng = np.random.default_rng(0)
    values = rng.normal(size=(600, 3))
    values[:, 2] = rng.integers(0, 3, 600)
    values[:, 1] += values[:, 2]
    write(folder / "rows.parquet", ["a", "b", "kind"], values)
    (folder / "recipe.toml").write_text(
        'name = "small"\n[data]\nfile = "rows.parquet"\ncontext = ["kind"]\ncategorical = {kind = "one-hot"}\n'
        'validation = 0.2\n[export]\ngolden = "samples"\n'
        "[flow]\ntransforms = 2\nhidden_features = [8]\n[training]\nepochs = 2\n"
    )
    result = CliRunner().invoke(main, ["train", str(folder / "recipe.toml"), "-o", str(folder / "run")])
    assert result.exit_code == 0, result.output
    assert "on the same 120 held-out rows: a Gaussian fitted on the training rows has" in result.stdout
    assert f"next: flowexport evaluate {folder / 'run'}" in result.stdout
    return folder


class Page(HTMLParser):
    """Tags that are open, and the addresses that the page names."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attributes if name in ("src", "href", "srcset", "action")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_bundle_is_judged_on_the_rows_of_a_table(weighted: Exported, rows: Path) -> None:
    result = run(weighted.path, rows, "--json", "--device", "cpu")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    model = flowexport.load(weighted.path, device="cpu")
    scores = model.log_prob(model.sample(400, seed=5))
    assert figures["nll"]["nats"] == pytest.approx(-scores.mean(dtype=np.float64), abs=1e-5)
    assert [each["name"] for each in figures["beside"]] == ["Gaussian", "mixture of Gaussians"]
    # The rows are the model's own samples.
    assert all(each["p_value"] > 0.01 for each in figures["latent"])
    assert abs(figures["separation"]["auc"] - 0.5) < 0.1
    lowest = model.manifest.reference.log_prob_quantiles[0]
    assert figures["below_reference"] == int((scores < lowest).sum())


def test_the_report_is_one_file_of_escaped_texts_and_pictures(weighted: Exported, rows: Path, tmp_path: Path) -> None:
    result = run(weighted.path, rows, "-o", tmp_path / "report.html", "--device", "cpu")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    page.close()
    assert not page.open
    assert len(page.addresses) == 3
    assert all(address.startswith("data:image/png;base64,iVBOR") for address in page.addresses)
    assert not re.search(r"url\(|@import|<script|<link", text)
    assert "Is <img src=x> & co good" in page.texts
    assert not {path.name for path in tmp_path.iterdir()} - {"report.html"}


@pytest.mark.thorough
def test_a_run_is_judged_on_its_held_out_rows_beside_what_its_training_rows_give(trained: Path) -> None:
    figures = json.loads(run(trained / "run", "--json").stdout)
    kept = json.loads((trained / "run" / "config.json").read_text())["quality"]
    assert figures["rows"] == 120
    assert figures["nll"]["nats"] == pytest.approx(kept["nll"], rel=1e-4)
    gaussian = figures["beside"][0]
    assert gaussian["nll"]["nats"] == pytest.approx(kept["gaussian_nll"], rel=1e-4)
    assert gaussian["fitted_on"] == "480 training rows of the run"
    assert len(figures["latent"]) == 2
    assert figures["below_reference"] is None


def test_a_run_and_its_bundle_agree_on_the_rows_of_a_table(trained: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    assert "holds no row of the data" in export(trained / "run", bundle)
    found = json.loads(run(trained / "run", trained / "rows.parquet", "--compare", bundle, "--json").stdout)
    other = found["beside"][-1]
    assert other["name"] == str(bundle)
    assert abs(other["difference"]) < 1e-5
    assert found["beside"][0]["fitted_on"] == "other folds of these rows"
    of_bundle = json.loads(run(bundle, trained / "rows.parquet", "--device", "cpu", "--json").stdout)
    assert of_bundle["latent"] is None
    assert of_bundle["latent_reason"] == "needs the weights: flowexport export --weights, or a run folder"
    # Samples of both are those of one seed.
    for one, two in zip(found["features"], of_bundle["features"], strict=True):
        assert one["sample_mean"] == pytest.approx(two["sample_mean"], rel=1e-4)
    assert found["below_reference"] == of_bundle["below_reference"]


def export(run: Path, bundle: Path, *arguments: str) -> str:
    result = CliRunner().invoke(main, ["export", str(run), "-o", str(bundle), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_recipe_says_what_golden_rows_are_and_an_option_says_otherwise(trained: Path, tmp_path: Path) -> None:
    assert "holds no row of the data" in export(trained / "run", tmp_path / "bundle")
    assert "holds ROWS OF THE DATA" in export(trained / "run", tmp_path / "bundle", "--golden", "data")
    kept = json.loads((trained / "run" / "config.json").read_text())["quality"]
    assert json.loads((tmp_path / "bundle" / "flow.json").read_text())["quality"] == kept


def test_other_rows_may_be_named_to_fit_on(weighted: Exported, rows: Path) -> None:
    figures = json.loads(run(weighted.path, rows, "--fit-on", rows, "--json", "--device", "cpu").stdout)
    assert figures["beside"][0]["fitted_on"] == f"400 rows of {rows}"


def test_the_terminal_has_a_table_for_each_question(weighted: Exported, rows: Path) -> None:
    shown = " ".join(run(weighted.path, rows, "--device", "cpu").stdout.split())
    for words in ("NLL a row, lower is better", "Gaussian", "rows against samples", "below the reference", "x1"):
        assert words in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["banana"], "keeps no rows to judge it on: flowexport evaluate banana ROWS"),
        (["banana", "{rows}"], "no column 'x2'"),
        (["{bundle}", "{rows}", "--compare", "funnel"], "different features"),
        (["{bundle}", "nothing.csv"], "no such file"),
        (["nothing", "{rows}"], "no such folder, and no model of that name"),
    ],
)
def test_a_mistake_gets_one_line(weighted: Exported, rows: Path, arguments: list[str], words: str) -> None:
    result = run(*(each.format(bundle=weighted.path, rows=rows) for each in arguments), "--device", "cpu")
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert words in result.stderr


def test_a_report_ends_in_html(weighted: Exported, rows: Path) -> None:
    result = run(weighted.path, rows, "-o", "report.pdf")
    assert result.exit_code == 2
    assert "expected a file that ends in .html" in result.stderr


def test_a_bundle_is_judged_without_torch_and_without_pictures(weighted: Exported, rows: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    arguments = ["evaluate", str(weighted.path), str(rows), "-o", str(report), "--json", "--device", "cpu"]
    code = f"import sys; sys.argv = ['flowexport', *{arguments!r}]; from flowexport.cli.main import main; main()"
    found = run_without({"torch", "safetensors", "sklearn", "matplotlib"}, code)
    assert found.returncode == 0, found.stderr
    figures = json.loads(found.stdout)
    assert figures["latent_reason"] == "needs torch: pip install 'flowexport[train]'"
    assert figures["separation_reason"] == "needs scikit-learn: pip install 'flowexport[evaluate]'"
    assert "without pictures: the package matplotlib is not installed" in found.stderr
    assert "<img" not in report.read_text()
