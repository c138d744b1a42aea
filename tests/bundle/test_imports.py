"""What needs no torch runs where there is none."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.split(".")[0])
sys.meta_path.insert(0, Hidden())
"""


def run_without(hidden: set[str], code: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a process in which some packages cannot be imported."""
    program = HIDE.format(hidden=hidden) + code
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


TRAINING = {"torch", "onnx", "onnxscript", "safetensors", "matplotlib", "sklearn", "zuko"}


@pytest.mark.parametrize(
    "code",
    [
        "import flowexport",
        "import flowexport.bundle, flowexport.runtime, flowexport.proof, flowexport.tables",
        "import flowexport; flowexport.load('banana', device='cpu').sample(3, seed=0)",
        "import flowexport; assert flowexport.verify('banana').passed",
    ],
)
def test_a_bundle_is_run_and_verified_without_torch(code: str) -> None:
    found = run_without(TRAINING, code)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize(
    ("hidden", "code", "words"),
    [
        ({"torch"}, "import flowexport; flowexport.RealNVP", "torch is not installed: pip install 'flowexport[train]'"),
        ({"torch"}, "import flowexport; flowexport.export", "torch is not installed: pip install 'flowexport[train]'"),
        (
            {"onnxruntime", "flowexport_native"},
            "import flowexport; flowexport.load('banana')",
            "onnxruntime is not installed: pip install 'flowexport[cpu]'",
        ),
        (
            {"pyarrow"},
            "from flowexport.tables import open_writer; open_writer('x.parquet', ['a'])",
            "pip install 'flowexport[data]'",
        ),
    ],
)
def test_a_missing_extra_says_which_one_to_install(hidden: set[str], code: str, words: str) -> None:
    assert words in run_without(hidden, code).stderr


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("hidden", "arguments", "extra"),
    [
        ("torch", ["train", "recipe.toml", "-o", "run"], "train"),
        ("onnx", ["export", "run", "-o", "bundle"], "train"),
        ("onnxruntime", ["score", "banana", "rows.csv"], "cpu"),
    ],
)
def test_a_verb_without_its_extra_gets_one_line(hidden: str, arguments: list[str], extra: str) -> None:
    code = f"import sys; sys.argv = ['flowexport', *{arguments!r}]; from flowexport.cli.main import main; main()"
    found = run_without({hidden, "flowexport_native"}, code)
    assert found.returncode == 2
    expected = f"flowexport: the package {hidden} is not installed: pip install 'flowexport[{extra}]'"
    assert found.stderr.splitlines() == [expected]


def test_csv_goes_in_and_out_without_pyarrow(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x1,x2,note\n0.5,1.25,a\n")
    code = (
        "from flowexport.cli.main import main; "
        f"main(['score', 'banana', r'{tmp_path}/rows.csv', '--keep', '-o', r'{tmp_path}/scores.csv.gz'])"
    )
    done = run_without({"pyarrow"} | TRAINING, code)
    assert (done.returncode, done.stderr) == (0, "")
    lines = gzip.decompress((tmp_path / "scores.csv.gz").read_bytes()).decode().splitlines()
    assert lines[0] == "x1,x2,note,log_prob,percentile"
    assert lines[1].startswith("0.5,1.25,a,-")
