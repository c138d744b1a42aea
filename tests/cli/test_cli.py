"""The command line: every verb on real files; a mistake gets one line, the right status, and loses nothing."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

import flowexport
from flowexport.cli import doctor
from flowexport.cli.main import VERBS, main
from flowexport.runtime.device import cuda_fault
from flowexport.tables import open_table
from tests.conftest import Exported

FLOWEXPORT = [sys.executable, "-m", "flowexport"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def assert_one_line(result: Result, *words: str, status: int = 2) -> None:
    assert result.exit_code == status, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("flowexport: ")
    for word in words:
        assert word in lines[0], lines[0]


def write_csv(path: Path, columns: list[str], rows: np.ndarray) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows.tolist())
    return path


def read(path: Path) -> np.ndarray:
    table = open_table(path)
    return np.concatenate([block.values for block in table.blocks(table.columns)])


@pytest.fixture
def banana_rows() -> np.ndarray:
    return flowexport.load("banana", device="cpu").sample(500, seed=1).astype(np.float64)


# train, export, verify ------------------------------------------------------------------------------------


def make_recipe(folder: Path, epochs: int = 3) -> Path:
    rows = np.random.default_rng(0).standard_normal((400, 3))
    rows[:, 1] += rows[:, 0] ** 2
    write_csv(folder / "rows.csv", ["a", "b", "angle"], rows)
    recipe = folder / "recipe.toml"
    recipe.write_text(
        'name = "small"\ndescription = "a test"\n[data]\nfile = "rows.csv"\ncontext = ["angle"]\n'
        f"[flow]\ntransforms = 2\nhidden_features = [8]\n[training]\nepochs = {epochs}\n"
    )
    return recipe


def test_the_whole_way_from_rows_to_numbers(tmp_path: Path) -> None:
    recipe, trained, bundle = make_recipe(tmp_path), tmp_path / "run", tmp_path / "bundle"
    result = run("train", recipe, "-o", trained)
    assert result.exit_code == 0, result.output
    assert "3 epochs" in result.stdout
    expected = {"model.safetensors", "config.json", "metrics.csv", "learning_curve.png"}
    assert expected <= {path.name for path in trained.iterdir()}

    result = run("export", trained, "-o", bundle)
    assert result.exit_code == 0, result.output
    for word in ("structure", "parity", "direction", "round trip", "mass", "device", "figure", "bound"):
        assert word in result.stdout

    result = run("verify", bundle, "--checkpoint", trained, "--device", "cpu", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["passed"]
    assert {"reported"} == {check["status"] for check in report["checks"] if check["name"] == "round trip"}

    result = run("score", bundle, tmp_path / "rows.csv", "-o", tmp_path / "scores.parquet", "--device", "cpu")
    assert result.exit_code == 0, result.output
    model = flowexport.load(bundle, device="cpu")
    rows = read(tmp_path / "rows.csv")
    scores = read(tmp_path / "scores.parquet")
    np.testing.assert_allclose(scores[:, 0], model.log_prob(rows[:, :2], rows[:, 2:]), rtol=1e-6)
    np.testing.assert_allclose(scores[:, 1], model.percentile(scores[:, 0]))

    result = run("sample", bundle, "-n", 5, "--seed", 3, "--context", "0.5", "--device", "cpu")
    assert result.stdout.splitlines()[0] == "a,b,angle"
    found = np.loadtxt(result.stdout.splitlines()[1:], delimiter=",")
    np.testing.assert_array_equal(found[:, :2].astype(np.float32), model.sample(5, [0.5], seed=3))
    assert (found[:, 2] == 0.5).all()


@pytest.mark.thorough
def test_training_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    """A real Ctrl-C in a real process; the resumed run ends with the bytes of an unbroken one."""
    recipe = make_recipe(tmp_path, epochs=150)
    stopped = subprocess.Popen(
        [*FLOWEXPORT, "train", recipe, "-o", tmp_path / "stopped"],
        stderr=subprocess.PIPE,
        text=True,
        # Tests that a shell runs in the background inherit that Ctrl-C is ignored, and hand it on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "stopped" / "resume.json").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    stopped.send_signal(signal.SIGINT)
    _, errors = stopped.communicate(timeout=60)
    assert stopped.returncode == 130
    assert "--resume goes on" in errors
    assert "Traceback" not in errors
    assert len((tmp_path / "stopped" / "metrics.csv").read_text().splitlines()) < 151
    assert run("train", recipe, "-o", tmp_path / "stopped", "--resume").exit_code == 0
    assert run("train", recipe, "-o", tmp_path / "unbroken").exit_code == 0
    first, second = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("stopped", "unbroken"))
    assert first == second


def test_mistakes_in_training_get_one_line(tmp_path: Path) -> None:
    recipe = make_recipe(tmp_path)
    assert_one_line(run("train", tmp_path / "no.toml", "-o", tmp_path / "run"), "no.toml", "cannot be read")
    recipe.write_text(recipe.read_text().replace("epochs", "epoch"))
    assert_one_line(run("train", recipe, "-o", tmp_path / "run"), "recipe.toml", "epoch", "training")
    recipe = make_recipe(tmp_path)
    rows = read(tmp_path / "rows.csv")
    rows[41, 1] = np.nan
    write_csv(tmp_path / "rows.csv", ["a", "b", "angle"], rows)
    assert_one_line(run("train", recipe, "-o", tmp_path / "run"), "rows.csv", "row 42", "'b'", "nan")
    assert not (tmp_path / "run").exists()
    assert_one_line(run("export", tmp_path, "-o", tmp_path / "bundle"), "config.json", "is this a run folder?")


def test_verify_takes_several_and_fails_if_one_fails(plain: Exported, tmp_path: Path) -> None:
    from tests.planting import Planted, drop_log_det

    result = run("verify", "banana", plain.path, "--device", "cpu")
    assert result.exit_code == 0, result.output
    bad = Planted(plain.path, tmp_path / "bad")
    bad.edit_graph("log_prob", drop_log_det)
    assert_one_line(run("verify", plain.path, bad.path, "--device", "cpu"), "bad", "parity", status=1)


# inspect, models, doctor ----------------------------------------------------------------------------------


def test_inspect_shows_what_a_person_asks_for(conditional: Exported) -> None:
    shown = run("inspect", conditional.path)
    assert shown.exit_code == 0
    for word in ("conditional", "RealNVP", "x4: from", "c1: a number", "NLL", "Gaussian", "nodes", "float32", "nats"):
        assert word in shown.stdout
    assert "x [batch, 5] × context [batch, 2] → log_prob [batch]" in run("inspect", conditional.path, "--all").stdout
    assert json.loads(run("inspect", conditional.path, "--json").stdout)["context_size"] == 2


def test_models_lists_the_zoo() -> None:
    assert {"banana", "breast_cancer"} <= {each["name"] for each in json.loads(run("models", "--json").stdout)}
    assert "banana" in run("models").stdout


def test_doctor_names_what_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("doctor", "--json")
    found = json.loads(result.stdout)
    assert found["packages"]["torch"]
    assert "CPUExecutionProvider" in found["providers"]
    assert found["cuda"] == (cuda_fault(0) or "can be had")
    assert result.exit_code == 0
    installed = dict.fromkeys(doctor.PACKAGES, "1.0")
    monkeypatch.setattr(doctor, "version_of", lambda name: installed[name])
    both = run("doctor")
    assert both.exit_code == 1
    assert "onnxruntime and onnxruntime-gpu share one import name" in both.stdout


def test_doctor_is_content_where_the_kernel_alone_runs_bundles(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = dict.fromkeys(doctor.PACKAGES) | {"numpy": "2.0", "flowexport-native": "0.1.0"}
    monkeypatch.setattr(doctor, "version_of", lambda name: installed[name])
    alone = run("doctor")
    assert "to run images, float64 and exports: pip install 'flowexport[cpu]'" in alone.stdout
    assert alone.exit_code == 0
    installed["flowexport-native"] = None
    assert run("doctor").exit_code == 1


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ({"pyarrow"}, "flowexport[data]"),
        ({"torch"}, "flowexport[train]"),
        ({"onnxruntime", "onnxruntime-gpu"}, "flowexport[cpu]"),
    ],
)
def test_doctor_says_what_to_install(missing: set[str], words: str) -> None:
    advice, runs = doctor.advise(
        {name: None if name in missing else "1.20" for name in doctor.PACKAGES} | {"onnxruntime": None}
    )
    assert words in " ".join(advice)
    assert runs == ("onnxruntime-gpu" not in missing)


# score ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["csv", "npy", "parquet"])
@pytest.mark.parametrize("wanted", ["csv", "npy", "parquet"])
def test_score_reads_and_writes_every_format(tmp_path: Path, banana_rows: np.ndarray, given: str, wanted: str) -> None:
    source = tmp_path / f"rows.{given}"
    if given == "npy":
        np.save(source, banana_rows)
    elif given == "parquet":
        # Other columns, another order: columns are matched by name.
        pq.write_table(pa.table({"x2": banana_rows[:, 1], "note": ["-"] * 500, "x1": banana_rows[:, 0]}), source)
    else:
        write_csv(source, ["x2", "x1"], banana_rows[:, ::-1])
    result = run("score", "banana", source, "-o", tmp_path / f"scores.{wanted}", "--device", "cpu")
    assert result.exit_code == 0, result.output
    model = flowexport.load("banana", device="cpu")
    expected = model.log_prob(banana_rows)
    found = read(tmp_path / f"scores.{wanted}")
    np.testing.assert_array_equal(found[:, 0].astype(np.float32), expected)
    np.testing.assert_allclose(found[:, 1], model.percentile(expected), rtol=1e-12)
    assert ((found[:, 1] >= 0) & (found[:, 1] <= 100)).all()


def test_score_writes_to_standard_output(tmp_path: Path, banana_rows: np.ndarray) -> None:
    source = write_csv(tmp_path / "rows.csv", ["x1", "x2"], banana_rows)
    lines = run("score", "banana", source, "--device", "cpu").stdout.splitlines()
    assert lines[0] == "log_prob,percentile"
    assert len(lines) == 501


@pytest.mark.parametrize("cell", ["", "nan", "inf", "12,5", "twelve"])
def test_score_stops_at_a_bad_row_by_its_number_and_leaves_no_file(tmp_path: Path, cell: str) -> None:
    """The bad row is far behind what has been read and written by then."""
    source = tmp_path / "rows.csv"
    source.write_text("x1,x2\n" + "1.0,2.0\n" * 150_000 + f"1.0,{cell}\n" + "1.0,2.0\n" * 10)
    (tmp_path / "scores.csv").write_text("old")
    result = run("score", "banana", source, "-o", tmp_path / "scores.csv", "--device", "cpu")
    assert_one_line(result, "rows.csv", "15000")
    assert (tmp_path / "scores.csv").read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"rows.csv", "scores.csv"}


def test_mistakes_in_scoring_get_one_line(tmp_path: Path, conditional: Exported) -> None:
    source = write_csv(tmp_path / "rows.csv", ["x1", "other"], np.zeros((2, 2)))
    assert_one_line(run("score", "banana", source), "rows.csv", "no column 'x2'", "x1, other")
    assert_one_line(run("score", "banana", tmp_path / "nothing.csv"), "nothing.csv", "no such file")
    (tmp_path / "rows.xlsx").touch()
    assert_one_line(run("score", "banana", tmp_path / "rows.xlsx"), ".xlsx", ".npy, .parquet")
    whole = write_csv(tmp_path / "whole.csv", ["x1", "x2"], np.zeros((2, 2)))
    assert_one_line(run("score", "banana", whole, "-o", tmp_path / "no" / "scores.csv"), "cannot be written")
    assert_one_line(run("score", "bananna", source), "bananna", "no model of that name", "banana")
    assert_one_line(run("score", "banana", source, "--context", "1"), "--context", "takes none")
    assert_one_line(run("score", conditional.path, source, "--context", "1"), "--context", "2 values", "c0, c1")
    np.save(tmp_path / "narrow.npy", np.zeros((2, 3)))
    assert_one_line(run("score", "banana", tmp_path / "narrow.npy"), "narrow.npy")
    if cuda_fault(0):
        assert_one_line(run("score", "banana", source, "--device", "cuda"), "device cuda:0 cannot be had")
    assert_one_line(run("score", "banana", source, "--device", "tpu"), "device", "auto, cpu, cuda or cuda:N")


# sample ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "npy", "parquet"])
def test_sample_writes_every_format(tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"samples.{ending}"
    result = run(
        "sample", "banana", "-n", 70_000, "--seed", 2**63 + 5, "--temperature", 0.7, "-o", target, "--device", "cpu"
    )
    assert result.exit_code == 0, result.output
    expected = flowexport.load("banana", device="cpu").sample(70_000, seed=2**63 + 5, temperature=0.7)
    np.testing.assert_array_equal(read(target).astype(np.float32), expected)
    assert open_table(target).columns == (["x0", "x1"] if ending == "npy" else ["x1", "x2"])


def test_sample_takes_a_table_of_contexts(tmp_path: Path, conditional: Exported) -> None:
    contexts = conditional.context[:4]
    table = write_csv(tmp_path / "contexts.csv", ["c0", "c1"], contexts)
    result = run(
        "sample",
        conditional.path,
        "-n",
        3,
        "--seed",
        0,
        "--context",
        table,
        "-o",
        tmp_path / "x.npy",
        "--device",
        "cpu",
    )
    assert result.exit_code == 0, result.output
    expected = flowexport.load(conditional.path, device="cpu").sample(3, contexts, seed=0)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy")[:, :5], expected)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy")[:, 5:], np.repeat(np.float32(contexts), 3, axis=0))


def test_mistakes_in_sampling_get_one_line(conditional: Exported) -> None:
    assert_one_line(run("sample", conditional.path, "-n", 1), "--context", "2 values", "c0, c1")
    assert_one_line(run("sample", conditional.path, "-n", 1, "--context", "a,b"), "--context", "column 'c0' holds 'a'")
    assert run("sample", "banana", "-n", 1, "--seed", -1).exit_code == 2
    assert run("sample", "banana", "-n", -1).exit_code == 2


# the command itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 5


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from flowexport.cli.main import main; "
        "CliRunner().invoke(main, ['--help']); print(*sys.modules)"
    )
    loaded = set(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    )
    assert not {"torch", "onnxruntime", "onnx", "pyarrow", "numpy", "rich", "matplotlib"} & loaded


def test_a_traceback_is_shown_on_request() -> None:
    result = subprocess.run(
        [*FLOWEXPORT, "--verbose", "inspect", "nothing"], capture_output=True, text=True, check=False
    )
    assert "Traceback" in result.stderr
    assert "BundleError" in result.stderr


def test_a_reader_that_leaves_early_is_no_error() -> None:
    """As in ``flowexport sample … | head -1``."""
    process = subprocess.Popen(
        [*FLOWEXPORT, "sample", "banana", "-n", "500000", "--device", "cpu"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"x1,x2\n"
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(60) == 0


def test_nothing_but_results_on_standard_output_of_a_pipe(tmp_path: Path, banana_rows: np.ndarray) -> None:
    source = write_csv(tmp_path / "rows.csv", ["x1", "x2"], banana_rows)
    result = subprocess.run([*FLOWEXPORT, "score", "banana", source], capture_output=True, text=True, check=True)
    assert result.stderr == ""
    assert len(result.stdout.splitlines()) == 501


# slow -----------------------------------------------------------------------------------------------------

PEAK = """
import re, sys
from pathlib import Path
from flowexport.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print(1024 * int(re.search("VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]), file=sys.stderr)
"""
# Not getrusage: its peak outlives exec, and so counts the test's own memory from before it.


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_ten_million_rows_are_scored_in_less_than_a_gibibyte(tmp_path: Path) -> None:
    """10 features in Parquet, in one row group: the file alone is 400 MB."""
    from tests.conftest import exported

    case = exported(tmp_path / "bundle", features=10)
    rows, blocks = 10_000_000, 100
    schema = pa.schema([(f"x{i}", pa.float32()) for i in range(10)])
    generator = np.random.default_rng(0)
    block = generator.standard_normal((rows // blocks, 10)).astype(np.float32)
    with pq.ParquetWriter(tmp_path / "rows.parquet", schema, compression="none") as writer:
        whole = pa.table([pa.chunked_array([block[:, i]] * blocks) for i in range(10)], schema=schema)
        writer.write_table(whole, row_group_size=rows)
    del whole
    command = [
        "score",
        str(case.path),
        str(tmp_path / "rows.parquet"),
        "-o",
        str(tmp_path / "scores.parquet"),
        "--device",
        "cpu",
    ]
    result = subprocess.run([sys.executable, "-c", PEAK, *command], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert int(result.stderr.split()[-1]) < 1 << 30
    found = pq.ParquetFile(tmp_path / "scores.parquet")
    assert found.metadata.num_rows == rows


@pytest.mark.slow
def test_the_wheel_alone_opens_a_bundle_by_name(tmp_path: Path) -> None:
    """Built, and installed with [cpu] into a new environment, away from the checkout."""
    root = Path(__file__).parents[2]
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(root)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"{wheel}[cpu]"], check=True, env=environment)
    code = (
        "import flowexport, sys; model = flowexport.load('banana'); print(model.log_prob([[1.0, 2.0]])[0]); "
        "assert flowexport.verify('breast_cancer').passed; assert 'torch' not in sys.modules"
    )
    found = subprocess.run(
        [python, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    expected = flowexport.load("banana", device="cpu").log_prob([[1.0, 2.0]])[0]
    assert float(found.stdout) == pytest.approx(float(expected), abs=1e-5)
    listed = subprocess.run(
        [tmp_path / "venv" / "bin" / "flowexport", "models", "--json"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "banana" in listed.stdout


@pytest.mark.slow
def test_the_demo_goes_the_whole_way(tmp_path: Path) -> None:
    command = [*FLOWEXPORT, "demo", "--json", "-o", tmp_path / "demo"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert [line[:2] for line in result.stderr.splitlines() if line] == [f"{step}." for step in range(1, 6)]
    document = json.loads(result.stdout)
    flow, gaussian = (np.mean(document["roc_auc"][name]) for name in ("flow", "gaussian"))
    assert flow >= 0.95
    assert flow >= gaussian
    assert document["report"]["passed"]
    for name in ("scores.csv", "samples.csv", "bundle/flow.json", "run/learning_curve.png"):
        assert document["files"][str(tmp_path / "demo" / name)] == (tmp_path / "demo" / name).stat().st_size
