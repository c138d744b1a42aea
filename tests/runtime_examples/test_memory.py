"""The programs of languages without a collector, under the sanitizers: no leak, no read or write out of place."""

import subprocess

import pytest

from .languages import BUILD_SECONDS, EXAMPLES, Language
from .languages import LANGUAGES as ALL

LANGUAGES = [language for language in ALL if (EXAMPLES / language.folder / "check-memory.sh").exists()]


def test_c_and_cpp_have_one() -> None:
    assert {language.folder for language in LANGUAGES} == {"c", "cpp"}


@pytest.mark.slow
@pytest.mark.parametrize("named", LANGUAGES, ids=str)
def test_no_leak_and_no_fault(named: Language) -> None:
    named.require()
    done = subprocess.run(
        [EXAMPLES / named.folder / "check-memory.sh"], capture_output=True, text=True, timeout=BUILD_SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
