"""runtime_examples/csv_cases.toml: the tables that readers of CSV read differently."""

from __future__ import annotations

__all__ = ["CSV_CASES", "CsvCase"]

import tomllib
from dataclasses import dataclass

from .languages import EXAMPLES


@dataclass(frozen=True)
class CsvCase:
    """A table, and either its rows or words of its refusal.

    Arguments:
        name: what it is about.
        bundle: under which its rows are scored.
        table: bytes.
        rows: features and context, codes for categories; None where the table is refused.
        refused: words of the refusal, whatever their capitals.
        sniffed: whether flowexport's own reader takes it, since it looks for another delimiter.
    """

    name: str
    bundle: str
    table: bytes
    rows: list[list[float]] | None
    refused: list[str]
    sniffed: bool


def read_cases() -> dict[str, CsvCase]:
    with (EXAMPLES / "csv_cases.toml").open("rb") as stream:
        found = tomllib.load(stream)["case"]
    cases = {}
    for case in found:
        table = bytes.fromhex(case["hex"]) if "hex" in case else case["table"].encode()
        rows, refused, sniffed = case.get("rows"), case.get("refused", []), case.get("sniffed", False)
        assert case["name"] not in cases
        assert ("rows" in case) != ("refused" in case)
        cases[case["name"]] = CsvCase(case["name"], case.get("bundle", "banana"), table, rows, refused, sniffed)
    return cases


CSV_CASES = read_cases()
