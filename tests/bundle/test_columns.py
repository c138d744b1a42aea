"""The columns of a bundle, of all that its flow.json says of them here and there."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from flowexport.bundle import Manifest, open_bundle
from flowexport.column import Column, numbered


@pytest.fixture(scope="module")
def diamonds() -> Manifest:
    return open_bundle("diamonds").manifest


def test_a_feature_is_told_by_name_step_and_bounds(diamonds: Manifest) -> None:
    names = diamonds.features or []
    bounds = [[0.0, None], [1.0, 2.5], [None, None], [None, None]]
    manifest = replace(diamonds, architecture={"arguments": {"bounds": bounds}}, discrete={names[1]: 0.5})
    first, second, *others = manifest.feature_columns
    assert (first, second) == (Column(names[0], bounds=(0.0, None)), Column(names[1], bounds=(1.0, 2.5), step=0.5))
    assert others == [Column(name) for name in names[2:]]


def test_a_column_of_the_context_is_told_by_its_categories(diamonds: Manifest) -> None:
    (cut, *_) = diamonds.context_columns
    assert (cut.name, cut.codes) == ("cut", 5)
    assert replace(cut, categories=None).codes == 0


def test_columns_without_names_are_numbered(diamonds: Manifest) -> None:
    unnamed = replace(diamonds, features=None, context_features=None, architecture={}, event_shape=[1, 2, 2])
    assert unnamed.feature_columns == numbered("x", 4) == [Column(f"x{place}") for place in range(4)]
    assert unnamed.context_columns == numbered("c", diamonds.context_size)


@pytest.mark.parametrize(
    "bounds", [[[0, 1]], [[0, 1]] * 5, [["a", 1]] * 4, "abc", 3, [[1, 2, 3]] * 4, [None] * 4, {"a": [1, 2]}]
)
def test_bounds_that_are_none_are_passed_over(diamonds: Manifest, bounds: Any) -> None:
    """An architecture is what its flow says of itself: readers without that flow must not stumble over it."""
    manifest = replace(diamonds, architecture={"arguments": {"bounds": bounds}})
    assert {column.bounds for column in manifest.feature_columns} == {(None, None)}
