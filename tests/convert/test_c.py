"""`flowexport convert --to c`: what it writes builds without a warning, and says what the trained model says."""

from __future__ import annotations

import ctypes
import json
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime
import pytest

import flowexport
from flowexport.bundle import open_bundle
from flowexport.bundle.schema import ContextFeature
from flowexport.convert import c_files
from flowexport.convert.c.literals import literal
from flowexport.convert.c.names import distinct, in_comment, name_of
from flowexport.convert.c.source import header
from flowexport.convert.precision import answers_of, precision_of, said
from flowexport.convert.storage import WEIGHTS, reduced
from flowexport.errors import CheckFailed
from flowexport.native.form import Form
from flowexport.native.interpret import interpret
from flowexport.native.read import read_form
from flowexport.proof.bounds import NOISE_ATOL
from flowexport.runtime.noise import normals
from tests.native.golden import VECTORS, cases, share_of_bound, zoo
from tests.runtime_examples.needs import require

from .builds import WARNINGS, built, called, convert, golden

MATHEMATICS = """
#include "flowexport_kernels.h"
void each(int which, const float *x, uint64_t count, float *y)
{
    for (uint64_t i = 0; i < count; ++i)
        y[i] = which == 0 ? fx_exp(x[i]) : which == 1 ? fx_log(x[i]) : fx_sqrt(x[i]);
}
void halves(const uint16_t *x, float *y)
{
    for (int i = 0; i < 65536; ++i)
        y[i] = fx_half(x[i]);
}
"""


@pytest.fixture(scope="module", autouse=True)
def compilers() -> None:
    require("C", ["gcc", "c++", "make", "cmake"])


@pytest.fixture(scope="module")
def banana(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zoo's banana in C."""
    folder = tmp_path_factory.mktemp("c") / "banana"
    done = convert("banana", "--to", "c", "-o", folder)
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def library(banana: Path) -> ctypes.CDLL:
    return built(banana)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_banana_builds_without_a_warning_and_holds_its_golden_cases(weights: str, tmp_path: Path) -> None:
    done = convert("banana", "--to", "c", "--weights", weights, "-o", tmp_path / "banana")
    assert done.exit_code == 0, done.output
    assert golden(tmp_path / "banana").startswith("OK: ")


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["float32", "float16"])
@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_model_of_the_zoo_does(name: str, weights: str, tmp_path: Path) -> None:
    require("C", ["clang"])
    done = convert(name, "--to", "c", "--weights", weights, "-o", tmp_path / name)
    assert done.exit_code == 0, done.output
    assert golden(tmp_path / name).startswith("OK: ")
    # gcc takes a minute for all of diamonds inlined.
    if weights == "float32" and name != "diamonds":
        assert golden(tmp_path / name, "gcc", "-O3", "-march=native", "-ffp-contract=fast").startswith("OK: ")
        assert golden(tmp_path / name, "clang").startswith("OK: ")


