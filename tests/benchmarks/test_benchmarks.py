"""The comparisons: peers are the same flows, goals are told as they are, and nothing is left out in silence."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import flowexport
from benchmarks import __main__ as driver
from benchmarks import call_overhead, cuda, native, speed, training_step
from benchmarks.flows import SHAPES, Flows, Shape, nflows_flow, normflows_flow, zuko_flow
from benchmarks.peers import OURS, PEERS, PLAIN, SAME_WEIGHTS, ZUKO, in_torch
from benchmarks.report import Goal, Report, Table, not_run
from flowexport.bench import Timing

SMALL = Shape(4, 3, 8)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> Flows:
    return Flows(SMALL, tmp_path_factory.mktemp("flows"))


def test_the_libraries_have_the_same_networks() -> None:
    def sizes(flow: torch.nn.Module) -> list[tuple[int, ...]]:
        return sorted(tuple(each.shape) for each in flow.parameters() if each.ndim == 2 and each.numel() > 4)

    expected = [(4, 8), (8, 2), (8, 8)] * SMALL.layers
    for make in (zuko_flow, nflows_flow, normflows_flow):
        assert sizes(make(SMALL)) == sorted(expected), make.__name__


@pytest.mark.parametrize("verb", ["log_prob", "sample"])
@pytest.mark.parametrize("name", [name for name in SAME_WEIGHTS if "compiled" not in name])
def test_peers_with_the_same_weights_give_the_same_numbers(name: str, verb: str, flows: Flows) -> None:
    if name.startswith("OpenVINO"):
        pytest.importorskip("openvino")
    if name.startswith("generated C"):
        pytest.importorskip("emx_onnx_cgen")
    x = np.random.default_rng(0).standard_normal((128, SMALL.features), np.float32)
    expected = PEERS[ZUKO](flows)(verb, x, 1)()
    np.testing.assert_allclose(PEERS[name](flows)(verb, x, 1)(), expected, rtol=1e-4, atol=1e-4)


def test_a_peer_that_cannot_be_measured_says_why(flows: Flows) -> None:
    def broken(_: object) -> None:
        raise ValueError("no such operator")

    x = np.zeros((4, SMALL.features), np.float32)
    peers = {OURS: in_torch({"log_prob": lambda x: x.sum(1)}), "b": in_torch({"log_prob": broken}), "c": "not there"}
    peers |= {ZUKO: in_torch({"log_prob": lambda x: x.sum(1) + 1})}
    found, _ = speed.cells(peers, "log_prob", x, {}, True)
    assert isinstance(found[OURS], Timing)
    assert found["b"] == "ValueError: no such operator"
    assert found["c"] == "not there"
    assert found[ZUKO] == "its numbers are not those of the others"


def test_a_call_that_would_take_too_long_is_not_made() -> None:
    calls = []
    peer = in_torch({"log_prob": calls.append})
    before = {OURS: Timing(30e6, 30e6, 1), "rows": 1000}
    found, _ = speed.cells({OURS: peer}, "log_prob", np.zeros((2000, 2), np.float32), before, True)
    assert found[OURS] == "a call would take about 60 s, more than 15"
    assert not calls


def test_a_table_has_every_peer_and_every_reason() -> None:
    column = {name: Timing(2.0, 1.0, 5) for name in PEERS} | {ZUKO: Timing(60.0, 50.0, 5), PLAIN: "broken"}
    table = speed.table_of(SHAPES[1], "log_prob", {1: column, 64: column})
    assert [row[0] for row in table.rows] == list(PEERS)
    assert table.rows[list(PEERS).index(ZUKO)][1] == "60 (**30 ×**)"
    assert table.notes == [f"{PLAIN} at 1, 64 rows: not run: broken"]
    met, missing = speed.goals_of(SHAPES[1], "log_prob", column)
    assert met.verdict == "met"
    assert missing.verdict == "not run: broken"


def test_goals_are_told_as_they_are() -> None:
    assert Goal(1, "a", 2.0, figure=2.0).verdict == "met"
    assert Goal(1, "a", 2.0, figure=1.9).verdict == "not met"
    assert Goal(1, "a", 2.0, "≤", "s", 2.1).verdict == "not met"
    assert Goal(1, "a", 2.0, "≤", figure=math.inf).line() == "| 1 | a | ≤ 2 × | never | not met |"
    assert Goal(1, "a", 2.0, figure=math.nan).verdict == "not met"
    assert Goal(4, "a", None, figure=1.0).verdict == "reported"
    assert not_run([Goal(3, "a", 2.0)], "no GPU")[0].line() == "| 3 | a | ≥ 2 × | – | not run: no GPU |"


def test_a_report_reads_back_as_itself() -> None:
    report = Report("t", "how", [Table("a", ["x"], [["1"]], ["n"])], [Goal(1, "a", 2.0, figure=3.0)], [{"b": 1}], 2.5)
    assert Report.from_json(report.to_json()) == report


def test_results_have_every_goal_and_no_paths() -> None:
    reports = {
        "speed": Report("Speed", "how", [], [Goal(1, "a", 2.0, figure=3.0)], seconds=60),
        "cuda": driver.failed("cuda", "it broke"),
    }
    text = driver.results(reports)
    assert "1 met, 1 not run" in text
    assert "| 4 | all of `cuda` | – | – | not run: it broke |" in text
    assert str(ROOT) not in text


def test_every_comparison_is_run_by_the_driver_and_described() -> None:
    folder, readme = ROOT / "benchmarks", (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    commands = {path.stem for path in folder.glob("*.py") if "def compare(" in path.read_text(encoding="utf-8")}
    assert commands == set(driver.COMPARISONS)
    assert set(re.findall(r"benchmarks\.(\w+)`", readme)) >= commands
    items = {item for items in driver.COMPARISONS.values() for item in items}
    assert items == {1, 2, 3, 4, 5, 6}


def test_a_comparison_that_breaks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(driver.COMPARISONS, "no_such_comparison", (3,))
    report, broke = driver.run("no_such_comparison", True)
    assert broke
    assert "no_such_comparison" in report.goals[0].verdict


def test_the_page_gets_its_table_between_its_markers() -> None:
    figures = [
        {"shape": list(shape), "rows": rows, "verb": verb, "peer": peer, "median": 10.0 if peer == OURS else 200.0}
        for shape in SHAPES
        for rows in driver.PAGE_ROWS
        for verb in speed.VERBS
        for peer in (OURS, ZUKO)
    ]
    report = Report("t", "how", [], [], figures)
    text = driver.page_with("before\n<!-- speed -->\nold\n<!-- end -->\nafter", report)
    assert text.startswith("before\n<!-- speed -->\n| features")
    assert text.endswith("<!-- end -->\nafter")
    assert "old" not in text
    assert "| 10, 5, 128 | 16,384 | 20 | not run | 10 | 20 | not run | 10 |" in text
    assert driver.page_with("no markers", report) == "no markers"
    page = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    assert driver.page_with(page, report) != page


def test_the_page_of_the_native_engine_takes_what_was_found_between_its_markers() -> None:
    report = Report("native", "how", [Table("of rows", ["rows", "µs"], [["1", "2.9"]])], [Goal(16, "a", 8, figure=9.0)])
    text = (ROOT / "docs" / "native.md").read_text(encoding="utf-8")
    page = native.page_with(text, report)
    before, after = text.partition(native.BEGIN)[0], text.partition(native.END)[2]
    assert page.startswith(before)
    assert page.endswith(after)
    assert "| 1 | 2.9 |" in page
    assert "| 16 | a | ≥ 8 × | 9 × | met |" in page
    assert "ONNX Runtime, µs" not in page.removeprefix(before).removesuffix(after)


@pytest.mark.parametrize(
    ("spent", "times", "verdicts"),
    [
        (5.4, 11.0, ["met", "reported"]),
        (8.1, 13.6, ["reported", "met"]),
        (5.4, 3.0, ["met", "reported"]),
        (8.1, 3.0, ["not met", "not met"]),
    ],
)
def test_one_of_two_bounds_is_enough_for_one_sample(spent: float, times: float, verdicts: list[str]) -> None:
    goals = native.draw_goals(SMALL, spent, times)
    assert [goal.verdict for goal in goals] == verdicts
    assert [goal.figure for goal in goals] == [spent, times]


def test_what_a_row_costs_is_counted_in_weights_that_are_not_zero(flows: Flows) -> None:
    half, moved = SMALL.features // 2, SMALL.features // 2
    layer = half * SMALL.hidden + SMALL.hidden**2 + SMALL.hidden * 2 * moved
    # Behind the couplings: the sum of log scales, and of squares.
    assert SMALL.layers * 2 * layer <= native.operations_of(flows.bundle) <= SMALL.layers * 2 * layer + 40


def test_bound_buffers_give_the_numbers_of_the_model(flows: Flows) -> None:
    x, out = np.ones((1, SMALL.features), np.float32), np.empty(1, np.float32)
    model = flowexport.load(flows.bundle, device="cpu", engine="onnxruntime")
    by_binding, by_run = call_overhead.bound(model.graphs["log_prob"].session, x, out)
    by_binding()
    np.testing.assert_array_equal(out, by_run()[0])


@pytest.mark.parametrize("verb", cuda.VERBS)
def test_what_runs_on_a_gpu_gives_the_same_numbers(verb: str, flows: Flows) -> None:
    """Here on the processor."""
    x = np.random.default_rng(0).standard_normal((5, SMALL.features), np.float32)
    calls = cuda.calls(flowexport.load(flows.bundle, device="cpu"), flows.zuko(), verb, x, "cpu")
    first, *others = (np.asarray(call()) for call in calls.values())
    for other in others:
        np.testing.assert_allclose(other, first, rtol=1e-4, atol=1e-4)


def test_a_step_trains() -> None:
    for name, one in training_step.steps(SMALL, 16, False).items():
        one(), one()
        assert one() is None, name
