"""What parts the cells of a text table is found or given, said, and never guessed where a guess could be wrong."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from flowexport.errors import DataError, DataWarning
from flowexport.tables import Dialect, open_table


def read(path: Path, dialect: Dialect | None = None, columns: tuple[str, ...] = ("a", "b")) -> list[list[float]]:
    table = open_table(path, dialect)
    rows: list[list[float]] = []
    for block in table.blocks(columns):
        block.require_finite()
        rows += block.values.tolist()
    return rows


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "rows.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a;b\n1.5;2\n", ["delimiter ';'"]),
        ("a;b\n1,5;2\n", ["delimiter ';'", "decimal ','"]),
        ("a;b\n1,5;2,25e0\n-,5;3,\n", ["delimiter ';'", "decimal ','"]),
        ('a;b;note\n1.5;2;"x; y"\n', ["delimiter ';'"]),
        ("a\tb\n1.5\t2\n", [r"delimiter '\\t'"]),
        ("a\tb\tnote\n1.5\t2\tx, y; z\n", [r"delimiter '\\t'"]),
        ("a|b\n1.5|2\n", [r"delimiter '\|'"]),
        ("\ufeffa;b\r\n1.5;2\r\n", ["delimiter ';'"]),
        ("a,b\n1.5,2\n", []),
        ('a,b,"one;two"\n1.5,2,x;y\n', []),  # as programs in all languages read it
        ("a,b,one;two\n1.5,2,x;y\n", []),
    ],
)
def test_what_is_found_is_said(tmp_path: Path, text: str, said: list[str]) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert read(written(tmp_path, text))[0][0] == 1.5
    assert len(caught) == len(said)
    for warning, words in zip(caught, said, strict=True):
        assert issubclass(warning.category, DataWarning)
        assert words.replace(r"\|", "|").replace(r"\\", "\\") in str(warning.message).replace(r"\\", "\\")


@pytest.mark.parametrize("text", ["a;b\n1,234;2\n", "a;b\n1,234;22,500\n-1,234,567;3\n"])
def test_commas_that_may_part_thousands_are_refused(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(DataError, match=r"rows\.csv: '1,234' may be a fraction or thousands: .*decimal"):
        read(path)
    with pytest.raises(DataError, match="row 1, column 'a' holds '1,234', not a number"):
        read(path, Dialect(";", "."))
    if text.count("\n") == 2:
        assert read(path, Dialect(";", ",")) == [[1.234, 2.0]]


@pytest.mark.parametrize(
    ("text", "cell"),
    [("a;b\n1,5;2\n1.234,5;3\n", "1.234,5"), ("a;b\n1,5;2\n2.5;3\n", "1,5"), ("a;b\n1;2\n2,5;1.5\n", "2,5")],
)
def test_numbers_of_two_kinds_are_not_mixed(tmp_path: Path, text: str, cell: str) -> None:
    with pytest.raises(DataError, match=f"holds '{cell}', not a number"), pytest.warns(DataWarning):
        read(written(tmp_path, text))


def test_a_cell_of_the_other_decimal_sign_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds '1,5', not a number; .*--decimal , reads it"):
        read(written(tmp_path, 'a,b\n"1,5",2\n'))
    assert read(written(tmp_path, 'a,b\n"1,5",2\n'), Dialect(decimal=",")) == [[1.5, 2.0]]
    with pytest.raises(DataError, match=r"holds '1\.5', not a number"):
        read(written(tmp_path, "a,b\n1.5,2\n"), Dialect(decimal=","))


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        (Dialect(";", ","), "a;b\n1,5;2\n"),
        (Dialect("tab"), "a\tb\n1.5\t2\n"),
        (Dialect(r"\t"), "a\tb\n1.5\t2\n"),
        (Dialect(" "), "a b\n1.5 2\n"),
        (Dialect("~"), 'a~b~c\n1.5~2~"x~y"\n'),
        (Dialect("semicolon", "."), "a;b\n1.5;2\n"),
    ],
)
def test_what_is_given_is_taken_and_needs_no_word(tmp_path: Path, dialect: Dialect, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(written(tmp_path, text), dialect) == [[1.5, 2.0]]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-8-sig", "mac-roman"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path, "größe,b,note\n" + "1.5,2,é\n" * 70_000, encoding)
    rows = read(path, Dialect(encoding=encoding), ("größe", "b"))
    assert np.array_equal(rows, np.tile([1.5, 2.0], (70_000, 1)))


def test_text_of_another_encoding_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is not UTF-8 text \(byte 0xf6\); --encoding"):
        read(written(tmp_path, "größe,b\n1,2\n", "latin-1"))
    with pytest.raises(DataError, match="is UTF-16 text, not UTF-8; --encoding utf-16"):
        read(written(tmp_path, "a,b\n1,2\n", "utf-16"))
    with pytest.raises(DataError, match="is not text of the encoding ascii"):
        read(written(tmp_path, "a,b,note\n" + "1,2,x\n" * 300_000 + "1,2,é\n"), Dialect(encoding="ascii"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"delimiter": "ab"}, "delimiter: expected one character"),
        ({"delimiter": ""}, "delimiter: expected one character"),
        ({"delimiter": "1"}, "delimiter: expected one character"),
        ({"delimiter": '"'}, "delimiter: expected one character"),
        ({"delimiter": "ü"}, "delimiter: expected one character"),
        ({"decimal": ";"}, "decimal: expected"),
        ({"encoding": "latin-99"}, "encoding: 'latin-99' is unknown"),
        ({"encoding": "base64"}, "encoding: 'base64' is unknown"),
    ],
)
def test_what_no_table_is_written_with(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Dialect(**arguments)
