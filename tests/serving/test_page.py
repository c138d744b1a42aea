"""What docs/serving.md shows is run against a server, and says what it shows."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flowexport.runtime import Model
from tests.serving.processes import Process

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def block(language: str, word: str) -> str:
    (found,) = [text for kind, text in BLOCKS if kind == language and word in text]
    return found


def test_curl_answers_as_shown(server: Process) -> None:
    command = block("bash", "banana_log_prob/infer").replace("localhost:8000", f"localhost:{server.port}")
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    shown = json.loads(block("json", "banana_log_prob"))
    found = json.loads(done.stdout)
    values = [each["outputs"][0].pop("data") for each in (shown, found)]
    assert shown == found
    assert values[0] == pytest.approx(values[1], abs=1e-4)


def test_the_python_of_the_page_runs(server: Process, banana: Model) -> None:
    code = block("py", "tritonclient").replace("localhost:8000", f"localhost:{server.port}")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    numbers = np.array(re.findall(r"-?\d+\.\d+", done.stdout), np.float64)
    expected = np.concatenate([banana.log_prob([[0.5, 1], [2, 3]]), banana.sample(5, seed=0).ravel()])
    np.testing.assert_allclose(numbers, expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "word", "file", "command"),
    [("go", "package main", "ask.go", ("go", "run")), ("java", "class Ask", "Ask.java", ("java",))],
)
def test_other_languages_of_the_page_run(
    server: Process, tmp_path: Path, language: str, word: str, file: str, command: tuple[str, ...]
) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    (tmp_path / file).write_text(block(language, word).replace("localhost:8000", f"localhost:{server.port}"))
    done = subprocess.run([*command, file], cwd=tmp_path, capture_output=True, text=True, check=True)
    numbers = [float(each) for each in re.findall(r"-\d+\.\d+", done.stdout)]
    assert numbers == pytest.approx([-2.6854947, -3.690971], abs=1e-4)
