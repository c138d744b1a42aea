"""What people expect of a scoring tool: rows without a value, bad rows put aside, columns kept, figures as JSON."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import flowexport
from flowexport.tables import columns, open_table, text
from tests.cli.test_cli import assert_one_line, read, run
from tests.conftest import Exported

GOOD = np.array([[0.5, 1.25], [0.25, 0.75], [-0.5, 0.5]])
HOLES = 'id,x1,x2,note\na,0.5,1.25,"one, two"\nb,,2.5,x\nc,0.25,0.75,\nd,nan,1,y\ne,-0.5,0.5,NA\n'


@pytest.fixture(params=["pyarrow", "standard library"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With pyarrow and without."""
    for module in (text, columns):
        monkeypatch.setattr(module, "has_arrow", lambda: request.param == "pyarrow")
    return str(request.param)


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    return flowexport.load("banana", device="cpu").log_prob(GOOD).astype(np.float64)


def records(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def numbers(cells: list[str]) -> np.ndarray:
    return np.array([float(cell) if cell else np.nan for cell in cells])


def close(found: object, expected: np.ndarray) -> bool:
    return np.allclose(np.asarray(found, float), expected, rtol=1e-6, atol=1e-6, equal_nan=True)


@pytest.mark.usefixtures("reader")
def test_rows_without_a_value_stop_are_left_out_or_have_no_score(tmp_path: Path, expected: np.ndarray) -> None:
    rows, scores = tmp_path / "rows.csv", tmp_path / "scores.csv"
    rows.write_text(HOLES)
    assert_one_line(
        run("score", "banana", rows, "-o", scores), "row 2, column 'x1' holds a missing value; --missing drop"
    )
    assert not scores.exists()

    dropped = run("score", "banana", rows, "-o", scores, "--missing", "drop", "--id", "id")
    assert "2 of 5 rows hold no value in a column that is scored, and are left out" in dropped.stderr
    assert [row["id"] for row in records(scores)] == ["a", "c", "e"]
    assert close(numbers([row["log_prob"] for row in records(scores)]), expected)

    empty = run("score", "banana", rows, "-o", scores, "--missing", "empty")
    assert "2 of 5 rows hold no value in a column that is scored, and are written without a score" in empty.stderr
    spread = np.full(5, np.nan)
    spread[[0, 2, 4]] = expected
    assert [row["log_prob"] == "" for row in records(scores)] == [False, True, False, True, False]
    assert [row["percentile"] == "" for row in records(scores)] == [False, True, False, True, False]
    assert close(numbers([row["log_prob"] for row in records(scores)]), spread)


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".feather"])
def test_a_row_without_a_score_in_every_format(tmp_path: Path, suffix: str, expected: np.ndarray) -> None:
    (tmp_path / "rows.csv").write_text(HOLES)
    scores = tmp_path / f"scores{suffix}"
    assert run("score", "banana", tmp_path / "rows.csv", "--missing", "empty", "-o", scores).exit_code == 0
    found = read(scores)[:, 0]
    assert close(found[[0, 2, 4]], expected)
    assert np.isnan(found[[1, 3]]).all()
    if suffix == ".parquet":
        assert pq.read_table(scores)["log_prob"].null_count == 2


def test_nulls_of_parquet_and_nan_of_npy_are_missing(tmp_path: Path, expected: np.ndarray) -> None:
    table = pa.table({"x1": [0.5, None, 0.25, float("nan"), -0.5], "x2": [1.25, 2.5, 0.75, 1.0, 0.5]})
    pq.write_table(table, tmp_path / "rows.parquet")
    np.save(tmp_path / "rows.npy", np.array([[0.5, 1.25], [np.nan, 1], [0.25, 0.75], [1, np.nan], [-0.5, 0.5]]))
    for name in ("rows.parquet", "rows.npy"):
        result = run("score", "banana", tmp_path / name, "-o", tmp_path / "scores.csv", "--missing", "drop")
        assert "2 of 5 rows" in result.stderr
        assert close(read(tmp_path / "scores.csv")[:, 0], expected)
    table = table.set_column(0, "x1", pa.array([np.inf, 1, 1, 1, 1]))
    pq.write_table(table, tmp_path / "rows.parquet")
    assert_one_line(run("score", "banana", tmp_path / "rows.parquet", "--missing", "drop"), "row 1", "the value inf")