def test_its_test_finds_a_changed_weight(banana: Path, tmp_path: Path) -> None:
    text = (banana / "src" / "banana.c").read_text(encoding="utf-8")
    for name in ("src/banana.h", "src/flowexport_kernels.h", "test/golden.c", "test/golden_rows.h"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((banana / name).read_bytes())
    before, after = text.split("constants_3[1024] = {\n    ")
    (tmp_path / "src" / "banana.c").write_text(f"{before}constants_3[1024] = {{\n    9.0f + {after}", encoding="utf-8")
    with pytest.raises(AssertionError, match="FAILED log_prob"):
        golden(tmp_path)


def test_make_and_cmake_build_and_test_it(tmp_path: Path) -> None:
    folder = tmp_path / "mixture"
    done = convert("mixture", "--to", "c", "--name", "test", "-o", folder)
    assert done.exit_code == 0, done.output
    subprocess.run(["make", "-s", "-C", str(folder), "test", "clean"], check=True)
    build = str(folder / "build")
    subprocess.run(["cmake", "-S", str(folder), "-B", build, "-DCMAKE_BUILD_TYPE=Release"], check=True)
    subprocess.run(["cmake", "--build", build], check=True)
    subprocess.run(["ctest", "--test-dir", build], check=True)


def test_the_sketch_and_the_manifests_of_its_library_are_well_formed(banana: Path, tmp_path: Path) -> None:
    """Not by Arduino's and PlatformIO's own tools, which fetch compilers from their makers."""
    (tmp_path / "Arduino.h").write_text(
        "struct { void begin(long) {} void println(float) {} } Serial;\nvoid delay(unsigned long) {}\n",
        encoding="utf-8",
    )
    sketch = banana / "examples" / "banana_log_prob" / "banana_log_prob.ino"
    words = ["g++", "-Wall", "-Werror", "-fsyntax-only", "-x", "c++", "-include", str(tmp_path / "Arduino.h")]
    subprocess.run([*words, f"-I{banana / 'src'}", str(sketch)], check=True)
    library = json.loads((banana / "library.json").read_text(encoding="utf-8"))
    assert (banana / library["build"]["srcDir"] / library["headers"]).is_file()
    lines = (banana / "library.properties").read_text(encoding="utf-8").splitlines()
    keys = dict(line.split("=", 1) for line in lines)
    assert {"name", "version", "author", "maintainer", "sentence", "category", "architectures"} <= keys.keys()
    assert (banana / "src" / keys["includes"]).is_file()


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["-ffast-math"], "compile without -ffast-math"),
        pytest.param(
            ["-m32", "-ffreestanding", "-mno-sse"],
            "compile with floats that are float32",
            marks=pytest.mark.skipif(platform.machine() != "x86_64", reason="a mode of x86 processors alone"),
        ),
    ],
)
def test_arithmetic_that_breaks_exp_is_refused(flags: list[str], line: str, banana: Path) -> None:
    words = ["gcc", "-O2", *flags, "-fsyntax-only", str(banana / "src" / "banana.c")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode != 0
    assert f'#error "{line}' in done.stderr


def test_nothing_is_linked_and_nothing_is_kept(banana: Path, tmp_path: Path) -> None:
    compiled = tmp_path / "banana.o"
    words = [
        "gcc",
        "-O2",
        "-std=c99",
        "-fno-stack-protector",
        "-c",
        str(banana / "src" / "banana.c"),
        "-o",
        str(compiled),
    ]
    subprocess.run(words, check=True)
    listed = subprocess.run(["nm", str(compiled)], capture_output=True, text=True, check=True).stdout
    kinds = {line.split()[-2] for line in listed.splitlines()}
    assert "T" in kinds
    assert kinds.isdisjoint("UBDC"), listed


@pytest.mark.parametrize(("which", "function"), [(0, np.exp), (1, np.log), (2, np.sqrt)])
def test_exp_log_and_sqrt_are_right_to_a_unit_or_two(
    banana: Path, tmp_path: Path, which: int, function: np.ufunc
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "all.c").write_text(MATHEMATICS, encoding="utf-8")
    library = built(tmp_path, f"-I{banana / 'src'}")
    bits = np.arange(0, 2**32, 4001, dtype=np.uint32)
    x = np.concatenate(
        [bits.view(np.float32), np.float32([0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 1e-45, 88.7, 88.8])]
    )
    y = np.empty_like(x)
    called(lambda *words: library.each(which, *words), x, len(x), y)
    with np.errstate(all="ignore"):
        exact = function(x.astype(np.float64))
        expected = exact.astype(np.float32)
        special = ~np.isfinite(expected) | (np.abs(expected) < np.finfo(np.float32).tiny)
        off = np.abs(y - exact)[~special] / np.spacing(np.abs(expected[~special]))
    np.testing.assert_allclose(y[special], expected[special], rtol=0, atol=1e-44)
    assert off.max() <= 1.6


def test_every_half_is_read_right(banana: Path, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "all.c").write_text(MATHEMATICS, encoding="utf-8")
    halves = np.arange(65536, dtype=np.uint16)
    found = np.empty(65536, np.float32)
    called(built(tmp_path, f"-I{banana / 'src'}").halves, halves, found)
    expected = halves.view(np.float16).astype(np.float32)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[finite], expected[finite])


