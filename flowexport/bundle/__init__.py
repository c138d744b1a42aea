"""The contract on disk: a folder with ``flow.json``, ONNX graphs and golden cases. Needs numpy only."""

from .archive import ArchivedBundle, open_archive
from .graphs import DIRECTIONS, GRAPHS, GraphKind, both_directions, directions_of, known
from .npy import npy_bytes, read_npy
from .onnx_file import OnnxFile, read_onnx
from .onnx_graph import OnnxGraph, read_graph
from .place import place, staged
from .read import Bundle, open_bundle, settled
from .schema import FORMAT, Manifest, json_schema
from .write import write_bundle
from .zoo import zoo_folder, zoo_names

__all__ = [
    "DIRECTIONS",
    "FORMAT",
    "GRAPHS",
    "ArchivedBundle",
    "Bundle",
    "GraphKind",
    "Manifest",
    "OnnxFile",
    "OnnxGraph",
    "both_directions",
    "directions_of",
    "json_schema",
    "known",
    "npy_bytes",
    "open_archive",
    "open_bundle",
    "place",
    "read_graph",
    "read_npy",
    "read_onnx",
    "settled",
    "staged",
    "write_bundle",
    "zoo_folder",
    "zoo_names",
]
