"""`flowexport convert --to wasm`: a module that says what the trained model says, in Node and in a browser."""

from __future__ import annotations

import functools
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flowexport
from tests.native.golden import VECTORS
from tests.runtime_examples.needs import require

from .builds import convert

SCRIPT = """
import * as model from "./index.js";
const loaded = await model.load();
const refused = (call) => { try { call(); return null; } catch (error) { return `${error.name}: ${error.message}`; } };
const context = [0, 1, 2];
console.log(JSON.stringify({
  many: [...loaded.logProb(Array(2500).fill([0.5, 57, 61, 5000]), context)],
  one: [...loaded.logProb(new Float32Array([0.5, 57, 61, 5000]), [context])],
  samples: [...loaded.sample(5, { seed: 2n ** 63n + 5n, start: 7, temperature: 0.5, context })],
  percentile: loaded.percentile(-3),
  features: model.FEATURES, contexts: model.CONTEXT_FEATURES,
  refused: [
    () => loaded.logProb([1, 2, 3], context),
    () => loaded.logProb([[1, 2, 3], [4]], context),
    () => loaded.logProb([1, 2, 3, 4]),
    () => loaded.logProb([1, 2, 3, 4], [0, 1]),
    () => loaded.logProb([1, 2, 3, 4], [0, 1, 99]),
    () => loaded.logProb([1, 2, 3, 4], [...context, ...context]),
    () => loaded.sample(1, { seed: -1, context }),
    () => loaded.sample(1, { seed: 2n ** 64n, context }),
    () => loaded.sample(1.5, { context }),
  ].map(refused),
}));
"""

PAGE = """<!doctype html><title>model</title><script type="module">
import { load } from "./index.js";
const model = await load();
const golden = await (await fetch("./golden.json")).json();
const { x, context, expected, allowed } = golden.log_prob;
const found = model.logProb(x, context);
const off = expected.filter((number, i) => !(Math.abs(found[i] - number) <= allowed[i])).length;
document.title = `${found.length} numbers, ${off} off`;
</script>"""


def converted(name: str, folder: Path, *words: str) -> Path:
    require("WebAssembly", ["clang", "wasm-ld", "node"])
    done = convert(name, "--to", "wasm", *words, "-o", folder)
    assert done.exit_code == 0, done.output
    return folder


def node(folder: Path, script: str) -> str:
    done = subprocess.run(["node", script], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def diamonds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return converted("diamonds", tmp_path_factory.mktemp("wasm") / "diamonds")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_bananas_module_holds_its_golden_cases_and_is_small(tmp_path: Path) -> None:
    folder = converted("banana", tmp_path / "banana")
    assert node(folder, "test.mjs").startswith("OK: ")
    assert (folder / "banana.wasm").stat().st_size <= 29_000
    assert json.loads((folder / "package.json").read_text(encoding="utf-8"))["files"][0] == "index.js"


def test_its_test_finds_an_answer_that_is_off(tmp_path: Path) -> None:
    folder = converted("mixture", tmp_path / "mixture")
    golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    golden["log_prob"]["expected"][70] += 1e-3 * abs(golden["log_prob"]["expected"][70])
    (folder / "golden.json").write_text(json.dumps(golden), encoding="utf-8")
    with pytest.raises(AssertionError, match="logProb: number 70 is"):
        node(folder, "test.mjs")


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["float32", "int8"])
@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_model_of_the_zoo_does(name: str, weights: str, tmp_path: Path) -> None:
    assert node(converted(name, tmp_path / name, "--weights", weights), "test.mjs").startswith("OK: ")


@pytest.fixture(scope="module")
def said(diamonds: Path) -> dict[str, Any]:
    """What a program says that uses the wrapper."""
    (diamonds / "use.mjs").write_text(SCRIPT, encoding="utf-8")
    found: dict[str, Any] = json.loads(node(diamonds, "use.mjs"))
    return found


@pytest.mark.slow
def test_rows_of_one_context_samples_of_a_seed_and_percentiles_are_pythons(said: dict[str, Any]) -> None:
    model = flowexport.load("diamonds", device="cpu")
    expected = model.log_prob(np.float32([[0.5, 57, 61, 5000]]), np.float32([0, 1, 2]))
    np.testing.assert_allclose(said["many"], np.repeat(expected, 2500), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(said["one"], expected, rtol=1e-5, atol=1e-4)
    samples = model.sample(12, np.float32([0, 1, 2]), seed=2**63 + 5, temperature=0.5)[7:]
    found = np.reshape(said["samples"], (5, 4))
    assert (np.abs(found - samples) <= 1e-3 * np.array(model.manifest.scale)).all()
    assert said["percentile"] == pytest.approx(model.percentile(np.float32([-3]))[0], abs=1e-3)
    assert said["features"] == model.manifest.features
    assert said["contexts"][0]["categories"][3] == "Premium"


@pytest.mark.slow
def test_what_does_not_fit_is_refused_by_name(said: dict[str, Any]) -> None:
    words = ["x: expected rows of 4", "x: expected rows of 4", "context: expected 3 numbers", "rows of 3 numbers"]
    words += ["is no code of 0 to", "expected one, or one for each of 1 rows", "seed:", "seed:", "count:"]
    for refusal, word in zip(said["refused"], words, strict=True):
        assert refusal is not None
        assert word in refusal


@pytest.mark.slow
def test_a_page_computes_the_golden_rows(diamonds: Path) -> None:
    require("WebAssembly in a page", ["chromium"])
    (diamonds / "index.html").write_text(PAGE, encoding="utf-8")
    with served(diamonds) as address:
        words = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom"]
        done = subprocess.run([*words, address], capture_output=True, text=True, timeout=120)
    assert "<title>128 numbers, 0 off</title>" in done.stdout, done.stderr


def test_without_a_compiler_the_cure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    refused = convert("banana", "--to", "wasm", "-o", tmp_path / "banana")
    assert refused.exit_code == 2
    assert "--to wasm: needs clang and wasm-ld; apt-get install clang lld" in refused.output
