"""Graphs, written straight from a program through the onnx package: their bytes depend on no version of torch."""

from .builder import IR_VERSION, PRODUCER
from .flow import log_prob_graph, sample_graph

__all__ = ["IR_VERSION", "PRODUCER", "log_prob_graph", "sample_graph"]
