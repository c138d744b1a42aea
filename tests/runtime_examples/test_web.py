"""The page of runtime_examples/web in a headless Chromium, its numbers held to flowexport's."""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from flowexport.bundle import npy_bytes
from flowexport.runtime import Model
from tests.planting import Planted, nudge_largest_weight

from .conftest import ZOO, Plant, manifest_of
from .languages import BUILD_SECONDS, EXAMPLES
from .needs import require
from .test_contract import FLIPPED, enough, has_splines
from .test_directions import refusal_of

WEB = EXAMPLES / "web"
DOCS = EXAMPLES.parent / "docs"
NEEDS = ("node", "npm", "chromium")
TELEPHONE = {"width": 390, "height": 844}
SEED = 2**63 + 5
AXES = ("horizontal", "vertical")
PICTURE_BYTES = 600_000

SOFTWARE_GPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan")
"""Chromium's own Vulkan in software is an adapter for WebGPU on a machine that has none."""


class Page:
    """The page, by the methods of Playwright's page and those of test/bridge.js.

    Arguments:
        flags: of the bridge.
    """

    def __init__(self, *flags: str) -> None:
        command = ["node", WEB / "test/bridge.js", *flags]
        self._bridge = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return partial(self.call, method)

    def call(self, method: str, *given: Any) -> Any:
        assert self._bridge.stdin is not None
        assert self._bridge.stdout is not None
        self._bridge.stdin.write(json.dumps({"method": method, "given": given}).encode() + b"\n")
        self._bridge.stdin.flush()
        answer = json.loads(self._bridge.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def close(self) -> None:
        self._bridge.communicate(timeout=60)

    def settle(self, name: str | None = None) -> None:
        """Waits until a model is shown and proved."""
        if name is not None:
            self.until(f"document.querySelector('#name').textContent === {json.dumps(name)}")
        self.waitForSelector("#model[aria-busy=false]")
        self.waitForSelector("#golden-verdict[data-passed]")

    def show(self, name: str, **viewport: int) -> None:
        """Opens the page on a model of the zoo."""
        self.open(f"#{name}", *([viewport] if viewport else []))
        self.settle(name)

    def show_own(self, folder: Path, **viewport: int) -> None:
        """Opens the page, and a bundle by the input for folders."""
        self.show(next(iter(ZOO)), **viewport)
        self.setInputFiles("#folder", str(folder))
        self.settle(manifest_of(folder)["name"])

    def score_after(self, act: Callable[[], Any]) -> float:
        """The log_prob that is read once something was done that changes it."""
        before = self.getAttribute("#log-prob", "title")
        act()
        self.until(f"document.querySelector('#log-prob').title !== {json.dumps(before)}")
        return self.score()

    def score(self) -> float:
        """With all its digits, of which the page shows two behind the point."""
        exact: str = self.getAttribute("#log-prob", "title")
        shown = self.textContent("#log-prob").replace("−", "-").replace("∞", "inf")
        assert float(shown) == pytest.approx(float(exact), rel=5e-3, abs=5.1e-3)
        return float(exact)

    def row(self, names: list[str]) -> np.ndarray:
        """The point, as the fields show it, ``[1, features]``."""
        fields = dict(
            self.evaluate(
                """[...document.querySelectorAll('#coordinates .field, #held .field')]
                    .map((field) => [field.querySelector('label').textContent, field.querySelector('input').value])"""
            )
        )
        return np.array([[float(fields[name]) for name in names]], np.float32)

    def click_at(self, right: float, down: float) -> None:
        """Clicks the picture at parts of its width and height."""
        box = self.evaluate(
            "(({x, y, width, height}) => [x, y, width, height])"
            "(document.querySelector('.surface').getBoundingClientRect())"
        )
        self.call("mouse.click", box[0] + right * box[2], box[1] + down * box[3])

    def fault(self) -> str:
        self.waitForSelector("#fault:not([hidden])")
        text: str = self.textContent("#fault")
        return text


def number(text: str) -> float:
    return float(text.replace("−", "-"))


@pytest.fixture(scope="module")
def web() -> None:
    """The page, assembled."""
    require("the page", NEEDS)
    settings = os.environ | {"PYTHON": sys.executable}
    subprocess.run([WEB / "prepare.sh"], check=True, timeout=BUILD_SECONDS, env=settings)


@pytest.fixture(scope="module")
def browser(web: None) -> Iterator[Page]:
    page = Page()
    yield page
    page.close()


@pytest.fixture
def page(browser: Page) -> Iterator[Page]:
    """The page; whatever it is made to do, it asks only its own server, and has no error to report."""
    yield browser
    assert_quiet(browser)


def assert_quiet(page: Page) -> None:
    log = page.seen()
    asked = [each["text"] for each in log["seen"] if each["kind"] == "request"]
    assert asked
    assert [each for each in asked if not each.startswith((log["address"], "blob:" + log["address"]))] == []
    assert [each["text"] for each in log["seen"] if each["kind"] == "error"] == []


# A model of the zoo ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ZOO)
def test_golden_passes(page: Page, name: str) -> None:
    golden = manifest_of(ZOO[name])["golden"]
    page.show(name)
    cases = len(golden["cases"]) + 1 + len(golden["noise"])
    assert page.textContent("#golden-verdict") == f"All {cases} cases passed"
    verdicts = page.evaluate(
        "[...document.querySelectorAll('#golden-cases td:last-child')].map((td) => td.textContent)"
    )
    assert verdicts == ["passed"] * cases


@pytest.mark.parametrize("name", ZOO)
def test_samples_are_pythons(page: Page, models: dict[str, Model], name: str) -> None:
    page.show(name)
    page.fill("#seed", str(SEED))
    count = enough(manifest_of(ZOO[name]))
    page.fill("#rows", str(count))
    page.fill("#temperature .slider > input:last-child", "0.7")
    page.press("#temperature .slider > input:last-child", "Enter")
    context = context_of(page)
    header, *rows = page.download("#samples-download")["text"].splitlines()
    assert header.split(",") == names_of(ZOO[name])
    expected = models[name].sample(count, context, seed=SEED, temperature=0.7).reshape(count, -1)
    found = np.array([row.split(",") for row in rows], np.float64)
    manifest = manifest_of(ZOO[name])
    over = np.abs(found - expected) > 1e-5 * np.array(manifest["scale"]) + 2.5e-7 * np.abs(expected)
    assert over.mean() <= (FLIPPED if has_splines(manifest) else 0)
    page.until(f"document.querySelector('#caption').textContent.includes('{count:,} samples of seed {SEED}')")


@pytest.mark.parametrize("name", [name for name, path in ZOO.items() if len(manifest_of(path)["event_shape"]) == 1])
def test_a_click_reads_pythons_log_prob(page: Page, models: dict[str, Model], name: str) -> None:
    page.show(name)
    model, names = models[name], names_of(ZOO[name])
    for place in ((0.4, 0.45), (0.7, 0.2)):
        score = page.score_after(partial(page.click_at, *place))
        (expected,) = model.log_prob(page.row(names), context_of(page))
        # The bound of the golden cases: far out, two builds of ONNX Runtime differ by more than where the data is.
        assert score == pytest.approx(expected, rel=1e-5, abs=1e-4)
        assert number(page.textContent("#percentile")) == pytest.approx(model.percentile(expected), abs=0.011)


def test_the_keyboard_moves_the_point(page: Page, models: dict[str, Model]) -> None:
    page.show("banana")
    before = page.row(["x1", "x2"])
    page.focus(".surface")
    for key in ("ArrowRight", "Shift+ArrowUp", "ArrowLeft", "ArrowLeft", "ArrowDown"):
        page.score_after(partial(page.call, "keyboard.press", key))
    after = page.row(["x1", "x2"])
    assert after[0, 0] < before[0, 0]
    assert after[0, 1] > before[0, 1]
    assert page.score() == pytest.approx(models["banana"].log_prob(after)[0], rel=1e-6, abs=1e-5)


def test_a_point_can_be_typed(page: Page, models: dict[str, Model]) -> None:
    page.show("banana")

    def typed(text: str) -> None:
        page.fill("#coordinates .field:last-child input", text)
        page.press("#coordinates .field:last-child input", "Enter")

    score = page.score_after(partial(typed, "-3.25"))
    assert score == pytest.approx(models["banana"].log_prob(page.row(["x1", "x2"]))[0], rel=1e-6, abs=1e-5)
    typed("much")
    assert page.getAttribute("#coordinates .field:last-child input", "aria-invalid") == "true"
    assert page.score() == score


def test_a_table_is_scored(page: Page, models: dict[str, Model], tmp_path: Path) -> None:
    page.show("banana")
    x = models["banana"].sample(2500, seed=1)
    rows = [f"{b!r},,{a!r}" for a, b in x.tolist()]
    (tmp_path / "rows.csv").write_text("\n".join(["x2,other,x1", *rows]) + "\n")
    page.setInputFiles("#csv", str(tmp_path / "rows.csv"))
    page.waitForSelector("#scores a")
    assert page.textContent("#score-note") == "2,500 rows of rows.csv scored."
    download = page.download("#scores a")
    header, *lines = download["text"].splitlines()
    assert (download["name"], header) == ("scores.csv", "log_prob,percentile")
    found = np.array([line.split(",") for line in lines], np.float64)
    expected = models["banana"].log_prob(x)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(found[:, 1], models["banana"].percentile(np.float32(found[:, 0])), rtol=0, atol=1e-9)


def test_a_scored_table_shows_its_lowest_rows_and_the_threshold(
    page: Page, models: dict[str, Model], tmp_path: Path
) -> None:
    page.show("banana")
    assert page.isHidden("#score-picture")
    model = models["banana"]
    x = np.concatenate([model.sample(400, seed=1), [[40.0, 40.0], [9.0, -1.0]]]).astype(np.float32)
    np.savetxt(tmp_path / "rows.csv", x, delimiter=",", header="x1,x2", comments="", fmt="%.9g")
    page.setInputFiles("#csv", str(tmp_path / "rows.csv"))
    page.waitForSelector("#scores a")
    log_prob = model.log_prob(x)
    rows = page.evaluate("[...document.querySelectorAll('#score-lowest td:first-child')].map((td) => td.textContent)")
    assert [int(row) - 1 for row in rows] == np.argsort(log_prob)[:5].tolist()
    below = int((log_prob < model.threshold(0.01)).sum())
    assert 2 <= below < 20
    assert page.textContent("#score-threshold").startswith(f"{below} of 402 rows (")
    bars = page.evaluate(
        "[...document.querySelectorAll('#score-histogram .bar')].map((bar) => bar.height.baseVal.value)"
    )
    assert max(bars) > 100
    page.show("moons")
    assert page.isHidden("#score-picture")
    assert page.isHidden("#score-lowest")


def test_a_bad_cell_of_a_table_is_named(page: Page, tmp_path: Path) -> None:
    page.show("banana")
    (tmp_path / "rows.csv").write_text("x1,x2\n1,2\n1,two\n")
    page.setInputFiles("#csv", str(tmp_path / "rows.csv"))
    page.waitForSelector("#score-note.refused")
    assert page.textContent("#score-note") == 'rows.csv: row 2: column x2: expected a finite number, got "two"'
    assert page.evaluate("document.querySelector('#scores a')") is None


def test_the_times_are_measured(page: Page, bundles: dict[str, Path]) -> None:
    # Of ONNX Runtime, of which a call costs more than a row.
    page.show_own(bundles["plain"])
    page.click("#measure")
    page.waitForSelector("#measure:enabled")
    times = page.evaluate("[...document.querySelectorAll('[data-cell]')].map((td) => td.textContent)")
    one_log_prob, all_log_probs, one_sample, all_samples = (float(time.replace(",", "")) for time in times)
    assert 0 < all_log_probs < one_log_prob
    assert 0 < all_samples < one_sample


def test_a_seed_that_cannot_be_is_marked(page: Page) -> None:
    page.show("banana")
    for text, wrong in ((str(2**64), "true"), ("-1", "true"), (str(2**64 - 1), "false")):
        page.fill("#seed", text)
        page.press("#seed", "Enter")
        assert page.getAttribute("#seed", "aria-invalid") == wrong


# A bundle of one's own ------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["drop a folder", "drop its files", "drop a zip", "choose a folder", "choose a zip"])
def test_a_bundle_is_opened(page: Page, bundles: dict[str, Path], tmp_path: Path, way: str) -> None:
    folder = bundles["plain"]
    path = zipped(folder, tmp_path / "mine.zip") if "zip" in way else folder
    page.show("banana")
    if way == "drop its files":
        page.drop(*map(str, sorted(folder.iterdir())))
    elif way.startswith("drop"):
        page.drop(str(path))
    else:
        page.setInputFiles("#zip" if "zip" in way else "#folder", str(path))
    page.settle(manifest_of(folder)["name"])
    assert page.textContent("#golden-verdict").endswith("cases passed")
    assert page.isHidden("#fault")


@pytest.mark.parametrize(("held", "gone"), [("log_prob", ["samples", "shown-field"]), ("sample", ["point", "score"])])
def test_a_bundle_of_one_direction_is_shown_and_says_what_it_cannot_do(
    page: Page, bundles: dict[str, Path], held: str, gone: list[str]
) -> None:
    """Controls of what it cannot do are away, and back with the next bundle."""
    path = bundles[f"half_{held}"]
    line = refusal_of(path).partition(": graphs: t")[2]
    page.show_own(path)
    assert page.textContent("#absence") == f"T{line}."
    golden = manifest_of(path)["golden"]
    assert page.textContent("#golden-verdict") == f"All {len(golden['cases']) + len(golden['noise'])} cases passed"
    assert all(page.isHidden(f"#{part}") for part in gone)
    page.click("#measure")
    page.waitForSelector("#measure:enabled")
    cells = page.evaluate(
        "[...document.querySelectorAll('[data-cell]')].map((td) => [td.dataset.cell, td.textContent])"
    )
    assert [cell for cell, text in cells if text != "–"] == [f"{held} 1", f"{held} 1000"]
    assert page.isHidden("#fault")
    page.setInputFiles("#folder", str(bundles["plain"]))
    page.settle("plain")
    assert page.isHidden("#absence")
    assert not any(page.isHidden(f"#{part}") for part in ("point", "score", "samples"))


def test_a_context_conditions_what_is_shown(page: Page, bundles: dict[str, Path], models: dict[str, Model]) -> None:
    page.show_own(bundles["categorical"])
    names = names_of(bundles["categorical"])

    def angle(text: str) -> None:
        page.fill("#context .slider > input:last-child", text)
        page.press("#context .slider > input:last-child", "Enter")

    page.score_after(partial(page.selectOption, "#context select", {"label": "ideal"}))
    score = page.score_after(partial(angle, "-0.5"))
    model = models["categorical"]
    assert score == pytest.approx(model.log_prob(page.row(names), [2, -0.5])[0], rel=1e-6, abs=1e-5)
    slid = page.score_after(partial(page.press, "#context input[type=range]", "ArrowRight"))
    value = float(page.inputValue("#context .slider > input:last-child"))
    assert slid == pytest.approx(model.log_prob(page.row(names), np.float32([2, value]))[0], rel=1e-6, abs=1e-5)
    _, *rows = page.download("#samples-download")["text"].splitlines()
    expected = model.sample(1000, np.float32([2, value]), seed=0)
    np.testing.assert_allclose(np.array([row.split(",") for row in rows], np.float64), expected, rtol=1e-5, atol=1e-4)


def test_the_plane_goes_through_what_is_held(page: Page, bundles: dict[str, Path], models: dict[str, Model]) -> None:
    page.show_own(bundles["conditional"])
    names, context = names_of(bundles["conditional"]), context_of(page)
    page.selectOption("#horizontal", {"label": names[3]})
    page.selectOption("#vertical", {"label": names[1]})
    assert page.textContent("#held-summary") == "The point’s other 3 features"
    page.selectOption("#shown", "cut")
    assert page.isChecked("#dots") is False
    page.click("#held-summary")
    assert page.textContent("#held-summary") == "The other 3 features are held"
    page.score_after(partial(page.click, "#held-mean"))
    x = np.load(bundles["conditional"] / "golden/x.npy").astype(np.float64)
    assert page.row(names)[0, [0, 2, 4]] == pytest.approx(x.mean(axis=0)[[0, 2, 4]], rel=1e-4, abs=1e-5)
    page.score_after(partial(page.click_at, 0.3, 0.6))
    expected = models["conditional"].log_prob(page.row(names), context)[0]
    assert page.score() == pytest.approx(expected, rel=1e-6, abs=1e-5)


def test_a_model_opens_on_its_commonest_context_and_its_most_structured_features(page: Page) -> None:
    page.show("diamonds")
    context = np.load(ZOO["diamonds"] / "golden/context.npy")
    rows, counts = np.unique(context, axis=0, return_counts=True)
    assert context_of(page).tolist() in rows[counts == counts.max()].tolist()
    shown = [page.evaluate(f"document.querySelector('#{axis}').selectedOptions[0].textContent") for axis in AXES]
    assert shown == ["carat", "price"]


def test_the_marginal_is_where_samples_are_and_a_cut_has_no_dots(page: Page) -> None:
    page.show("diamonds")
    dark = (
        "(() => { const {data} = document.querySelector('#picture canvas:nth-child(2)')"
        ".getContext('2d').getImageData(0, 0, 4096, 4096); return data.some((value) => value > 0); })()"
    )
    assert page.inputValue("#shown") == "marginal"
    assert page.isChecked("#dots")
    assert page.evaluate(dark)
    page.click("#dots-switch")
    assert not page.evaluate(dark)
    page.click("#dots-switch")
    assert page.evaluate(dark)
    page.selectOption("#shown", "cut")
    assert not page.isChecked("#dots")
    assert not page.evaluate(dark)
    page.until("document.querySelector('#legend-note').textContent.includes('log_prob')")


def test_a_percentile_is_told_in_words(page: Page) -> None:
    page.show("banana")
    percentile = float(page.textContent("#percentile"))
    assert page.textContent("#percentile-words") == f"{round(100 - percentile)} % of the reference rows are likelier"
    page.fill("#coordinates .field:last-child input", "90")
    page.score_after(partial(page.press, "#coordinates .field:last-child input", "Enter"))
    assert page.textContent("#percentile-words") == "all of the reference rows are likelier"


def test_what_this_is_is_told_on_a_page_of_its_own(page: Page) -> None:
    page.show("banana")
    page.click(".wordmark a")
    page.until("document.querySelector('h1').textContent === 'What this is'")
    page.evaluate((WEB / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8") + "; undefined")
    assert page.evaluate("axe.run().then((found) => found.violations.map(({id}) => id))") == []
    page.click(".wordmark a")
    page.settle("banana")


def test_one_feature_is_a_curve(page: Page, tmp_path: Path) -> None:
    page.show_own(normals_bundle(tmp_path / "curve", [1]))
    score = page.score_after(partial(page.click_at, 0.25, 0.5))
    ((x,),) = page.row(["x0"])
    assert score == pytest.approx(float(normal_log_prob(np.float64([[x]]))[0]), abs=1e-5)
    assert page.textContent("#golden-verdict") == "All 3 cases passed"


def test_outside_the_support_the_density_is_nothing(page: Page, tmp_path: Path) -> None:
    page.show_own(normals_bundle(tmp_path / "bounded", [2], support=8.0))
    page.fill("#coordinates .field:first-child input", "9")
    score = page.score_after(partial(page.press, "#coordinates .field:first-child input", "Enter"))
    assert score == -math.inf
    assert page.textContent("#percentile") == "0.00"


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_a_grid_of_samples(page: Page, tmp_path: Path, channels: int) -> None:
    page.show_own(normals_bundle(tmp_path / "images", [channels, 5, 4]))
    assert page.evaluate('document.querySelectorAll(\'.gallery button canvas[width="4"][height="5"]\').length') == 48
    score = page.score_after(partial(page.click, ".gallery button:nth-child(7)"))
    _, *rows = page.download("#samples-download")["text"].splitlines()
    x = np.array([row.split(",") for row in rows], np.float64)
    assert score == pytest.approx(normal_log_prob(x[6:7])[0], rel=1e-6, abs=1e-5)
    assert page.getAttribute(".gallery button:nth-child(7)", "aria-pressed") == "true"
    assert page.isHidden("#plane")


def test_a_bundle_that_is_served_beside_the_page_is_opened(bundles: dict[str, Path], web: None) -> None:
    """As `flowexport view` serves it, under the name that stands in the address."""
    page = Page("--bundle", str(bundles["plain"]))
    try:
        page.open("?bundle=mine%20%26%20yours")
        page.settle(manifest_of(bundles["plain"])["name"])
        assert page.inputValue("#zoo") == ""
        assert page.textContent("#zoo option:first-child") == "mine & yours"
        page.reload()
        page.settle(manifest_of(bundles["plain"])["name"])
        page.selectOption("#zoo", {"label": "banana"})
        page.settle("banana")
        assert page.evaluate("location.search + location.hash") == "#banana"
        assert_quiet(page)
    finally:
        page.close()


# A bundle that is at fault --------------------------------------------------------------------------------


def flip_a_byte(planted: Planted) -> None:
    path = planted.path / "log_prob.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def leave_the_folder(manifest: dict[str, Any]) -> None:
    manifest["files"]["../z.npy"] = manifest["files"]["golden/z.npy"]


FAULTS: dict[str, tuple[Callable[[Planted], object], str]] = {
    "flipped byte": (flip_a_byte, "plain/log_prob.onnx: files: hash differs (expected "),
    "format": (
        lambda planted: planted.edit_manifest(lambda manifest: manifest.update(format="flowexport/2")),
        'plain/flow.json: format: this program reads "flowexport/1", the bundle says "flowexport/2"',
    ),
    "path": (
        lambda planted: planted.edit_manifest(leave_the_folder),
        'plain/flow.json: files: "../z.npy" leaves the folder',
    ),
    "file": (
        lambda planted: (planted.path / "golden/z.npy").unlink(),
        "plain/golden/z.npy: cannot be read (there is no such file)",
    ),
    "no bundle": (
        lambda planted: (planted.path / "flow.json").unlink(),
        "plain: holds no flow.json; is this a bundle?",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_and_leaves_the_old_model(page: Page, plant: Plant, fault: str) -> None:
    planted = plant("plain")
    tamper, message = FAULTS[fault]
    tamper(planted)
    page.show("banana")
    page.drop(str(planted.path))
    found = page.fault()
    assert found.startswith(message)
    assert "\n" not in found
    assert page.textContent("#name") == "banana"
    assert page.inputValue("#zoo") == "banana"
    page.score_after(partial(page.click_at, 0.4, 0.45))


def test_a_zip_that_leaves_the_folder_or_fills_the_memory_is_refused(page: Page, tmp_path: Path) -> None:
    page.show("banana")
    with zipfile.ZipFile(tmp_path / "leaves.zip", "w") as file:
        file.writestr("../flow.json", "{}")
    page.drop(str(tmp_path / "leaves.zip"))
    assert page.fault() == 'leaves.zip: the path "../flow.json" leaves the folder'
    # A file of zeros, which declares what it would come to.
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("flow.json", bytes(1 << 20))
    data = (tmp_path / "bomb.zip").read_bytes()
    (tmp_path / "bomb.zip").write_bytes(data.replace(struct.pack("<I", 1 << 20), struct.pack("<I", 1 << 30)))
    page.setInputFiles("#zip", str(tmp_path / "bomb.zip"))
    page.until("document.querySelector('#fault').textContent.startsWith('bomb.zip')")
    assert page.fault() == "bomb.zip: holds more than 4096 files or 536870912 bytes"


def test_a_failed_case_is_told_by_words_and_not_by_colour_alone(page: Page, plant: Plant) -> None:
    planted = plant("plain")
    planted.edit_graph("sample", nudge_largest_weight)
    page.show_own(planted.path)
    verdicts = page.evaluate(
        "[...document.querySelectorAll('#golden-cases td:last-child')].map((td) => td.textContent)"
    )
    assert set(verdicts) == {"passed", "failed"}
    assert page.textContent("#golden-verdict") == f"{verdicts.count('failed')} of {len(verdicts)} cases failed"


# The page itself ------------------------------------------------------------------------------------------


def test_threads_need_the_servers_headers(page: Page, bundles: dict[str, Path]) -> None:
    page.show_own(bundles["plain"])
    assert page.evaluate("crossOriginIsolated") is True
    assert page.textContent("#runtime") == "ONNX Runtime: WebAssembly, two threads"
    other = Page("--plain")
    try:
        other.show_own(bundles["plain"])
        assert other.evaluate("crossOriginIsolated") is False
        words = other.textContent("#runtime")
        assert words.startswith("ONNX Runtime: WebAssembly, one thread: two need the headers COOP and COEP")
        assert other.textContent("#golden-verdict").endswith("cases passed")
        assert_quiet(other)
    finally:
        other.close()


def test_webgpu_is_used_where_there_is_an_adapter(bundles: dict[str, Path], web: None) -> None:
    page = Page(*(f"--flag={flag}" for flag in SOFTWARE_GPU))
    try:
        page.show_own(bundles["plain"])
        if not page.evaluate("navigator.gpu?.requestAdapter().then(Boolean) ?? false"):
            pytest.skip("this Chromium has no adapter in software")
        assert page.textContent("#runtime") == "ONNX Runtime: WebGPU, on which this page has not been tested"
        assert page.textContent("#golden-verdict").endswith("cases passed")
    finally:
        page.close()


def test_a_compiled_model_needs_no_onnx_runtime_and_the_page_says_which_of_them_answers(
    page: Page, web: None, bundles: dict[str, Path]
) -> None:
    require("compiled models", ("clang", "wasm-ld"))
    page.show("banana")
    assert page.textContent("#runtime") == "Compiled: a WebAssembly module of 29 KB, held to the golden cases"
    asked = [each["text"] for each in page.seen()["seen"] if each["kind"] == "request"]
    assert any(address.endswith("modules/banana.wasm") for address in asked)
    assert not any("onnxruntime" in address for address in asked)
    page.setInputFiles("#folder", str(bundles["plain"]))
    page.settle(manifest_of(bundles["plain"])["name"])
    assert page.textContent("#runtime") == "ONNX Runtime: WebAssembly, two threads"
    page.selectOption("#zoo", "moons")
    page.settle("moons")
    assert page.textContent("#runtime").startswith("Compiled: ")
    assert_quiet(page)


def test_a_module_of_another_model_is_passed_over(page: Page, web: None) -> None:
    require("compiled models", ("clang", "wasm-ld"))
    right, other = (WEB / "site/modules" / f"{name}.wasm" for name in ("banana", "funnel"))
    kept = right.read_bytes()
    try:
        right.write_bytes(other.read_bytes())
        page.show("banana")
    finally:
        right.write_bytes(kept)
    words = "ONNX Runtime: WebAssembly, two threads; the compiled module is not within the bounds of the golden cases"
    assert page.textContent("#runtime") == words
    assert page.textContent("#golden-verdict").endswith("cases passed")


def test_a_bundle_is_compiled_when_it_is_served(web: None, bundles: dict[str, Path]) -> None:
    require("compiled models", ("clang", "wasm-ld"))
    command = [sys.executable, "-m", "flowexport", "view", str(bundles["plain"]), "--compile", "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=EXAMPLES.parent) as server:
        assert server.stdout is not None
        page = Page()
        try:
            page.open()
            page.goto(server.stdout.readline().strip())
            page.settle(manifest_of(bundles["plain"])["name"])
            assert page.textContent("#runtime").startswith("Compiled: ")
        finally:
            page.close()
            server.terminate()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [{}, TELEPHONE], ids=["desk", "telephone"])
def test_nothing_stands_in_the_way_of_a_screen_reader(
    page: Page, bundles: dict[str, Path], viewport: dict[str, int], scheme: str
) -> None:
    """The rules of axe-core: names of controls, contrast, roles, landmarks."""
    page.show_own(bundles["categorical"], **viewport)
    page.emulateMedia({"colorScheme": scheme})
    for details in ("#held-summary", "section:has(#golden-cases) summary", "section:has(#seed) .help summary"):
        page.click(details)
    page.evaluate((WEB / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8") + "; undefined")
    violations = page.evaluate(
        "axe.run().then((found) => found.violations.map(({id, nodes}) => [id, nodes.map(({target}) => target[0])]))"
    )
    assert violations == []


def test_every_control_has_a_name_and_is_reached_by_tab(page: Page, bundles: dict[str, Path]) -> None:
    page.show_own(bundles["categorical"])
    controls = page.evaluate(
        """(() => {
            globalThis.reached = new Set();
            addEventListener('focusin', ({target}) => reached.add(target));
            globalThis.controls = [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex]')]
                .filter((control) => control.checkVisibility());
            return controls.map(({labels, ariaLabel, textContent}) =>
                (labels?.length ? labels[0].textContent : ariaLabel || textContent).trim());
        })()"""
    )
    assert len(controls) > 20
    assert "" not in controls
    for _ in controls:
        page.call("keyboard.press", "Tab")
    assert page.evaluate("controls.filter((control) => !reached.has(control)).map(({outerHTML}) => outerHTML)") == []


def test_what_changes_is_announced(page: Page) -> None:
    page.show("banana")
    live = {
        "#reading": "aria-live",
        "#fault": "role",
        "#golden-verdict": "role",
        "#score-note": "role",
        "#runtime": "role",
    }
    assert {page.getAttribute(selector, name) for selector, name in live.items()} == {"polite", "alert", "status"}


@pytest.mark.parametrize("name", ZOO)
def test_a_telephone_needs_no_scrolling_sideways(page: Page, name: str) -> None:
    page.show(name, **TELEPHONE)
    for details in page.evaluate("[...document.querySelectorAll('summary')].map((each) => each.click())"):
        assert details is None
    assert page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]


def test_the_pictures_in_the_documentation_show_the_page_as_it_is(page: Page) -> None:
    """The words and numbers on them, for instance how many cases passed."""
    require("compiled models, whose numbers they are", ("clang", "wasm-ld"))
    kept = json.loads((DOCS / "web-pictures.json").read_text(encoding="utf-8"))
    pictures = {f"web-{name}{end}.png" for name in kept for end in ("", "-dark")}
    assert {path.name for path in DOCS.glob("web-*.png")} == pictures
    for name, words in kept.items():
        page.show(name, width=1080, height=800)
        assert " ".join(page.textContent("#model").split()) == words, (
            "stale: run runtime_examples/web/screenshots.sh, and look at them"
        )


def test_a_picture_is_small_and_twice_as_fine_as_the_page() -> None:
    for path in DOCS.glob("web-*.png"):
        data = path.read_bytes()
        assert len(data) <= PICTURE_BYTES
        assert struct.unpack(">I", data[16:20]) == (2 * 1080,)


# Bundles made by hand -------------------------------------------------------------------------------------


def names_of(path: Path) -> list[str]:
    manifest = manifest_of(path)
    return manifest["features"] or [f"x{i}" for i in range(len(manifest["scale"]))]


def context_of(page: Page) -> np.ndarray | None:
    """The context that the page's controls say, ``[context]``, or None."""
    values = page.evaluate(
        """[...document.querySelectorAll('#context > *')].map((control) =>
            control.querySelector('select')?.selectedIndex ?? Number(control.lastElementChild.value))"""
    )
    return np.array(values, np.float32) if values else None


def zipped(folder: Path, target: Path) -> Path:
    """A zip of a folder, as people make them: the folder in it, packed."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder.parent))
    return target


def normal_log_prob(x: np.ndarray) -> np.ndarray:
    """Of independent normals of mean 1 and standard deviation 2, ``[rows, numbers]``."""
    log_prob: np.ndarray = -0.5 * (((x - 1) / 2) ** 2).sum(axis=1) - x.shape[1] * math.log(2 * math.sqrt(2 * math.pi))
    return log_prob


def normals_bundle(folder: Path, event: list[int], support: float | None = None) -> Path:
    """A bundle of independent normals, whose density is known; outside ±support it is said to be nothing."""
    width = math.prod(event)
    z = np.random.default_rng(0).normal(size=(100, width)).astype(np.float32)
    x = 2 * z.astype(np.float64) + 1
    arrays = {
        "x": x.astype(np.float32).reshape(-1, *event),
        "z": z,
        "log_prob": normal_log_prob(x.astype(np.float32).astype(np.float64)),
        "sample": x.reshape(-1, *event),
        "log_prob_of_sample": normal_log_prob(x),
    }
    weights = {
        "one": np.float32([1]),
        "two": np.float32([2]),
        "half": np.float32([-0.5]),
        "constant": np.float32([-width * math.log(2 * math.sqrt(2 * math.pi))]),
        "columns": np.int64([1]),
        "flat": np.int64([-1, width]),
        "event": np.int64([-1, *event]),
        "support": np.float32([support or math.inf]),
        "nothing": np.float32([-math.inf]),
    }
    log_prob = [
        ("Reshape", "x flat", "rows"),
        ("Sub", "rows one", "centred"),
        ("Div", "centred two", "z"),
        ("Mul", "z z", "squares"),
        ("ReduceSum", "squares columns", "sum"),
        ("Mul", "sum half", "exponent"),
        ("Add", "exponent constant", "density"),
        ("Abs", "rows", "distances"),
        ("ReduceMax", "distances columns", "farthest"),
        ("LessOrEqual", "farthest support", "inside"),
        ("Where", "inside density nothing", "log_prob"),
    ]
    sample = [("Mul", "z two", "wide"), ("Add", "wide one", "rows"), ("Reshape", "rows event", "x")]
    files = {f"golden/{name}.npy": npy_bytes(array) for name, array in arrays.items()}
    graphs = {}
    for name, nodes, given, shape, output, result in (
        ("log_prob", log_prob, "x", event, "log_prob", []),
        ("sample", sample, "z", [width], "x", event),
    ):
        files[f"{name}.onnx"] = graph_bytes(nodes, weights, {given: shape}, {output: result})
        graphs[name] = {"file": f"{name}.onnx", "opset": 18} | {
            key: [{"name": tensor, "dtype": "float32", "shape": ["batch", *axes]}]
            for key, tensor, axes in (("inputs", given, shape), ("outputs", output, result))
        }
    manifest = {
        "format": "flowexport/1",
        "name": folder.name,
        "description": "independent normals",
        "dtype": "float32",
        "event_shape": event,
        "latent_size": width,
        "context_size": 0,
        "features": None,
        "context_features": None,
        "architecture": {},
        "graphs": graphs,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        "tolerance": {name: {"atol": 1e-4, "rtol": 1e-5} for name in graphs},
        "scale": [2.0] * width,
        "reference": {
            "rows": 100,
            "log_prob_quantiles": np.quantile(normal_log_prob(x), np.linspace(0, 1, 101)).tolist(),
        },
        "golden": {
            "cases": [
                case("data", "log_prob", {"x": "x"}, {"log_prob": "log_prob"}),
                case("noise", "sample", {"z": "z"}, {"x": "sample"}),
            ],
            "log_prob_of_sample": "golden/log_prob_of_sample.npy",
            "noise": [],
        },
        "provenance": {},
    }
    (folder / "golden").mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "flow.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def case(name: str, graph: str, inputs: dict[str, str], expected: dict[str, str]) -> dict[str, Any]:
    inputs, expected = ({tensor: f"golden/{file}.npy" for tensor, file in each.items()} for each in (inputs, expected))
    return {"name": name, "graph": graph, "inputs": inputs, "expected": expected}


def graph_bytes(
    nodes: list[tuple[str, str, str]],
    weights: dict[str, np.ndarray],
    given: dict[str, list[int]],
    gives: dict[str, list[int]],
) -> bytes:
    """An ONNX file of nodes: operator, inputs, output."""
    used = {name for _, inputs, _ in nodes for name in inputs.split()}
    tensors = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape]) for name, shape in each.items()]
        for each in (given, gives)
    ]
    attributes: dict[str, dict[str, int]] = {name: {"keepdims": 0} for name in ("ReduceSum", "ReduceMax")}
    graph = helper.make_graph(
        [helper.make_node(op, inputs.split(), [output], **attributes.get(op, {})) for op, inputs, output in nodes],
        "graph",
        *tensors,
        [numpy_helper.from_array(array, name) for name, array in weights.items() if name in used],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString()
    return data
