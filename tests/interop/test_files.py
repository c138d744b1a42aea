"""``flowexport export --from LIBRARY FILE``: state dicts need no trust, pickled modules do; each mistake is named."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import save_file
from torch import Tensor, nn

import flowexport
from flowexport.cli.export import LIBRARIES as NAMES
from flowexport.cli.main import main
from flowexport.errors import CheckpointError
from flowexport.interop import construct
from flowexport.interop.load import LIBRARIES, load_original

from .trained import Trained, contexts, rows

Train = Callable[[str], Trained]

RESIDUAL = {"class": "ResidualNet", "hidden_features": 16, "num_blocks": 2}
BLOCK = {"class": "AffineCouplingBlock", "param_map": {"class": "MLP", "layers": [3, 16, 16, 4], "init_zeros": True}}
ACTNORM = {"class": "ActNorm", "shape": 5}
SPLINES = [
    {
        "class": "CompositeTransform",
        "transforms": [
            {"class": "RandomPermutation", "features": 4},
            {
                "class": "PiecewiseRationalQuadraticCouplingTransform",
                "mask": mask,
                "transform_net_create_fn": RESIDUAL,
                "num_bins": 6,
                "tails": "linear",
                "tail_bound": 3.0,
            },
            {"class": "LULinear", "features": 4},
        ],
    }
    for mask in ([1, 0, 1, 0], [0, 1, 1, 0])
]

SPELT: dict[str, tuple[str, dict[str, Any]]] = {
    "zuko RealNVP": ("zuko", {"class": "RealNVP", "features": 4, "hidden_features": [16, 16]}),
    "zuko NICE, context, random masks, LayerNorm": (
        "zuko",
        {
            "class": "NICE",
            "features": 5,
            "context": 2,
            "transforms": 4,
            "hidden_features": [16, 12],
            "activation": "ELU",
            "normalize": True,
        },
    ),
    "zuko coupling NSF, context, bound and slope": (
        "zuko",
        {
            "class": "NICE",
            "features": 3,
            "context": 1,
            "univariate": {"class": "MonotonicRQSTransform", "bound": 4.0, "slope": 1e-2},
            "shapes": [[6], [6], [5]],
            "hidden_features": [16],
            "bias": False,
        },
    ),
    "zuko custom masks, context, learned base": (
        "zuko",
        {
            "class": "Flow",
            "transform": [
                {
                    "class": "GeneralCouplingTransform",
                    "features": 4,
                    "context": 2,
                    "mask": mask,
                    "hidden_features": [16],
                }
                for mask in ([1, 1, 1, 0], [0, 1, 0, 0], [1, 0, 0, 1])
            ],
            "base": {"class": "DiagNormal", "features": 4},
        },
    ),
    "nflows SimpleRealNVP": (
        "nflows",
        {"class": "SimpleRealNVP", "features": 4, "hidden_features": 16, "num_layers": 4, "num_blocks_per_layer": 2},
    ),
    "nflows splines, permutations, LU": (
        "nflows",
        {
            "class": "Flow",
            "transform": {
                "class": "CompositeTransform",
                "transforms": [{"class": "PointwiseAffineTransform", "shift": -0.3, "scale": 0.8}, *SPLINES],
            },
            "distribution": {"class": "StandardNormal", "shape": [4]},
        },
    ),
    "normflows blocks, exp": (
        "normflows",
        {
            "class": "NormalizingFlow",
            "q0": {"class": "DiagGaussian", "shape": 5},
            "flows": [
                each
                for mode in ("shuffle", "swap", "shuffle")
                for each in (BLOCK, {"class": "Permute", "num_channels": 5, "mode": mode}, ACTNORM)
            ],
        },
    ),
}
"""Cases of `CASES`, spelt as a file of arguments spells them."""


def quiet(message: str) -> None:
    raise AssertionError(f"nothing to warn of: {message}")


def spelt(path: Path, spec: dict[str, Any]) -> Path:
    path.write_text(json.dumps(spec))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["export", *(str(each) for each in arguments)])


def assert_one_line(result: Result, *words: str) -> None:
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.strip().splitlines()
    for word in words:
        assert word in line, line


@pytest.fixture
def weights(trained: Train, tmp_path: Path) -> Path:
    """The state dict of a small zuko RealNVP."""
    torch.save(trained("zuko RealNVP").module.state_dict(), tmp_path / "weights.pt")
    return tmp_path / "weights.pt"


def test_the_command_line_knows_every_library() -> None:
    assert set(NAMES) == set(LIBRARIES)


@torch.no_grad()
@pytest.mark.parametrize("name", SPELT)
@pytest.mark.parametrize("kind", ["pt", "safetensors"])
def test_a_state_dict_with_its_arguments_is_the_model(name: str, kind: str, trained: Train, tmp_path: Path) -> None:
    library, spec = SPELT[name]
    model = trained(name)
    path = tmp_path / f"weights.{kind}"
    state = {key: tensor.contiguous() for key, tensor in model.module.state_dict().items()}
    torch.save(state, path) if kind == "pt" else save_file(state, path)
    module = load_original(library, path, spelt(tmp_path / "model.json", spec), False, quiet).eval()
    x, context = rows(50, model.features), contexts(50, model.context)
    assert torch.equal(model.library.log_prob(module, x, context), model.library.log_prob(model.module, x, context))


def test_arguments_may_be_toml(weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text('class = "RealNVP"\nfeatures = 4\nhidden_features = [16, 16]\nactivation = "ReLU"\n')
    assert isinstance(load_original("zuko", weights, path, False, quiet), nn.Module)


def test_a_state_dict_becomes_a_bundle_with_the_names_of_its_rows(weights: Path, tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    np.savetxt(table, rows(1100, 4, seed=2).numpy(), delimiter=",", header="a,b,c,d", comments="")
    arguments = spelt(tmp_path / "model.json", SPELT["zuko RealNVP"][1])
    result = run("--from", "zuko", weights, "-o", tmp_path / "bundle", "--arguments", arguments, "--data", table)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    model = flowexport.load(tmp_path / "bundle")
    assert model.manifest.features == ["a", "b", "c", "d"]
    assert model.manifest.provenance["adopted_from"].startswith("zuko 1.")
    assert model.manifest.reference is not None


def test_a_pickled_module_is_loaded_with_trust_alone_and_a_warning(trained: Train, tmp_path: Path) -> None:
    path = tmp_path / "flow.pt"
    torch.save(trained("nflows SimpleRealNVP").module, path)
    refused = run("--from", "nflows", path, "-o", tmp_path / "bundle")
    assert_one_line(refused, str(path), "loading them runs their code", "--trust-pickle", "state_dict()")
    result = run("--from", "nflows", path, "-o", tmp_path / "bundle", "--trust-pickle", "--json")
    assert result.exit_code == 0, result.stderr
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("flowexport: warning: ")
    assert "runs any code" in line
    assert json.loads(result.stdout)["passed"]


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_code_in_a_file_does_not_run_without_trust(tmp_path: Path) -> None:
    torch.save({"weight": Bomb(tmp_path / "ran")}, tmp_path / "flow.pt")
    with pytest.raises(CheckpointError, match="--trust-pickle"):
        load_original("zuko", tmp_path / "flow.pt", None, False, quiet)
    assert not (tmp_path / "ran").exists()


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no class": ({"features": 4}, 'expected a mapping with a "class"'),
    "unknown class": ({"class": "os.system", "command": "true"}, "class: 'os.system' is not one of"),
    "unknown argument": ({"class": "RealNVP", "features": 4, "layers": 3}, "RealNVP: .*'layers'"),
    "unknown activation": (
        {"class": "RealNVP", "features": 4, "activation": "Sine"},
        "activation: 'Sine' is not one of",
    ),
    "a part": ({"class": "DiagNormal", "features": 4, "scale": 1}, "DiagNormal: .*'scale'"),
    "not a flow": ({"class": "ReLU"}, "ReLU is a part of a flow, not a flow"),
    "shape": (
        {"class": "RealNVP", "features": 4, "hidden_features": [16, 17]},
        r"tensor 'transform.*' is \[16, 16\], and",
    ),
    "missing": ({"class": "RealNVP", "features": 4, "hidden_features": [16, 16], "transforms": 4}, "is not there"),
    "too many": (
        {"class": "RealNVP", "features": 4, "hidden_features": [16, 16], "transforms": 2},
        "belongs to nothing",
    ),
    "huge": (
        {"class": "RealNVP", "features": 4, "hidden_features": [100000, 100000]},
        "much larger than its weights",
    ),
    "endless": ({"class": "RealNVP", "features": 4, "transforms": 10**9}, "much larger than its weights"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_arguments_that_cannot_be_are_named(name: str, weights: Path, tmp_path: Path) -> None:
    spec, message = MISTAKES[name]
    with pytest.raises(CheckpointError, match=message):
        load_original("zuko", weights, spelt(tmp_path / "model.json", spec), False, quiet)


def test_an_index_that_numpy_makes_is_counted_too(weights: Path, tmp_path: Path) -> None:
    spec = {"class": "LULinear", "features": 10**5}
    with pytest.raises(CheckpointError, match="much larger than its weights"):
        load_original("nflows", weights, spelt(tmp_path / "model.json", spec), False, quiet)


@pytest.mark.parametrize("make", [torch.randn, torch.zeros, torch.eye])
def test_what_is_too_large_is_refused_before_it_is_made(make: Callable[..., Tensor]) -> None:
    """A square of 400 TB: whoever tries to make it is told of memory."""
    known = {"Square": lambda size: nn.ParameterList([make(size, size)])}
    with pytest.raises(CheckpointError, match="much larger than its weights"):
        construct.construct(Path("model.json"), {"class": "Square", "size": 10**7}, known, 1000)
    assert construct.construct(Path("model.json"), {"class": "Square", "size": 9}, known, 1000)


def test_files_that_are_none_are_named(weights: Path, tmp_path: Path) -> None:
    text, squeezed, inner = tmp_path / "text.pt", tmp_path / "squeezed.pt", tmp_path / "inner.pt"
    text.write_text("no weights")
    with zipfile.ZipFile(squeezed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data", b"0" * 1000)
    torch.save({"epoch": 3, "model": {}}, inner)
    large = tmp_path / "large.json"
    large.write_bytes(b" " * (construct.ARGUMENTS_BYTES + 1))
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\xff" * 100)
    mistakes: list[tuple[Path, Path | None, str]] = [
        (tmp_path / "nothing.pt", None, "no such file"),
        (text, None, "neither a .safetensors file nor one of torch.save"),
        (squeezed, None, "is compressed"),
        (inner, None, "holds the keys epoch, model, not tensors alone"),
        (broken, None, "not a safetensors file"),
        (weights, None, "does not say what it is the state of: .* --arguments"),
        (weights, large, "larger than 1048576 bytes"),
        (weights, text, "neither JSON nor"),
    ]
    for path, arguments, message in mistakes:
        with pytest.raises(CheckpointError, match=message):
            load_original("zuko", path, arguments, False, quiet)


def damaged(weights: Path, member: str, change: Callable[[bytes], bytes]) -> bytes:
    """A file of torch.save with other bytes in one of its members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(weights) as archive, zipfile.ZipFile(stream, "w") as out:
        for info in archive.infolist():
            data = archive.read(info)
            out.writestr(info.filename, change(data) if info.filename.endswith(member) else data)
    return stream.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-22] + data[-22:-10] + b"\xff\xff\0\0" + data[-6:],
        lambda data: data.replace(b"PK\x01\x02", b"PK\x01\x03", 1),
        lambda data: data.replace(b"/byteorder", b"/byte\xff\xfe\xfd\xfcr"),
    ],
    ids=["its list lies elsewhere", "an entry that is none", "a name that is no text"],
)
def test_a_zip_whose_lists_are_damaged(weights: Path, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "damaged.pt"
    path.write_bytes(change(weights.read_bytes()))
    with pytest.raises(CheckpointError, match=r"damaged\.pt: "):
        load_original("zuko", path, None, False, quiet)


def test_a_pickle_whose_opcodes_are_damaged(weights: Path, tmp_path: Path) -> None:
    """Torch raises IndexError, TypeError, AssertionError, KeyError and others of them; each is told in one line."""
    path = tmp_path / "damaged.pt"
    with zipfile.ZipFile(weights) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith("data.pkl")]
        size = len(archive.read(name))
    for place in range(0, size, max(1, size // 150)):
        path.write_bytes(damaged(weights, "data.pkl", lambda data, at=place: data[:at] + b")" + data[at + 1 :]))  # type: ignore[misc]
        with pytest.raises(CheckpointError, match=r"damaged\.pt: "):
            load_original("zuko", path, None, False, quiet)


def test_a_foreign_module_and_arguments_beside_a_module_are_named(tmp_path: Path) -> None:
    path = tmp_path / "linear.pt"
    torch.save(nn.Linear(2, 2), path)
    arguments = spelt(tmp_path / "model.json", {"class": "RealNVP"})
    result = run("--from", "zuko", path, "-o", tmp_path / "bundle", "--trust-pickle", "--arguments", arguments)
    assert result.exit_code == 2
    assert "needs no --arguments" in result.stderr
    result = run("--from", "zuko", path, "-o", tmp_path / "bundle", "--trust-pickle")
    assert result.exit_code == 2
    assert "zuko Linear cannot be adopted" in result.stderr


def test_rows_of_another_width_and_options_without_from_are_named(weights: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.zeros((10, 3)))
    arguments = spelt(tmp_path / "model.json", SPELT["zuko RealNVP"][1])
    options = ("--arguments", arguments, "--data", tmp_path / "rows.npy")
    assert_one_line(run("--from", "zuko", weights, "-o", tmp_path / "bundle", *options), "3 columns", "4 features")
    assert "--data belongs to --from" in run(weights, "-o", tmp_path / "bundle", *options[2:]).stderr
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("library", NAMES)
def test_a_library_that_is_not_installed_is_named_with_its_extra(library: str, weights: Path, tmp_path: Path) -> None:
    arguments = spelt(tmp_path / "model.json", {"class": "RealNVP"})
    code = (
        f"import sys; sys.modules[{library!r}] = None\n"
        f"sys.argv = ['flowexport', 'export', '--from', {library!r}, {str(weights)!r}, '-o', 'bundle', "
        f"'--arguments', {str(arguments)!r}]\n"
        "from flowexport.cli.main import main; main()"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    expected = f"flowexport: the package {library} is not installed: pip install 'flowexport[interop]'"
    assert found.stderr.splitlines() == [expected]
