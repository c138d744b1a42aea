"""flowexport's own reader of CSV keeps the table of cases that the programs of all languages keep."""

from pathlib import Path

import numpy as np
import pytest

from flowexport.column import Column
from flowexport.errors import DataError, DataWarning
from flowexport.runtime.categories import coder_of
from flowexport.tables import open_table, text
from tests.runtime_examples.csv_cases import CSV_CASES, CsvCase

COLUMNS = {"banana": ["x1", "x2"], "numbered": ["x0", "x1", "x2", "x3", "x4", "grade", "angle"]}
GRADE = Column("grade", ["1", "2", "10"])


def read(path: Path, case: CsvCase) -> np.ndarray:
    columns = COLUMNS[case.bundle]
    table = open_table(path)
    coders = {"grade": coder_of(GRADE)} if "grade" in columns else {}
    rows = [np.empty((0, len(columns)))]
    for block in table.blocks(table.match(columns), coders):
        block.require_finite()
        block.require_within(np.dtype(np.float32))
        rows.append(block.values)
    return np.concatenate(rows)


@pytest.fixture(params=["pyarrow", "standard library"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What reads text: pyarrow, or without it the standard library."""
    monkeypatch.setattr(text, "has_arrow", lambda: request.param == "pyarrow")
    return str(request.param)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", CSV_CASES)
def test_a_table_is_read_in_one_way_or_refused(tmp_path: Path, name: str) -> None:
    case = CSV_CASES[name]
    (tmp_path / "rows.csv").write_bytes(case.table)
    if case.sniffed:
        with pytest.warns(DataWarning, match="delimiter"):
            assert read(tmp_path / "rows.csv", case).tolist() == [[1.0, 2.0]]
    elif case.rows is None:
        with pytest.raises(DataError) as caught:
            read(tmp_path / "rows.csv", case)
        for word in case.refused:
            assert word.lower() in str(caught.value).lower()
    else:
        expected = np.array(case.rows).reshape(len(case.rows), len(COLUMNS[case.bundle]))
        np.testing.assert_allclose(read(tmp_path / "rows.csv", case), expected, rtol=1e-15, atol=1e-50)


CELLS = [
    "1", "-0", "+.5", "2.", "1e5", "1E-400", "1e400", "007", " 3 ", "0.1000000000000000055511151231257827", "1e", ".",
    "+-1", "0x1p3", "1_0", "1f", "nan", "NaN", "-NAN", "inf", "-Infinity", "+INF", "nan(1)", "", "NA", "null", " NA",
    "  ", "\t1", "\u00a01", "\u0661", "true", "9007199254740993", "179769313486231580793e289", "4.9e-324", "2e-324",
]  # fmt: skip


@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_both_readers_make_the_same_of_a_cell(tmp_path: Path, cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rows.csv").write_text(f"x,y\n{cell},1\n", encoding="utf-8")
    outcomes = []
    for arrow in (True, False):
        monkeypatch.setattr(text, "has_arrow", lambda arrow=arrow: arrow)
        try:
            block = next(open_table(tmp_path / "rows.csv").blocks(["x"]))
            outcomes.append((block.values.tobytes(), block.missing.tolist()))
        except DataError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


def test_both_readers_make_the_same_of_random_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bits = np.random.default_rng(0).integers(0, 2**64, 100_000, dtype=np.uint64).view(np.float64)
    numbers = bits[np.isfinite(bits)]
    (tmp_path / "rows.csv").write_text("x\n" + "\n".join(map(repr, numbers.tolist())), encoding="utf-8")
    for arrow in (True, False):
        monkeypatch.setattr(text, "has_arrow", lambda arrow=arrow: arrow)
        found = np.concatenate([block.values[:, 0] for block in open_table(tmp_path / "rows.csv").blocks(["x"])])
        assert np.array_equal(found, numbers)
