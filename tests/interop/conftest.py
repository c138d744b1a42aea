"""Models of other libraries, each trained and exported once a session."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch

import flowexport

from .trained import CASES, Trained, contexts, rows, train

ROWS = 1200


@pytest.fixture(scope="session")
def trained() -> Callable[[str], Trained]:
    """A case by name, trained the first time."""
    return cache(train)


@pytest.fixture(scope="session")
def bundle(trained: Callable[[str], Trained], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The bundle of a case, adopted from float32 and exported the first time."""
    folder = tmp_path_factory.mktemp("adopted")

    @cache
    def made(name: str) -> Path:
        model = trained(name)
        context = contexts(ROWS, model.context, seed=3)
        path = folder / str(list(CASES).index(name))
        flowexport.export(
            model.library.adopt(model.module),
            path,
            rows(ROWS, model.features, seed=2),
            context,
            weights=True,
            original=model.library.numbers(model.module),
        )
        return path

    return made


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