@pytest.mark.parametrize(("seed", "row"), [(0, 0), (2**63 + 5, 3), (7, 2**33 + 1)])
def test_noise_is_the_same_as_in_every_language(tmp_path: Path, seed: int, row: int) -> None:
    """Three normals a row, so that rows begin anywhere in a block."""
    done = convert("mixture", "--to", "c", "-o", tmp_path / "mixture")
    assert done.exit_code == 0, done.output
    function = built(tmp_path / "mixture").mixture_noise
    found = np.empty((1000, 3), np.float32)
    for place, z in enumerate(found):
        called(function, seed, row + place, z)
    np.testing.assert_allclose(found.ravel(), normals(seed, 3 * row, 3000), rtol=0, atol=NOISE_ATOL)


def test_percentiles_are_those_of_the_runtime(library: ctypes.CDLL) -> None:
    model = flowexport.load("banana", device="cpu")
    quantiles = np.array(model.manifest.reference.log_prob_quantiles)
    scores = np.concatenate([np.linspace(-30, 5, 2000), quantiles, [np.inf, -np.inf]]).astype(np.float32)
    library.banana_percentile.restype = ctypes.c_float
    found = [library.banana_percentile(ctypes.c_float(score)) for score in scores]
    np.testing.assert_allclose(found, model.percentile(scores), rtol=0, atol=2e-3)
    assert np.isnan(library.banana_percentile(ctypes.c_float(np.nan)))


@pytest.mark.parametrize("name", ["banana", pytest.param("moons", marks=pytest.mark.slow)])
def test_hostile_rows_get_the_class_of_answer_that_onnx_runtime_gives(name: str, tmp_path: Path) -> None:
    done = convert(name, "--to", "c", "-o", tmp_path / name)
    assert done.exit_code == 0, done.output
    numbers = np.float32([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e19, 1e-45, -1e-38, 0, 1])
    x = np.stack(np.meshgrid(numbers, numbers), -1).reshape(-1, 2).copy()
    session = onnxruntime.InferenceSession(zoo(name).read("log_prob.onnx"), providers=["CPUExecutionProvider"])
    expected = session.run(None, {"x": x})[0]
    found = np.empty(len(x), np.float32)
    called(
        built(tmp_path / name, "-fsanitize-undefined-trap-on-error", "-fsanitize=undefined")[f"{name}_log_prob_rows"],
        x,
        None,
        len(x),
        found,
    )
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_array_equal(found[np.isinf(expected)], expected[np.isinf(expected)])
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))


def test_its_header_is_for_cplusplus_too_and_names_categories(tmp_path: Path) -> None:
    done = convert("diamonds", "--to", "c", "-o", tmp_path / "diamonds")
    assert done.exit_code == 0, done.output
    (tmp_path / "use.cpp").write_text(
        '#include "diamonds.h"\nstatic_assert(DIAMONDS_CUT_PREMIUM == 3 && DIAMONDS_CONTEXT_CLARITY == 2, "");\n'
        "float use(const float *x)\n"
        "{ float c[DIAMONDS_CONTEXT] = {DIAMONDS_CUT_IDEAL}; return diamonds_log_prob(x, c); }\n",
        encoding="utf-8",
    )
    categories = [each.categories for each in zoo("diamonds").manifest.context_features or []]
    assert categories[0] is not None
    assert categories[0].index("Premium") == 3
    words = ["g++", *WARNINGS, f"-I{tmp_path / 'diamonds' / 'src'}", "-c", str(tmp_path / "use.cpp"), "-o", "/dev/null"]
    subprocess.run(words, check=True)


def test_a_header_whose_features_are_called_as_its_own_names_are_compiles(tmp_path: Path) -> None:
    manifest = msgspec.structs.replace(
        zoo("diamonds").manifest,
        name="m",
        features=["h", "context", "Features", "cut fair"],
        context_features=[
            ContextFeature("cut", ["Fair", "fair", "*/ int x; /*"]),
            ContextFeature("context", ["cut", "latent"]),
            ContextFeature("Cut", ["other"]),
        ],
    )
    (tmp_path / "m.h").write_text(header(manifest, "m"), encoding="utf-8")
    for compiler, language in (("gcc", "c"), ("g++", "c++")):
        words = [compiler, *WARNINGS, "-fsyntax-only", "-x", language, "-include", str(tmp_path / "m.h"), "-"]
        subprocess.run(words, input=b"int both = M_FEATURES + M_H + M_FEATURES_2 + M_CUT_FAIR;", check=True)


