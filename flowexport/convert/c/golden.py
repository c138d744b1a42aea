"""``golden_rows.h``: rows, and how far from the trained model's answers the program may be."""

from __future__ import annotations

__all__ = ["golden_rows", "golden_test"]

from collections.abc import Mapping

import numpy as np

from flowexport.bundle import Bundle
from flowexport.convert.precision import Answers
from flowexport.runtime.noise import normals

from .literals import array
from .source import template

ROWS = 64
"""Of data, of tails and of noise each: a program for a device holds them all."""

SEED = 2**63 + 5
"""More than 63 bits, so that a signed seed would be seen."""

PERCENTILES = """\
    for (int row = 0; row < GOLDEN_PERCENTILES; ++row)
        hold("percentile", row, ${name}_percentile(golden_score[row]), golden_percentile[row], 1e-3);
"""


def golden_test(bundle: Bundle, name: str) -> str:
    """The program that holds a model to the rows."""
    held = PERCENTILES.replace("${name}", name) if bundle.manifest.reference is not None else ""
    return template("golden.c.in", name=name, upper=name.upper(), percentiles=held)


def golden_rows(bundle: Bundle, log_prob: Mapping[str, Answers], sample: Answers) -> str:
    """The rows of ``golden.c``.

    Arguments:
        log_prob: of data and of tails.
        sample: of noise.
    """
    scored = [each.first(ROWS) for each in log_prob.values()]
    drawn = sample.first(ROWS)
    noise = normals(SEED, 0, ROWS * bundle.manifest.latent_size).reshape(ROWS, -1)
    parts = {
        "golden_x": np.concatenate([each.inputs["x"] for each in scored]),
        "golden_log_prob": np.concatenate([each.expected for each in scored]),
        "golden_log_prob_allowed": np.concatenate([each.allowed for each in scored]),
        "golden_z": drawn.inputs["z"],
        "golden_sample": drawn.expected,
        "golden_sample_allowed": drawn.allowed,
        "golden_noise": noise,
    }
    if bundle.manifest.context_size:
        parts["golden_context"] = np.concatenate([each.inputs["context"] for each in scored])
        parts["golden_sample_context"] = drawn.inputs["context"]
    if bundle.manifest.reference is not None:
        quantiles = np.array(bundle.manifest.reference.log_prob_quantiles)
        scores = np.linspace(quantiles[0] - 1, quantiles[-1] + 1, ROWS).astype(np.float32)
        parts["golden_score"] = scores
        parts["golden_percentile"] = np.interp(scores.astype(np.float64), quantiles, np.arange(101.0))
    taken = "rows[row]" if bundle.manifest.context_size else "NULL"
    lines = [
        f"#define GOLDEN_ROWS {len(parts['golden_x'])}",
        f"#define GOLDEN_SAMPLES {len(drawn.expected)}",
        f"#define GOLDEN_NOISE {ROWS}",
        f"#define GOLDEN_PERCENTILES {ROWS}",
        f"#define GOLDEN_CONTEXT(rows, row) {taken}",
        f"static const uint64_t golden_seed = {SEED}u;",
        "",
    ]
    return "\n".join([*lines, *(definition(name, numbers) for name, numbers in parts.items())])


def definition(name: str, numbers: np.ndarray) -> str:
    """An array of the test."""
    kind = "float" if numbers.dtype == np.float32 else "double"
    return array(f"static const {kind} {name}{''.join(f'[{size}]' for size in numbers.shape)}", numbers)
