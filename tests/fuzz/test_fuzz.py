"""Two thousand changes of each kind of file that comes from strangers: one line, at once, in bounded memory.

``python -m tests.fuzz SUBJECT ORIGINALS --seed 5 --count 20000`` goes on where these end.
"""

from pathlib import Path

import pytest

from .originals import ORIGINALS
from .watch import faults_of

CHANGES = 2000


@pytest.mark.slow
@pytest.mark.parametrize("subject", ORIGINALS)
def test_what_is_changed_at_random_is_taken_or_refused_in_a_line(subject: str, tmp_path: Path) -> None:
    ORIGINALS[subject](tmp_path)
    faults = faults_of(subject, tmp_path, CHANGES)
    assert not faults, "\n".join([f"{len(faults)} faults", *faults[:20]])
