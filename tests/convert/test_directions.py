"""A bundle of log_prob alone, or of samples alone, converted: what it has works, and nothing speaks of the rest."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

import flowexport
from flowexport.bundle import DIRECTIONS
from tests.conftest import Exported
from tests.runtime_examples.needs import require

from .builds import built, called, convert, golden

DECLARED = {"log_prob": ["log_prob", "log_prob_rows"], "sample": ["sample", "noise"]}
METHODS = {"log_prob": ["logProb", "percentile"], "sample": ["sample", "noise", "sampleFrom", "percentile"]}


@pytest.fixture(scope="module", params=DIRECTIONS)
def half(request: pytest.FixtureRequest, conditional: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the graph whose name its folder has."""
    path = tmp_path_factory.mktemp("halves") / request.param
    flowexport.export(conditional.flow, path, conditional.x, conditional.context, graphs=[request.param], name="half")
    return path


def test_c_has_what_the_bundle_has(half: Path, conditional: Exported, tmp_path: Path) -> None:
    require("C", ["gcc", "make"])
    done = convert(half, "--to", "c", "-o", tmp_path / "half")
    assert done.exit_code == 0, done.output
    texts = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "half").rglob("*") if path.is_file())
    assert golden(tmp_path / "half").startswith("OK: ")
    library = built(tmp_path / "half")
    for graph, names in DECLARED.items():
        for name in names:
            assert (f"half_{name}(" in texts, hasattr(library, f"half_{name}")) == (graph == half.name,) * 2, name
    assert [path.name for path in (tmp_path / "half" / "examples").iterdir()] == [f"half_{half.name}"]
    model, z = flowexport.load(conditional.path, device="cpu"), np.empty(conditional.flow.features, np.float32)
    context = conditional.context[0].astype(np.float32)
    if half.name == "log_prob":
        x = conditional.x[:1].astype(np.float32)
        called(library.half_log_prob_rows, x, context, 1, z)
        np.testing.assert_allclose(z[0], model.log_prob(x, context)[0], rtol=1e-5, atol=1e-4)
    else:
        called(library.half_noise, 5, 3, z)
        x = np.empty_like(z)
        called(library.half_sample, z, context, x)
        np.testing.assert_allclose(x, model.sample(4, context, seed=5)[3], rtol=1e-4, atol=1e-4)


def test_its_test_finds_what_is_wrong(half: Path, tmp_path: Path) -> None:
    require("C", ["gcc"])
    convert(half, "--to", "c", "-o", tmp_path / "half")
    source = tmp_path / "half" / "src" / "half.c"
    text = source.read_text(encoding="utf-8")
    wrong = {"log_prob": ("return s[", "return 1.0f + s["), "sample": ("x[0] = s[", "x[0] = 1.0f + s[")}[half.name]
    assert text.count(wrong[0]) == 1
    source.write_text(text.replace(*wrong), encoding="utf-8")
    with pytest.raises(AssertionError, match=f"FAILED {half.name}"):
        golden(tmp_path / "half")


def test_wasm_has_what_the_bundle_has(half: Path, tmp_path: Path) -> None:
    require("WebAssembly", ["clang", "wasm-ld", "node"])
    done = convert(half, "--to", "wasm", "-o", tmp_path / "half")
    assert done.exit_code == 0, done.output
    script = """
        import { load } from "./index.js";
        const prototype = Object.getPrototypeOf(await load());
        console.log(JSON.stringify(Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor")));
    """
    (tmp_path / "half" / "methods.mjs").write_text(script, encoding="utf-8")
    for name, said in (("test.mjs", "OK: "), ("methods.mjs", json.dumps(METHODS[half.name], separators=(",", ":")))):
        ran = subprocess.run(["node", name], cwd=tmp_path / "half", capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert ran.stdout.startswith(said)
    typed = (tmp_path / "half" / "index.d.ts").read_text(encoding="utf-8")
    assert all(
        (f"  {name}(" in typed) == (name in METHODS[half.name]) for name in {*METHODS["log_prob"], *METHODS["sample"]}
    )
    readme = (tmp_path / "half" / "README.md").read_text(encoding="utf-8")
    assert ("model.logProb(" in readme, "model.sample(" in readme) == (half.name == "log_prob", half.name == "sample")


def test_other_engines_have_what_the_bundle_has(half: Path, tmp_path: Path) -> None:
    for to, ends in (("ort", [".ort"]), ("openvino", [".bin", ".xml"])):
        if to == "openvino":
            pytest.importorskip("openvino")
        done = convert(half, "--to", to, "-o", tmp_path / to)
        assert done.exit_code == 0, done.output
        files = sorted(path.name for path in (tmp_path / to).iterdir() if path.suffix in ends)
        assert files == [f"{half.name}{end}" for end in ends]


@pytest.mark.parametrize(
    ("words", "at"), [(["--weights", "float16"], "--weights float16"), (["--max-nats", "1"], "--max-nats")]
)
@pytest.mark.parametrize("to", ["c", "openvino"])
def test_fewer_bits_need_a_log_prob_that_tells_their_cost(
    half: Path, to: str, words: list[str], at: str, tmp_path: Path
) -> None:
    if to == "openvino":
        pytest.importorskip("openvino")
    done = convert(half, "--to", to, *words, "-o", tmp_path / "half")
    if half.name == "log_prob":
        assert done.exit_code == 0, done.output
        return
    line = f"{at}: what a form costs is told by log_prob, which the bundle does not hold\n"
    assert (done.exit_code, done.output) == (2, f"flowexport: {line}")
    assert not (tmp_path / "half").exists()
