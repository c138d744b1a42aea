"""Small files of strangers: plain, bounded, and headers that say one thing."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from flowexport.bundle import open_bundle, read_npy
from flowexport.bundle.small import read_small
from flowexport.bundle.toml import require_short_keys
from flowexport.errors import BundleError, RecipeError
from flowexport.training.recipe import load_recipe


def special(folder: Path, kind: str) -> Path:
    """A path that is there and is no plain file."""
    path = folder / "flow.json"
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    return path


@pytest.mark.parametrize("kind", ["FIFO", "folder", "device"])
def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = special(tmp_path, kind)
    with pytest.raises(BundleError, match=r"flow\.json: (is no plain file|cannot be read)"):
        open_bundle(tmp_path)
    with pytest.raises(RecipeError, match=r"is no plain file|cannot be read"):
        load_recipe(path)


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_small(path, 5) == b"12345"
    with pytest.raises(BundleError, match="larger than 4 bytes"):
        read_small(path, 4)
    with pytest.raises(BundleError, match="not a name of a file"):
        read_small(Path("a\0b"), 4)


def npy(header: bytes, body: bytes = b"") -> bytes:
    """An .npy file with a header as it stands."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 1000000000), }\n",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }\n",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }\n",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (True,), }\n",
        b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n",
        b"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }\n",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (1",
        b"(" * 60_000,
        b"'",
        b"\x00" * 118,
        b"{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n",
        b"{'descr': 'O', 'fortran_order': False, 'shape': (1,), }\n",
        b"",
    ],
)
def test_a_header_that_numpy_would_trip_over_is_refused(header: bytes) -> None:
    with pytest.raises(BundleError, match=r"^a\.npy: "):
        read_npy(npy(header), "a.npy")


@pytest.mark.parametrize("length", range(0, 200, 7))
def test_no_part_of_an_array_is_one(length: int) -> None:
    data = npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (32,), }\n", np.zeros(32, np.float32).tobytes())
    assert len(data) > 195
    with pytest.raises(BundleError):
        read_npy(data[: min(length, len(data) - 1)], "a.npy")


@pytest.mark.parametrize(
    ("flow", "words"),
    [
        ("transforms = 100000", "transforms"),
        ("hidden_features = [1000000000]", "hidden_features"),
        (f"hidden_features = {[8] * 101}", "hidden_features"),
    ],
)
def test_a_recipe_for_a_flow_of_any_size_is_refused_as_it_is_read(tmp_path: Path, flow: str, words: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(f'name = "a"\n[data]\nfile = "rows.csv"\n[flow]\n{flow}\n')
    with pytest.raises(RecipeError, match=words):
        load_recipe(path)


@pytest.mark.parametrize(
    "line",
    [
        ".".join(["a"] * 100_000) + " = 1",
        " . ".join(["a"] * 100) + " = 1",
        ".".join(['"a b"', "'c'"] * 10) + " = 1",
        "[" + ".".join(["a"] * 1000) + "]",
    ],
)
def test_a_key_of_many_parts_is_refused_before_it_is_read(tmp_path: Path, line: str) -> None:
    """Python's reader of TOML takes time and memory with their number squared: 8 s for 200 kB."""
    path = tmp_path / "recipe.toml"
    path.write_text(f'name = "a"\n{line}\n')
    with pytest.raises(RecipeError, match="a key of more than 16 parts"):
        load_recipe(path)


@pytest.mark.parametrize(
    "text", ["a = [" + "1.5, " * 1000 + "]", 'a = "1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8"', "a.b.c = 1.5"]
)
def test_points_in_numbers_and_texts_are_no_parts_of_keys(text: str) -> None:
    require_short_keys(text)


@pytest.mark.parametrize(
    "text", ["a" * 10**6, " " * 10**6, '"' * 10**6, '"' + "\\" * 10**6, ("a." * 15 + " x ") * 20_000]
)
def test_the_length_of_keys_is_seen_in_time_that_grows_with_the_text(text: str) -> None:
    require_short_keys(text)  # with its square it would take minutes


def test_weights_that_no_machine_holds_are_refused_before_they_are_made() -> None:
    from flowexport.errors import ArgumentError
    from flowexport.training.run import require_size

    arguments = {"features": 10, "transforms": 1000, "hidden_features": [60_000, 60_000]}
    with pytest.raises(ArgumentError, match="has more weights than 1,000,000,000"):
        require_size("RealNVP", arguments)