@pytest.mark.usefixtures("reader")
def test_columns_are_kept_as_they_stand(tmp_path: Path, expected: np.ndarray) -> None:
    rows, scores = tmp_path / "rows.csv", tmp_path / "scores.csv"
    text = 'id,x2,note,x1\n007,1.250,"one, ""two""\nthree",+.5\n,0.75,NA,0.25\n1e3,0.5, ünï ,-0.5\n'
    rows.write_text(text, encoding="utf-8")
    assert run("score", "banana", rows, "--keep", "-o", scores).exit_code == 0
    kept = records(scores)
    assert list(kept[0]) == ["id", "x2", "note", "x1", "log_prob", "percentile"]
    assert [{name: row[name] for name in ("id", "x2", "note", "x1")} for row in kept] == records(rows)
    assert close(numbers([row["log_prob"] for row in kept]), expected)

    assert run("score", "banana", rows, "--id", "note", "--id", "id", "-o", scores).exit_code == 0
    assert list(records(scores)[0]) == ["note", "id", "log_prob", "percentile"]
    assert_one_line(run("score", "banana", rows, "--id", "key"), "no column 'key'; it has id, x2, note, x1")


def test_what_would_have_two_columns_of_a_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x1,x2,log_prob\n1,2,3\n")
    assert_one_line(run("score", "banana", tmp_path / "rows.csv", "--keep"), "has a column 'log_prob' already", "--id")
    assert run("score", "banana", tmp_path / "rows.csv", "--id", "x1").stdout.startswith("x1,log_prob,percentile\n1,")


