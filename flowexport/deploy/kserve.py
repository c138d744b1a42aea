"""An InferenceService of KServe, whose predictor is an image of ``flowexport serve``."""

from __future__ import annotations

__all__ = ["kserve_files"]

import json
import re
from collections.abc import Iterator, Sequence

from flowexport.errors import ArgumentError

from .bundles import Named
from .image import HTTP_PORT, image_files, serve_words

LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""What Kubernetes takes for a name (RFC 1035)."""


def kserve_files(bundles: Sequence[Named], name: str, image: str) -> Iterator[tuple[str, bytes]]:
    """An InferenceService, and what its image is built of.

    Arguments:
        bundles: that it serves.
        name: of the service.
        image: that is pulled.

    Raises:
        ArgumentError: for a name that Kubernetes does not take, or an image with white space in it.

    References:
        https://kserve.github.io/website/docs/reference/crd-api
    """
    if not LABEL.fullmatch(name):
        raise ArgumentError(
            f"{name!r}: expected lower-case letters, digits and -, beginning with a letter", key="--name"
        )
    if not image or not image.isprintable() or " " in image:
        raise ArgumentError(f"{image!r}: expected the name of an image", key="--image")
    words = "\n".join(f"          - {json.dumps(word)}" for word in serve_words(bundles))
    yield (
        "inferenceservice.yaml",
        SERVICE.format(name=name, image=json.dumps(image), words=words, port=HTTP_PORT).encode(),
    )
    yield from image_files(bundles)


SERVICE = """\
# Made by flowexport deploy kserve.
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: {name}
spec:
  predictor:
    minReplicas: 1
    # SIGTERM, five seconds in which requests are still taken, and the end of what was taken.
    terminationGracePeriodSeconds: 30
    containers:
      - name: kserve-container
        image: {image}
        args:
{words}
        env:
          # Which protocol the predictor speaks: the Open Inference Protocol, version 2.
          - name: PROTOCOL
            value: v2
        ports:
          - containerPort: {port}
            protocol: TCP
        readinessProbe:
          httpGet: {{path: /v2/health/ready, port: {port}}}
          periodSeconds: 2
        livenessProbe:
          httpGet: {{path: /v2/health/live, port: {port}}}
          periodSeconds: 10
        resources:
          requests: {{cpu: "1", memory: 256Mi}}
          limits: {{cpu: "1", memory: 1Gi}}
        securityContext:
          runAsNonRoot: true
          readOnlyRootFilesystem: true
          allowPrivilegeEscalation: false
          capabilities: {{drop: [ALL]}}
"""
