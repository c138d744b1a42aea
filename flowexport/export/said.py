"""What a bundle says of its model beside numbers, held to the run folder: names, weights, and the graphs themselves."""

from __future__ import annotations

__all__ = ["said_checks"]

import hashlib
import json
from importlib import metadata

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.torch import save as save_tensors

from flowexport import __version__
from flowexport.bundle import Bundle, known
from flowexport.flows import architecture_of
from flowexport.lowering import lowered
from flowexport.proof.checks import Check, Status
from flowexport.training import Checkpoint
from flowexport.training.checkpoint import contiguous

LAST_BITS = 1e-6
"""How far a constant of a graph may be from that of a fresh export, as a share of the largest of its tensor: the folds
are products and inverses of matrices, which processors round in their own ways."""


def said_checks(bundle: Bundle, checkpoint: Checkpoint) -> list[Check]:
    """Names, architecture, the hash of the weights, and each graph beside those of a fresh export."""
    return [names_check(bundle, checkpoint), weights_check(bundle, checkpoint), *graph_checks(bundle, checkpoint)]


def names_check(bundle: Bundle, checkpoint: Checkpoint) -> Check:
    """That columns, codes of categories and the architecture are called what they were called in training."""
    manifest, config = bundle.manifest, checkpoint.config
    for key, said, true in (
        # Pixels may be without names.
        ("features", manifest.features or config.features, config.features),
        ("context_features", manifest.context_columns, config.context_columns),
        ("discrete", manifest.discrete or {}, config.discrete),
        *unlike(plain(manifest.architecture), plain(architecture_of(checkpoint.flow))),
    ):
        if said != true:
            return checked("names", False, f"{key}: {str(said)[:100]}, in the run folder {str(true)[:100]}")
    return checked("names", True, "features, context, categories and architecture are the run folder's")


def plain(architecture: dict[str, object]) -> dict[str, object]:
    """The flow and its arguments by their names, as they are once they have been written and read."""
    arguments = architecture.get("arguments")
    arguments = arguments if isinstance(arguments, dict) else {}
    named = {f"architecture.arguments.{key}": each for key, each in arguments.items()}
    read: dict[str, object] = json.loads(json.dumps({"architecture.flow": architecture.get("flow"), **named}))
    return read


def unlike(said: dict[str, object], true: dict[str, object]) -> list[tuple[str, object, object]]:
    """Where two documents differ: the key, and what each of them has there."""
    keys = [*true, *(key for key in said if key not in true)]
    return [(key, said.get(key), true.get(key)) for key in keys if said.get(key) != true.get(key)]


def weights_check(bundle: Bundle, checkpoint: Checkpoint) -> Check:
    """That the bundle says it was made from these weights."""
    found = hashlib.sha256(save_tensors(contiguous(checkpoint.flow.state_dict()))).hexdigest()
    said = bundle.manifest.provenance.get("weights_sha256", "")
    if said == found:
        return checked("weights", True, f"weights_sha256 {found[:12]}…")
    return checked("weights", False, f"weights_sha256 is {said[:12]!r}…, of the run folder's weights {found[:12]!r}…")


def graph_checks(bundle: Bundle, checkpoint: Checkpoint) -> list[Check]:
    """Each graph beside that of a fresh export, where the same versions made both."""
    now = {
        "flowexport": __version__,
        "torch": metadata.version("torch").split("+")[0],
        "onnx": metadata.version("onnx"),
    }
    then = {key: bundle.manifest.provenance.get(key) for key in now}
    if then != now:
        other = ", ".join(f"{key} {then[key]}" for key in now if then[key] != now[key])
        return [Check("structure", "graphs, exported afresh", "not run", detail=f"made with {other}")]
    form, dtype = lowered(checkpoint.flow), bundle.manifest.dtype
    names = [kind.name for kind in known(bundle.manifest.graphs)]
    return [graph_check(name, bundle.graph(name)[0], form.graph(name, dtype)) for name in names]


def graph_check(name: str, found: bytes, fresh: bytes) -> Check:
    """A graph that is another by more than the last bits of its constants fails, however well its numbers agree."""
    subject = f"{name}, exported afresh"
    if found == fresh:
        return checked(subject, True, "byte for byte the same")
    (one, constants), (other, expected) = parted(found), parted(fresh)
    if one != other or constants.keys() != expected.keys():
        return checked(subject, False, "has other nodes than a fresh export")
    for key, constant in constants.items():
        wanted = expected[key]
        same = constant.shape == wanted.shape and constant.dtype == wanted.dtype
        if not same or not np.allclose(constant, wanted, rtol=0, atol=LAST_BITS * size_of(wanted), equal_nan=True):
            return checked(subject, False, f"the constant {key!r} is not that of a fresh export")
    return checked(subject, True, "the same but for the last bits of constants")


def parted(data: bytes) -> tuple[bytes, dict[str, np.ndarray]]:
    """A graph without the values of its constants, and these by name."""
    model = onnx.ModelProto.FromString(data)
    constants = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    for each in model.graph.initializer:
        each.ClearField("raw_data")
    return model.SerializeToString(deterministic=True), constants


def size_of(array: np.ndarray) -> float:
    """The largest finite magnitude in an array; 0 of whole numbers, which are exact."""
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array[:0]
    return float(np.abs(finite).max()) if finite.size else 0.0


def checked(subject: str, passed: bool, detail: str) -> Check:
    status: Status = "passed" if passed else "failed"
    return Check("structure", subject, status, detail=detail)
