"""flowexport's own reader of CSV keeps the table of cases that the programs of all languages keep."""

from pathlib import Path

import numpy as np
import pytest

from flowexport.bundle.schema import ContextFeature
from flowexport.errors import DataError
from flowexport.runtime.categories import coder_of
from flowexport.tables import open_table
from tests.runtime_examples.csv_cases import CSV_CASES, CsvCase

COLUMNS = {"banana": ["x1", "x2"], "numbered": ["x0", "x1", "x2", "x3", "x4", "grade", "angle"]}
GRADE = ContextFeature("grade", ["1", "2", "10"])


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


@pytest.mark.parametrize("name", CSV_CASES)
def test_a_table_is_read_in_one_way_or_refused(tmp_path: Path, name: str) -> None:
    case = CSV_CASES[name]
    (tmp_path / "rows.csv").write_bytes(case.table)
    if case.rows is None:
        with pytest.raises(DataError) as caught:
            read(tmp_path / "rows.csv", case)
        for word in case.refused:
            assert word.lower() in str(caught.value).lower()
    else:
        expected = np.array(case.rows).reshape(len(case.rows), len(COLUMNS[case.bundle]))
        np.testing.assert_allclose(read(tmp_path / "rows.csv", case), expected, rtol=1e-15, atol=1e-50)
