"""One server for all tests that leave it as it is."""

from collections.abc import Iterator

import pytest

import flowexport
from flowexport.runtime import Model
from tests.serving.processes import Process, served


@pytest.fixture(scope="session")
def server() -> Iterator[Process]:
    """Two zoo models: one plain, one with categories as context."""
    with served("banana", "diamonds", "--grpc-port", "0") as process:
        yield process


@pytest.fixture(scope="session")
def banana() -> Model:
    return flowexport.load("banana", device="cpu")


@pytest.fixture(scope="session")
def diamonds() -> Model:
    return flowexport.load("diamonds", device="cpu")