def test_names_become_names_of_c() -> None:
    assert [name_of(each) for each in ("Größe (mm)", "3d", "int", "Ω")] == ["grosse_mm", "n3d", "int", "n"]
    taken = {"M_SIZE"}
    assert distinct("M", ["a b", "a_b", "A-B", "a_b_2", "size"], taken) == [
        "M_A_B",
        "M_A_B_2",
        "M_A_B_3",
        "M_A_B_2_2",
        "M_SIZE_2",
    ]
    assert distinct("M_A", ["b"], taken) == ["M_A_B_4"]
    assert "*/" not in in_comment("a */ b\n#include <x>")
    assert "\n" not in in_comment("a */ b\n#include <x>")


def test_numbers_become_numbers_of_c() -> None:
    numbers = np.float32([1, -0.0, 1e-45, 3.4028235e38, 1 / 3, 123456789, -2.5e-7])
    texts = [literal(each) for each in numbers]
    assert [np.float32(each.rstrip("f")) for each in texts] == list(numbers)
    assert all(set(each) & set(".e") and each[-1] == "f" for each in texts)
    assert literal(np.float32(np.inf)) == "FX_INFINITY"


@pytest.mark.parametrize("name", VECTORS)
def test_half_precision_costs_at_most_five_thousandths_of_a_nat(name: str) -> None:
    form = reduced(read_form(zoo(name), "log_prob"), "float16")
    answers = answers_of(zoo(name))["data"]
    assert precision_of(said(form, answers).expected, answers).p99 <= 5e-3


def test_what_it_costs_is_printed_and_written_and_can_be_bounded(tmp_path: Path) -> None:
    words = ["banana", "--to", "c", "--weights", "int8", "-o", tmp_path / "banana"]
    refused = convert(*words, "--max-nats", "1e-3")
    assert refused.exit_code == 1
    assert "--max-nats 0.001: the 99th percentile" in refused.output
    assert not (tmp_path / "banana").exists()
    done = convert(*words, "--max-nats", "0.1")
    assert done.exit_code == 0, done.output
    cost = json.loads((tmp_path / "banana" / "precision.json").read_text(encoding="utf-8"))
    assert f"p99 {cost['log_prob']['data']['p99']:.1e}" in done.output
    assert cost["weights"] == "int8"
    assert 1e-3 < cost["log_prob"]["data"]["p99"] < cost["log_prob"]["data"]["most"] < 0.1
    assert cost["log_prob"]["tails"]["rows"] == 64


def test_precision_tells_what_a_wrong_form_costs() -> None:
    form = read_form(zoo("banana"), "log_prob")
    answers = answers_of(zoo("banana"))["data"]
    worse = replace(answers, expected=answers.expected + np.linspace(0, 1, 1000)[::-1])
    cost = precision_of(said(form, answers).expected, worse)
    assert cost.mean == pytest.approx(0.5, abs=1e-5)
    assert cost.p99 == pytest.approx(0.99, abs=2e-3)
    assert cost.most == pytest.approx(1, abs=1e-5)
    assert cost.ranks > 0.001


def test_a_form_that_is_off_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def off(form: Form, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        return interpret(form, inputs) * np.float32(1.001)

    monkeypatch.setattr("flowexport.convert.c.project.interpret", off)
    with pytest.raises(CheckFailed, match="golden rows of"):
        c_files(zoo("banana"))


def test_what_cannot_be_said_in_c_is_refused_in_a_line(tmp_path: Path) -> None:
    images = convert("digits", "--to", "c", "-o", tmp_path / "digits")
    assert (images.exit_code, images.output.count("\n")) == (2, 1)
    assert "images" in images.output
    (tmp_path / "there").mkdir()
    there = convert("banana", "--to", "c", "-o", tmp_path / "there")
    assert (there.exit_code, there.output.count("\n")) == (2, 1)
    assert "is there already" in there.output


def test_the_golden_rows_are_held_as_verify_holds_them() -> None:
    """A number at a share of the bound here is at that share there."""
    answers = answers_of(open_bundle("diamonds"))["data"]
    case = max(
        (each for each in cases("diamonds", "log_prob") if not each.in_the_tails), key=lambda each: len(each.expected)
    )
    half = share_of_bound("diamonds", case, answers.expected + answers.allowed / 2)
    assert half == pytest.approx(0.5, rel=1e-6)
