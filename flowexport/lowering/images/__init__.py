"""Flows of images, whose layers no program knows: torch modules that folds edit, and torch's exporter writes.

Bringing them in takes layers of a program on channels (a convolution, a squeeze, what leaves at a scale), masks of
pixels as index sets, and their nodes.
"""
