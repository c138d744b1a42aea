"""The tables of options: every two values of two options meet in a flow of the battery, or are refused together."""

import inspect
from collections.abc import Callable
from itertools import combinations, product
from typing import Any, NamedTuple

import pytest

from flowexport.errors import ArgumentError
from flowexport.flows import Flow, MultiScaleRealNVP, RealNVP
from tests.flows import cases, image_cases
from tests.flows.cases import Choice, Group


class Table(NamedTuple):
    """The options of one kind of flow, and the flows that are made of them."""

    kind: type[Flow]
    options: dict[str, list[Any]]
    forbidden: list[Group]
    idle: Callable[[Choice], set[str]]
    chosen: list[Choice]
    arguments_of: Callable[[Choice], dict[str, Any]]
    left_out: set[str]
    """Arguments that are no option of their own: given with another, or of no consequence but for size."""

    def pairs(self) -> list[tuple[str, Any, str, Any]]:
        return [
            (first, one, second, other)
            for first, second in combinations(self.options, 2)
            for one, other in product(self.options[first], self.options[second])
        ]

    def refusal(self, first: str, one: Any, second: str, other: Any) -> str | None:
        """The argument that a pair is refused by, or None where it is allowed."""
        for named, group in self.forbidden:
            if group.keys() == {first, second} and one in group[first] and other in group[second]:
                return named
        return None


TABLES = {
    "RealNVP": Table(
        RealNVP,
        cases.OPTIONS,
        cases.FORBIDDEN,
        cases.idle,
        cases.CHOSEN,
        cases.arguments_of,
        # A fixed map in front, which tests/training/test_defaults.py sets from rows, inverts and exports.
        {"randmask", "categories", "embeddings", "whiten"},
    ),
    "MultiScaleRealNVP": Table(
        MultiScaleRealNVP,
        image_cases.OPTIONS,
        image_cases.FORBIDDEN,
        image_cases.idle,
        image_cases.CHOSEN,
        image_cases.arguments_of,
        {"hidden_channels", "categories", "embeddings"},
    ),
}


@pytest.fixture(params=TABLES)
def table(request) -> Table:
    return TABLES[request.param]


def test_every_argument_is_an_option(table):
    options = {argument for option in table.options for argument in option.split(", ")}
    assert options | table.left_out == set(inspect.signature(table.kind).parameters)


def test_every_two_values_of_two_options_meet_where_both_have_a_say(table):
    missing = []
    for first, one, second, other in table.pairs():
        if table.refusal(first, one, second, other) is None:
            silent = {first, second} & table.idle({first: one, second: other})
            met = [
                chosen
                for chosen in table.chosen
                if chosen[first] == one and chosen[second] == other and {first, second} & table.idle(chosen) == silent
            ]
            if not met:
                missing.append((first, one, second, other))
    assert not missing


def test_each_flow_of_the_table_is_in_the_battery():
    built = {repr(each.args[0]) for each in cases.PAIRS.values()}
    assert built == {repr(chosen) for chosen in cases.CHOSEN}
    assert cases.PAIRS.keys() <= cases.ALL.keys()
    built = {repr(each.args[0]) for each in image_cases.IMAGES.values()}
    assert built == {repr(chosen) for chosen in image_cases.CHOSEN}


def test_values_that_do_not_go_together_are_refused_by_name(table):
    refused = 0
    for first, one, second, other in table.pairs():
        named = table.refusal(first, one, second, other)
        if named is not None:
            defaults = {} if table.kind is RealNVP else {"shape": (1, 8, 8)}
            with pytest.raises(ArgumentError, match=f"^{named}: "):
                table.kind(**defaults | table.arguments_of({first: one, second: other}))
            refused += 1
    assert refused == sum(len(one) * len(other) for _, group in table.forbidden for one, other in [group.values()])


def test_each_value_that_is_refused_with_another_is_accepted_without_it(table):
    """So that the refusals are of the pairs."""
    defaults = {} if table.kind is RealNVP else {"shape": (1, 8, 8)}
    # What needs another option than its default to be at all.
    needed = {"cover": {"masks": "random"}, "base": {"context": "numbers"}}
    for _, group in table.forbidden:
        for option, values in group.items():
            for value in values:
                table.kind(**defaults | table.arguments_of(needed.get(option, {}) | {option: value}))


def test_a_pair_that_is_idle_for_a_third_value_has_not_met():
    pair = {"activation": "Tanh", "features": 1}
    assert cases.meets(pair, pair | {"context": "numbers"})
    assert not cases.meets(pair, pair | {"context": "no context"})
    assert cases.meets({"features": 1, "masks": "halves"}, {"features": 1, "masks": "halves", "base": "DiagonalNormal"})
    assert not cases.meets({"base": "X", "masks": "halves"}, {"features": 1, "masks": "halves", "base": "X"})
