"""What is released says one version, and every extra that users may install has a smoke test."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path

import flowexport

ROOT = Path(__file__).resolve().parents[2]


def test_the_citation_says_the_version() -> None:
    assert f"\nversion: {flowexport.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_every_extra_is_tried_before_a_release_or_is_not_for_users() -> None:
    spec = importlib.util.spec_from_file_location("release_smoke", ROOT / "tests/release_smoke.py")
    assert spec is not None
    assert spec.loader is not None
    smoke = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(smoke)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(project["optional-dependencies"])
    assert extras - set(smoke.NOT_FOR_USERS) == set(smoke.SMOKES) - {""}
    assert set(smoke.WITH) <= set(smoke.SMOKES)


def test_the_sdist_has_what_the_wheel_is_built_from() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert [each for each in included if not (ROOT / each).exists()] == []
    assert {"hatch_build.py", "models", "flowexport"} <= set(included)
