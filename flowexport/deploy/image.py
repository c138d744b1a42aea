"""An image that serves bundles: its Containerfile, and the bundles beside it."""

from __future__ import annotations

__all__ = ["GRPC_PORT", "HTTP_PORT", "image_files", "serve_words"]

import importlib
import json
from collections.abc import Iterator, Sequence

from .bundles import Named

HTTP_PORT, GRPC_PORT = 8000, 8001


def serve_words(bundles: Sequence[Named]) -> list[str]:
    """The arguments of ``flowexport serve`` in the image."""
    named = [f"{each.name}=/bundles/{each.name}" for each in bundles]
    ports = ["--host", "0.0.0.0", "--port", str(HTTP_PORT), "--grpc-port", str(GRPC_PORT)]
    return [*named, *ports, "--log-json"]


def image_files(bundles: Sequence[Named]) -> Iterator[tuple[str, bytes]]:
    """The files that the image is built of."""
    # By name: the contract of imports takes the package itself for all that it offers.
    version = importlib.import_module("flowexport").__version__
    yield "Containerfile", CONTAINERFILE.format(version=version, words=json.dumps(serve_words(bundles))).encode()
    for named in bundles:
        for name, data in named.files():
            yield f"bundles/{named.name}/{name}", data


CONTAINERFILE = """\
# Made by flowexport deploy. Bundles are checked and proved again when the server starts.
FROM python:3.12-slim
RUN pip install --no-cache-dir 'flowexport[cpu,serve]=={version}'
COPY bundles /bundles
# Nobody: nothing is written, and no port below 1024 is needed.
USER 65532:65532
EXPOSE 8000 8001
STOPSIGNAL SIGTERM
ENTRYPOINT ["flowexport", "serve"]
CMD {words}
"""
