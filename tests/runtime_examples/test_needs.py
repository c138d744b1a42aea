"""A program whose parts this machine has not is skipped, or fails where all is required; the line names the cure."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from .languages import EXAMPLES, LANGUAGES, Language
from .needs import SYSTEM, TOOLCHAINS, missing, require

C, CPP, GO = (next(each for each in LANGUAGES if each.folder == folder) for folder in ("c", "cpp", "go"))


@pytest.fixture
def without_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own tools, and compilers that see no header of the system."""
    for compiler in ("cc", "c++"):
        real = shutil.which(compiler)
        if real is None:
            pytest.skip(f"no {compiler} to hide the headers from: make setup-system")
        blind = tmp_path / compiler
        blind.write_text(f'#!/bin/sh\nexec {real} -nostdinc "$@"\n', encoding="utf-8")
        blind.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


@pytest.fixture
def without_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a single executable."""
    monkeypatch.setenv("PATH", str(tmp_path))


def test_headers_that_are_not_there_are_named_with_what_brings_them(
    without_headers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = [need for need in C.needs if need.endswith(".h")]
    line = "C11 needs cjson/cJSON.h, cmocka.h, openssl/evp.h, which this machine has not: make setup-system"
    monkeypatch.setenv("FLOWEXPORT_REQUIRE_ALL", "")
    with pytest.raises(pytest.skip.Exception) as skipped:
        require(C.name, headers)
    monkeypatch.setenv("FLOWEXPORT_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception) as failed:
        require(C.name, headers)
    assert skipped.value.msg == failed.value.msg == line


def test_a_header_of_cpp_is_looked_for_too(without_headers: None) -> None:
    found = {need for need in missing(CPP.needs) if "/" in need}
    assert found == {"gtest/gtest.h", "nlohmann/json.hpp", "openssl/evp.h"}


@pytest.mark.parametrize("language", LANGUAGES, ids=str)
def test_whatever_is_missing_has_a_cure(without_tools: None, language: Language) -> None:
    assert missing(language.needs) == list(language.needs)
    if language.needs:
        with pytest.raises((pytest.skip.Exception, pytest.fail.Exception), match=r": (make setup-system|install )"):
            language.require()


def test_what_no_package_of_ours_brings_is_named(without_tools: None) -> None:
    with pytest.raises((pytest.skip.Exception, pytest.fail.Exception), match=r"make setup-system; install Go 1\.24"):
        require("Go", GO.needs)


def test_what_is_there_is_not_missed() -> None:
    assert missing(["sh"]) == []


def test_setup_system_installs_every_package_that_a_line_promises() -> None:
    makefile = (EXAMPLES.parent / "Makefile").read_text(encoding="utf-8")
    packages = " ".join(re.findall(r"^SYSTEM_PACKAGES [:+]= (.*)$", makefile, re.MULTILINE))
    assert set(SYSTEM.values()) <= set(packages.split())
    assert not SYSTEM.keys() & TOOLCHAINS.keys()
