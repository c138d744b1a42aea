"""Bundles over the network: the Open Inference Protocol v2, over HTTP/1.1 and gRPC. Needs no torch.

A request goes one way: `http` or `grpc` reads bytes, `messages` makes tensors of them, an `Endpoint` holds them to its
model, `batching` runs what came together, and the answer goes back by the connection that it came from.
"""

from .settings import Limits, Settings

__all__ = ["Limits", "Settings"]
