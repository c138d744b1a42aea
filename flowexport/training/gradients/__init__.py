"""Gradients that are written out, of the formulas that training spends its time in: see `flowexport.flows.recorded`."""

from .recognised import through_layers, through_network, through_spline

__all__ = ["through_layers", "through_network", "through_spline"]
