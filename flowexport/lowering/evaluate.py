"""What a program means: log_prob and sample in numpy, in the type of the program's arrays.

In float64 this is the definition that every rewriting of a program, and every graph made of one, is held to.
"""

from __future__ import annotations

__all__ = ["encoded", "log_prob", "parameters_of", "sample"]

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from .activations import activated, sigmoid
from .maps import forward, inverse
from .networks import width_read
from .program import (
    Activation,
    Array,
    Bounds,
    Coupling,
    Dense,
    Hidden,
    LayerNorm,
    Mix,
    Mixture,
    Normal,
    Program,
    Residual,
    ScaleShift,
)

Activate = Callable[[str, Array], Array]


def log_prob(program: Program, x: Array, context: Array | None = None, activate: Activate = activated) -> Array:
    """``x [rows, features]``, ``context [rows, columns]`` → ``[rows]``, nats; −inf outside the bounds.

    ``activate`` is what activations are, by name, for who asks what another runtime makes of them.
    """
    with np.errstate(all="ignore"):
        v, total = (x, np.zeros(len(x), x.dtype)) if program.bounds is None else unbounded(program.bounds, x)
        v, c = v - program.mean, encoded(program, context)
        for layer in program.layers:
            if isinstance(layer, Coupling):
                moved, log_det = forward(layer.map, v[:, layer.moves], *parameters_of(layer, v, c, activate))
                v = placed(v, layer.moves, moved)
                total = total if log_det is None else total + log_det.sum(-1)
            elif isinstance(layer, ScaleShift):
                v, total = v * layer.scale + layer.shift, total + np.log(layer.scale).sum()
            elif isinstance(layer, Mix):
                v, total = v @ layer.weight.T + layer.bias, total + layer.log_det
            else:
                v = v[:, layer.order]
        total = total + base_log_prob(program.base, v)
        return total if program.bounds is None else np.where(outside(program.bounds, x), -np.inf, total)


def sample(program: Program, z: Array, context: Array | None = None, activate: Activate = activated) -> Array:
    """Standard normals ``z [rows, noise_size]``, ``context [rows, columns]`` → x ``[rows, features]``."""
    with np.errstate(all="ignore"):
        v, c = latent(program.base, z, program.noise_order), encoded(program, context)
        for layer in reversed(program.layers):
            if isinstance(layer, Coupling):
                moved, _ = inverse(layer.map, v[:, layer.moves], *parameters_of(layer, v, c, activate))
                v = placed(v, layer.moves, moved)
            elif isinstance(layer, ScaleShift):
                v = (v - layer.shift) / layer.scale
            elif isinstance(layer, Mix):
                v = (v - layer.bias) @ layer.inverse.T
            else:
                v = v[:, np.argsort(layer.order)]
        v = v + program.mean
        return v if program.bounds is None else bounded(program.bounds, v)


def placed(v: Array, features: Array, numbers: Array) -> Array:
    """v with other numbers for some features."""
    v = v.copy()
    v[:, features] = numbers
    return v


# Networks


def parameters_of(coupling: Coupling, v: Array, context: Array | None, activate: Activate) -> list[Array]:
    """A coupling's parameters of rows, ``[rows, features]`` each, or ``[rows, features, size]``."""
    network, sizes = coupling.network, coupling.map.sizes
    inputs = [v[:, coupling.reads], *([] if context is None else [context])]
    hidden = run(network.trunk, np.concatenate(inputs, axis=1)[:, : width_read(network)], activate)
    found = []
    for name, size in sizes.items():
        parameter = dense(network.heads[name], hidden)
        found.append(parameter if size == 1 else parameter.reshape(len(parameter), -1, size))
    return found


