"""Tensors in files of safetensors, whoever wrote them.

The format: eight bytes with the length of a header, the header as JSON, and the numbers of each tensor at the offsets
that the header gives (https://github.com/huggingface/safetensors, Format).
"""

from __future__ import annotations

__all__ = ["decode_tensors", "read_tensors"]

import hashlib
import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor

from flowexport.bundle.small import plain_file
from flowexport.errors import CheckpointError

HEADER_BYTES = 100_000_000
"""The most that safetensors itself reads."""


def read_tensors(path: Path) -> tuple[dict[str, Tensor], str]:
    """The tensors of a safetensors file, and its SHA-256.

    Raises:
        CheckpointError: naming the file, for one that is not plain, is none, or has another size than its header says:
            what is not there, or nobody speaks of, is not read.
    """
    with plain_file(path, CheckpointError) as (stream, size):
        length = int.from_bytes(stream.read(8), "little")
        if length > min(HEADER_BYTES, size):
            raise CheckpointError(f"not a safetensors file (a header of {length} bytes)", file=path)
        wanted = 8 + length + extent(stream.read(length), path)
        if wanted != size:
            raise CheckpointError(f"not a safetensors file ({size} bytes, and by its header {wanted})", file=path)
        stream.seek(0)
        data = stream.read(size)
    return decode_tensors(data, str(path)), hashlib.sha256(data).hexdigest()


def extent(header: bytes, path: Path) -> int:
    """Bytes of the tensors that a header speaks of."""
    try:
        entries = [entry for name, entry in json.loads(header).items() if name != "__metadata__"]
        return max((int(entry["data_offsets"][1]) for entry in entries), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError) as error:
        raise CheckpointError("not a safetensors file (its header cannot be read)", file=path) from error


def decode_tensors(data: bytes, path: str) -> dict[str, Tensor]:
    """The tensors of the bytes of a safetensors file."""
    try:
        return load_tensors(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(f"not a safetensors file ({error})", file=path) from error
