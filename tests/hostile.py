"""Bundles that a stranger made to be read in two ways, or to do what no bundle does.

Every language refuses all of them.

The hashes are right, so that only the rule itself refuses. Each case says what is planted and words of the answer.
"""

from __future__ import annotations

__all__ = ["HOSTILE", "digest_of"]

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
from onnx import helper

from tests.planting import Planted

Case = tuple[Callable[[Planted], object], list[str]]


def digest_of(path: Path) -> str:
    """The digest of a bundle: the SHA-256 of its flow.json."""
    return hashlib.sha256((path / "flow.json").read_bytes()).hexdigest()


# flow.json ------------------------------------------------------------------------------------------------


def text_with(planted: Planted, before: str, after: str) -> None:
    """Changes the text of flow.json itself, where no writer of JSON would."""
    file = planted.path / "flow.json"
    text = file.read_text(encoding="utf-8")
    assert text.count(before) >= 1, before
    file.write_text(text.replace(before, after, 1), encoding="utf-8", errors="surrogatepass")


def bytes_around(planted: Planted, before: bytes, after: bytes) -> None:
    file = planted.path / "flow.json"
    file.write_bytes(before + file.read_bytes() + after)


def key_twice(planted: Planted, key: str, spelled: str | None = None) -> None:
    """A key is there once more, before the one that a reader may expect, in an object that a reader may not look at."""

    def again(text: str) -> str:
        name = json.dumps(key)
        start = text.index(f"{name}:")
        value, _ = json.JSONDecoder().raw_decode(text[start + len(name) + 1 :].lstrip())
        return text[:start] + f"{spelled or name}: {json.dumps(value)}, " + text[start:]

    file = planted.path / "flow.json"
    file.write_text(again(file.read_text(encoding="utf-8")), encoding="utf-8")


def says(planted: Planted, escaped: str, key: str = "name") -> None:
    """A text holds a character, written as an escape of JSON."""
    planted.edit_manifest(lambda manifest: manifest.update({key: "PLANTED"}))
    text_with(planted, '"PLANTED"', f'"a{escaped}b"')


def feature_says(planted: Planted, escaped: str) -> None:
    planted.edit_manifest(lambda manifest: manifest["features"].__setitem__(0, "PLANTED"))
    text_with(planted, '"PLANTED"', f'"a{escaped}b"')


def unknown(planted: Planted, value: str) -> None:
    """A key that no reader knows, with a value that is written as it stands."""
    bytes_around(planted, b"", b"")
    file = planted.path / "flow.json"
    file.write_text("{" + f'"colour": {value}, ' + file.read_text(encoding="utf-8").lstrip()[1:], encoding="utf-8")