def test_kept_columns_keep_their_types(tmp_path: Path, expected: np.ndarray) -> None:
    table = pa.table(
        {
            "x1": pa.array(GOOD[:, 0], pa.float32()),
            "id": pa.array([7, None, 9], pa.int64()),
            "day": pa.array([0, 1, 2], pa.date32()),
            "x2": GOOD[:, 1],
            "kind": pa.array(["a", "b", "a"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    assert run("score", "banana", tmp_path / "rows.parquet", "--keep", "-o", tmp_path / "s.feather").exit_code == 0
    found = pyarrow.feather.read_table(tmp_path / "s.feather")
    assert found.column_names == [*table.column_names, "log_prob", "percentile"]
    assert found.select(["id", "day"]).equals(table.select(["id", "day"]))
    assert found["kind"].to_pylist() == ["a", "b", "a"]
    assert found["x2"].to_pylist() == GOOD[:, 1].tolist()
    assert close(found["log_prob"].to_numpy(), expected)
    assert run("score", "banana", tmp_path / "rows.parquet", "--keep", "-o", tmp_path / "s.csv").exit_code == 0
    assert [row["day"] for row in records(tmp_path / "s.csv")] == ["1970-01-01", "1970-01-02", "1970-01-03"]
    assert [row["id"] for row in records(tmp_path / "s.csv")] == ["7", "", "9"]
    refused = run("score", "banana", tmp_path / "rows.parquet", "--keep", "-o", tmp_path / "s.npy")
    assert_one_line(refused, "column 'day' holds", ".csv or .parquet")


def test_numbers_that_were_text_are_numbers_in_a_typed_table(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(HOLES)
    scores = tmp_path / "scores.parquet"
    assert run("score", "banana", tmp_path / "rows.csv", "--keep", "--missing", "empty", "-o", scores).exit_code == 0
    found = pq.read_table(scores)
    assert [str(found.schema.field(name).type) for name in ("id", "x1", "x2", "note")] == [
        "string", "double", "double", "string",
    ]  # fmt: skip
    assert found["x1"].to_pylist()[:3] == [0.5, None, 0.25]


BAD = 'id,x1,x2\na,0.5,1.25\nb,bad,2.5\nc,1\nd,0.25,0.75\n"e, f",1e300,"1"\ng,1,2,3\nh,,inf\ni,-0.5,0.5\nj,2,\n'


@pytest.mark.usefixtures("reader")
def test_bad_rows_are_put_aside_with_their_reasons(tmp_path: Path, expected: np.ndarray) -> None:
    rows, scores, aside = tmp_path / "rows.csv", tmp_path / "scores.csv", tmp_path / "bad.csv"
    rows.write_text(BAD)
    result = run("score", "banana", rows, "--skip-bad", aside, "--id", "id", "-o", scores)
    assert result.exit_code == 0, result.stderr
    assert f"6 of 9 rows are bad, and left out; {aside} has them, with reasons" in result.stderr
    assert [row["id"] for row in records(scores)] == ["a", "d", "i"]
    assert close(numbers([row["log_prob"] for row in records(scores)]), expected)
    found = records(aside)
    assert {row["file"] for row in found} == {str(rows)}
    assert [(row["row"], row["reason"], row["line"]) for row in found] == [
        ("2", "column 'x1' holds 'bad', not a number", "b,bad,2.5"),
        ("3", "expected 3 cells, got 2: 'c,1'", "c,1"),
        ("5", "column 'x1' holds 1e+300, more than float32 can hold", '"e, f",1e300,1'),
        ("6", "expected 3 cells, got 4: 'g,1,2,3'", "g,1,2,3"),
        ("7", "column 'x1' holds a missing value", "h,,inf"),
        ("9", "column 'x2' holds a missing value", "j,2,"),
    ]
    # What was put aside can be mended and scored; rows without a value may be left out, and are not bad then.
    result = run("score", "banana", rows, "--skip-bad", aside, "--missing", "drop")
    assert "1 of 9 rows hold no value" in result.stderr
    assert "5 of 9 rows are bad" in result.stderr
    rows.write_text("x1,x2\n1,2\n")
    assert run("score", "banana", rows, "--skip-bad", aside).exit_code == 0
    assert records(aside) == []


@pytest.mark.thorough
@pytest.mark.usefixtures("reader")
def test_the_numbers_of_bad_rows_are_those_of_the_file(tmp_path: Path) -> None:
    """Far into the table, in several blocks and batches."""
    rng = np.random.default_rng(0)
    lines = [f"{a},{b}" for a, b in rng.normal(size=(150_000, 2)).tolist()]
    kinds = dict(zip(rng.permutation(150_000)[:400].tolist(), "vwns" * 100, strict=True))
    bad = {"v": "1,x", "w": "1,2,3", "n": "1", "s": ",2"}
    rows = [bad[kinds[place]] if place in kinds else line for place, line in enumerate(lines)]
    (tmp_path / "rows.csv").write_text("x1,x2\n" + "\n".join(rows))
    result = run("score", "banana", tmp_path / "rows.csv", "--skip-bad", tmp_path / "bad.csv.gz", "--keep")
    assert result.exit_code == 0, result.stderr
    assert [line.rsplit(",", 2)[0] for line in result.stdout.splitlines()[1:]] == [
        line for place, line in enumerate(lines) if place not in kinds
    ]
    table = open_table(tmp_path / "bad.csv.gz")
    found = np.concatenate([block.values for block in table.blocks(["row"])])
    assert found[:, 0].tolist() == sorted(place + 1 for place in kinds)


def test_bad_rows_of_typed_tables(tmp_path: Path, expected: np.ndarray) -> None:
    table = pa.table({"x1": [0.5, np.inf, 0.25, None, -0.5], "x2": [1.25, 1, 0.75, 1, 0.5], "id": list("abcde")})
    pq.write_table(table, tmp_path / "rows.parquet")
    command = ["score", "banana", tmp_path / "rows.parquet", "-o", tmp_path / "scores.csv", "--skip-bad"]
    assert run(*command, tmp_path / "bad.parquet").exit_code == 0
    assert pq.read_table(tmp_path / "bad.parquet").select(["row", "reason", "line"]).to_pylist() == [
        {"row": 2, "reason": "column 'x1' holds the value inf", "line": "inf,1.0,b"},
        {"row": 4, "reason": "column 'x1' holds a missing value", "line": ",1.0,d"},
    ]
    assert close(read(tmp_path / "scores.csv")[:, 0], expected)
    assert_one_line(run(*command, tmp_path / "rows.parquet"), "is a table that is read")
    assert_one_line(run(*command, tmp_path / "scores.csv"), "is a table that is read, or written too")


def test_score_as_one_document(tmp_path: Path, expected: np.ndarray) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text(HOLES)
    result = run("score", "banana", rows, "--json", "--missing", "empty", "--id", "id", "--flag", "0.1")
    assert (result.exit_code, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert [row["id"] for row in document["rows"]] == list("abcde")
    assert document["rows"][1] == {"id": "b", "log_prob": None, "percentile": None, "flag": None}
    assert close([document["rows"][place]["log_prob"] for place in (0, 2, 4)], expected)
    assert {key: document[key] for key in ("read", "scored", "missing", "skipped")} == {
        "read": 5, "scored": 3, "missing": 2, "skipped": 0,
    }  # fmt: skip
    assert abs(document["mean_log_prob"] - expected.mean()) < 1e-5
    named = run("score", "banana", rows, "--json", "--missing", "drop", "-o", tmp_path / "scores.csv")
    summary = json.loads(named.stdout)
    assert summary["output"] == str(tmp_path / "scores.csv")
    assert (summary["scored"], "rows" in summary) == (3, False)
    failed = run("score", "banana", rows, "--json", "-o", tmp_path / "scores.csv")
    assert json.loads(failed.stderr)["exit_status"] == failed.exit_code == 2
    (tmp_path / "none.csv").write_text("x1,x2\n")
    assert json.loads(run("score", "banana", tmp_path / "none.csv", "--json").stdout)["rows"] == []


def test_sample_as_one_document(tmp_path: Path, conditional: Exported) -> None:
    result = run("sample", conditional.path, "-n", 2, "--context", "0.5,-1", "--seed", 3, "--json")
    document = json.loads(result.stdout)
    samples = flowexport.load(conditional.path, device="cpu").sample(2, [0.5, -1], seed=3)
    assert [list(row) for row in document["rows"]] == [[*(f"x{i}" for i in range(5)), "c0", "c1"]] * 2
    assert np.array_equal(np.float32([list(row.values())[:5] for row in document["rows"]]), samples)
    assert (document["drawn"], document["seed"]) == (2, 3)
    named = run("sample", "banana", "-n", 2, "--json", "-o", tmp_path / "samples.csv")
    assert json.loads(named.stdout)["output"] == str(tmp_path / "samples.csv")


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".npy", ".parquet", ".feather"])
def test_score_reads_what_sample_writes_with_its_context(tmp_path: Path, conditional: Exported, suffix: str) -> None:
    with (tmp_path / "contexts.csv").open("w") as file:
        file.write("c1,c0\n-1,0.5\n0.1,0.2\n")
    samples, scores = tmp_path / f"samples{suffix}", tmp_path / "scores.npy"
    drawn = run("sample", conditional.path, "-n", 3, "--context", tmp_path / "contexts.csv", "--seed", 0, "-o", samples)
    assert drawn.exit_code == 0, drawn.stderr
    assert run("score", conditional.path, samples, "-o", scores).exit_code == 0
    model = flowexport.load(conditional.path, device="cpu")
    contexts = np.array([[0.5, -1], [0.2, 0.1]])
    direct = model.log_prob(model.sample(3, contexts, seed=0), np.repeat(contexts, 3, axis=0))
    np.testing.assert_allclose(np.load(scores)[:, 0], direct, rtol=1e-6)


def test_more_rows_than_a_file_or_the_disk_holds_are_refused_before_the_first(tmp_path: Path) -> None:
    assert_one_line(run("sample", "banana", "-n", 10**23), "-n: 100,000,000,000,", "more than any file holds")
    for name in ("x.csv", "x.npy"):
        result = run("sample", "banana", "-n", 10**17, "-o", tmp_path / name)
        assert_one_line(result, f"{name}: 100,000,000,000,000,000 rows are at least", "are free")
    assert list(tmp_path.iterdir()) == []