def run(layers: Iterable[Hidden], hidden: Array, activate: Activate) -> Array:
    """Hidden layers, one behind the other."""
    for layer in layers:
        if isinstance(layer, Dense):
            hidden = dense(layer, hidden)
        elif isinstance(layer, Activation):
            hidden = activate(layer.name, hidden)
        elif isinstance(layer, Residual):
            hidden = hidden + run(layer.branch, hidden, activate)
        else:
            hidden = normalised(layer, hidden)
    return hidden


def dense(layer: Dense, x: Array) -> Array:
    return x @ layer.weight.T + layer.bias


def normalised(layer: LayerNorm, x: Array) -> Array:
    deviation = x - x.mean(-1, keepdims=True)
    variance = (deviation * deviation).mean(-1, keepdims=True)
    normal: Array = deviation / np.sqrt(variance + layer.epsilon)
    return normal * layer.weight + layer.bias


def encoded(program: Program, context: Array | None) -> Array | None:
    """The context as networks take it, ``[rows, context_width]``; a code that is none of a table's is zeros."""
    if context is None or not program.columns:
        return None
    parts: list[Array] = []
    for number, column in enumerate(program.columns):
        part = (context[:, [number]] - column.mean) / column.scale
        if column.table is not None:
            codes = np.arange(len(column.table), dtype=part.dtype)
            part = (part == codes).astype(part.dtype) @ column.table
        parts.append(part)
    return np.concatenate(parts, axis=1)


# Bases


def base_log_prob(base: Normal | Mixture, v: Array) -> Array:
    """ln of the density at ``[rows, features]``, ``[rows]``."""
    normal = 0.5 * v.shape[1] * math.log(2 * math.pi)
    if isinstance(base, Normal):
        return np.asarray(-0.5 * (v * v).sum(-1) - normal)
    deviations = (v[:, None] - base.means) / base.scales
    constants = base.log_weights - np.log(base.scales).sum(-1) - normal
    return np.asarray(np.logaddexp.reduce(-0.5 * (deviations * deviations).sum(-1) + constants, axis=-1))


def latent(base: Normal | Mixture, z: Array, order: Sequence[int] | Array) -> Array:
    """Noise ``[rows, noise_size]`` → a draw of v, ``[rows, features]``."""
    noise: Array = z[:, order]
    if isinstance(base, Mixture):
        chosen = (z[:, -1:] > base.thresholds).sum(-1)
        noise = base.means[chosen] + base.scales[chosen] * noise
    return noise


# Bounds


def unbounded(bounds: Bounds, x: Array) -> tuple[Array, Array]:
    """x on the whole line, and ln of the derivative, summed; what is outside counts as if at a distance of one."""
    below, above = np.isfinite(bounds.lower), np.isfinite(bounds.upper)
    from_lower, from_upper = log_distance(x - bounds.lower, below), log_distance(bounds.upper - x, above)
    width = np.where(below & above, bounds.upper - bounds.lower, 1).astype(x.dtype)
    u = np.where(below | above, 0, x) + from_lower - from_upper
    return u, (np.log(width) - from_lower - from_upper).sum(-1)


def log_distance(distance: Array, there: Array) -> Array:
    """ln of a distance from a bound, 0 where there is no bound or it is passed."""
    return np.log(np.where(there & ~(distance <= 0), distance, 1)).astype(distance.dtype)


def outside(bounds: Bounds, x: Array) -> Array:
    """Which rows have a number on or beyond a bound, ``[rows]``."""
    return np.asarray(((x <= bounds.lower) | (x >= bounds.upper)).any(-1))


def bounded(bounds: Bounds, u: Array) -> Array:
    """Numbers of the whole line, brought within the bounds."""
    below, above = np.isfinite(bounds.lower), np.isfinite(bounds.upper)
    lower, upper = np.where(below, bounds.lower, 0), np.where(above, bounds.upper, 0)
    between = lower + (upper - lower) * sigmoid(u)
    one_sided = np.where(above, upper - np.exp(-u), lower + np.exp(u))
    return np.where(below & above, between, np.where(below | above, one_sided, u)).astype(u.dtype)