DOCUMENTS: dict[str, Case] = {
    "key twice": (lambda p: key_twice(p, "latent_size"), ["flow.json", "latent_size"]),
    "key twice, below": (lambda p: key_twice(p, "opset"), ["flow.json", "opset"]),
    "key twice, of golden cases": (lambda p: key_twice(p, "rows"), ["flow.json", "rows"]),
    "key twice, of files": (lambda p: key_twice(p, "golden/z.npy"), ["flow.json", "golden/z.npy"]),
    "key twice, once escaped": (lambda p: key_twice(p, "dtype", '"d\\u0074ype"'), ["flow.json", "dtype"]),
    "key twice, in a key of a later version": (
        lambda p: unknown(p, '[{"shade": 1, "shade": 2}]'),
        ["flow.json", "shade"],
    ),
    "escape for a terminal": (lambda p: says(p, "\\u001b[2J"), ["flow.json", "name"]),
    "escape of one character": (lambda p: says(p, "\\u009b2J"), ["flow.json", "name"]),
    "bell": (lambda p: says(p, "\\u0007", "description"), ["flow.json", "description"]),
    "line break": (lambda p: says(p, "\\n", "description"), ["flow.json", "description"]),
    "line separator": (lambda p: says(p, "\\u2028"), ["flow.json", "name"]),
    "rubout": (lambda p: says(p, "\\u007f"), ["flow.json", "name"]),
    "nought in a name": (lambda p: feature_says(p, "\\u0000"), ["flow.json", "features"]),
    "writing from right to left": (lambda p: feature_says(p, "\\u202e"), ["flow.json", "features"]),
    "half a surrogate pair": (lambda p: says(p, "\\ud83d"), ["flow.json"]),
    "escape in a key of a later version": (lambda p: unknown(p, '{"a\\u001b[1mb": 1}'), ["flow.json"]),
    "more behind the document": (lambda p: bytes_around(p, b"", b"{}"), ["flow.json"]),
    "nought behind the document": (lambda p: bytes_around(p, b"", b"\x00"), ["flow.json"]),
    "byte order mark": (lambda p: bytes_around(p, b"\xef\xbb\xbf", b""), ["flow.json", "byte order mark"]),
    "pointer of Git LFS": (
        lambda p: (p.path / "flow.json").write_bytes(
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
        ),
        ["flow.json", "Git LFS"],
    ),
    "not UTF-8": (
        lambda p: (p.path / "flow.json").write_bytes(
            (p.path / "flow.json").read_bytes().replace(b'"name": "plain"', b'"name": "pl\xe4in"')
        ),
        ["flow.json"],
    ),
    "number beyond float64": (lambda p: unknown(p, "1e999"), ["flow.json"]),
    "NaN": (lambda p: unknown(p, "NaN"), ["flow.json"]),
    "a comma too many": (lambda p: unknown(p, "[1,]"), ["flow.json"]),
    "a comment": (lambda p: unknown(p, "1 /* one */"), ["flow.json"]),
}


# names of files -------------------------------------------------------------------------------------------


def named(planted: Planted, name: str) -> None:
    """The array of noise has another name, in the folder as in flow.json."""
    (planted.path / "golden/z.npy").rename(planted.path / name)
    file = planted.path / "flow.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"golden/z.npy"', json.dumps(name)), encoding="utf-8")


def also_named(planted: Planted, name: str) -> None:
    """Another file is listed by a name that differs in its capitals alone."""
    (planted.path / name).write_bytes(b"")
    planted.edit_manifest(lambda manifest: manifest["files"].update({name: hashlib.sha256(b"").hexdigest()}))


FILES: dict[str, Case] = {
    "file with a letter that looks like another": (lambda p: named(p, "golden/\u0445.npy"), ["flow.json", "files"]),
    "file with wide letters": (lambda p: named(p, "golden/\uff5a.npy"), ["flow.json", "files"]),
    "file with a space": (lambda p: named(p, "golden/z .npy"), ["flow.json", "files"]),
    "file with a dot at its end": (lambda p: named(p, "golden/z.npy."), ["flow.json", "files"]),
    "file that is hidden": (lambda p: named(p, "golden/.z.npy"), ["flow.json", "files"]),
    "file with an empty folder": (lambda p: named(p, "golden//z.npy"), ["flow.json", "files"]),
    "file with a wildcard": (lambda p: named(p, "golden/z*.npy"), ["flow.json", "files"]),
    "file twice but for capitals": (lambda p: also_named(p, "golden/Z.npy"), ["flow.json", "files"]),
}


# graphs ---------------------------------------------------------------------------------------------------


def behind(node: onnx.NodeProto) -> Callable[[onnx.ModelProto], None]:
    """A node of one input between the graph's last node and its output."""

    def edit(model: onnx.ModelProto) -> None:
        output = model.graph.output[0].name
        for each in model.graph.node:
            each.output[:] = ["before" if name == output else name for name in each.output]
        placed = model.graph.node.add()
        placed.CopyFrom(node)
        placed.input[:], placed.output[:], placed.name = ["before"], [output], "last"

    return edit


def node_beside(node: onnx.NodeProto) -> Callable[[onnx.ModelProto], None]:
    """A node that nothing reads from."""
    return lambda model: model.graph.node.append(node)


def imports(*opsets: tuple[str, int]) -> Callable[[onnx.ModelProto], None]:
    def edit(model: onnx.ModelProto) -> None:
        del model.opset_import[:]
        model.opset_import.extend(helper.make_opsetid(*opset) for opset in opsets)

    return edit


def branching(model: onnx.ModelProto) -> None:
    inner = helper.make_graph([], "inner", [], [])
    model.graph.node.append(helper.make_node("If", ["x"], [], then_branch=inner, else_branch=inner))


def functions(model: onnx.ModelProto) -> None:
    relu = helper.make_node("Relu", ["a"], ["b"])
    model.functions.append(helper.make_function("", "Twice", ["a"], ["b"], [relu], [helper.make_opsetid("", 18)]))


def field(number: int, data: bytes) -> bytes:
    """A field of protobuf that is length-delimited."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def appended(planted: Planted, more: bytes) -> None:
    """Fields behind the last of the model."""
    planted.write("sample.onnx", (planted.path / "sample.onnx").read_bytes() + more)


def graph_edit(edit: Callable[[onnx.ModelProto], object]) -> Callable[[Planted], object]:
    return lambda planted: planted.edit_graph("sample", edit)


def unknown_in(part: Callable[[onnx.ModelProto], Any]) -> Callable[[Planted], object]:
    """A field that no version of ONNX has, inside a part of the model."""
    return graph_edit(lambda model: part(model).MergeFromString(field(1000, b"hidden")))


GRAPHS: dict[str, Case] = {
    "operator that draws at random": (
        graph_edit(behind(helper.make_node("RandomNormalLike", ["x"], ["y"]))),
        ["sample.onnx", "RandomNormalLike"],
    ),
    "operator at random that nothing reads": (
        graph_edit(node_beside(helper.make_node("RandomUniform", [], ["u"], shape=[1]))),
        ["sample.onnx", "RandomUniform"],
    ),
    "operator of another domain": (
        graph_edit(behind(helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft"))),
        ["sample.onnx"],
    ),
    "operator of the standard domain's other name": (
        graph_edit(behind(helper.make_node("Identity", ["x"], ["y"], domain="ai.onnx"))),
        ["sample.onnx"],
    ),
    "operator that no version has": (graph_edit(behind(helper.make_node("Teleport", ["x"], ["y"]))), ["sample.onnx"]),
    "branches": (graph_edit(branching), ["sample.onnx"]),
    "functions": (graph_edit(functions), ["sample.onnx"]),
    "opset under the domain's other name": (graph_edit(imports(("ai.onnx", 18))), ["sample.onnx", "opset"]),
    "opset hidden behind another": (graph_edit(imports(("", 18), ("ai.onnx", 21))), ["sample.onnx", "opset"]),
    "opset twice": (graph_edit(imports(("", 18), ("", 18))), ["sample.onnx", "opset"]),
    "opset of a domain that nothing uses": (
        graph_edit(imports(("", 18), ("com.microsoft", 1))),
        ["sample.onnx", "opset"],
    ),
    "opset later than declared": (graph_edit(imports(("", 19))), ["sample.onnx", "opset"]),
    "ten megabytes of no known field": (lambda p: appended(p, field(1000, bytes(10 << 20))), ["sample.onnx"]),
    "unknown field of the graph": (unknown_in(lambda model: model.graph), ["sample.onnx"]),
    "unknown field of a node": (unknown_in(lambda model: model.graph.node[0]), ["sample.onnx"]),
    "unknown field of a tensor": (unknown_in(lambda model: model.graph.initializer[0]), ["sample.onnx"]),
    "graph twice": (
        lambda p: appended(p, field(7, onnx.load(p.path / "log_prob.onnx").graph.SerializeToString())),
        ["sample.onnx"],
    ),
    "tensor of texts": (
        graph_edit(lambda model: model.graph.initializer.append(helper.make_tensor("t", 8, [1], [b"text"]))),
        ["sample.onnx"],
    ),
}

HOSTILE = DOCUMENTS | FILES | GRAPHS
"""What flowexport and every language refuse: what is planted → how, and words of the answer, a plain line."""
