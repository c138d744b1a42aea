"""``golden_rows.h``: rows, and how far from the trained model's answers the program may be."""

from __future__ import annotations

__all__ = ["golden_rows", "golden_test"]

from collections.abc import Mapping
from string import Template

import numpy as np

from flowexport.bundle import Bundle, directions_of
from flowexport.convert.precision import Answers
from flowexport.runtime.noise import normals

from .literals import array
from .source import template

ROWS = 64
"""Of data, of tails and of noise each: a program for a device holds them all."""

SEED = 2**63 + 5
"""More than 63 bits, so that a signed seed would be seen."""

CHECKS = {
    "log_prob": """\
    static float log_prob[GOLDEN_ROWS];
    for (int row = 0; row < GOLDEN_ROWS; ++row)
        hold("log_prob", row, ${name}_log_prob(golden_x[row], GOLDEN_CONTEXT(golden_context, row)),
             golden_log_prob[row], golden_log_prob_allowed[row]);
    ${name}_log_prob_rows(golden_x[0], GOLDEN_CONTEXT(golden_context, 0), GOLDEN_ROWS, log_prob);
    for (int row = 0; row < GOLDEN_ROWS; ++row)
        hold("log_prob_rows", row, log_prob[row], golden_log_prob[row], golden_log_prob_allowed[row]);
""",
    "sample": """\
    float x[${upper}_FEATURES], z[${upper}_LATENT];
    for (int row = 0; row < GOLDEN_SAMPLES; ++row) {
        ${name}_sample(golden_z[row], GOLDEN_CONTEXT(golden_sample_context, row), x);
        for (int i = 0; i < ${upper}_FEATURES; ++i)
            hold("sample", row, x[i], golden_sample[row][i], golden_sample_allowed[row][i]);
    }
    for (int row = 0; row < GOLDEN_NOISE; ++row) {
        ${name}_noise(golden_seed, (uint64_t)row, z);
        for (int i = 0; i < ${upper}_LATENT; ++i)
            hold("noise", row, z[i], (double)golden_noise[row][i], 9.5367431640625e-7);
    }
""",
    "percentile": """\
    for (int row = 0; row < GOLDEN_PERCENTILES; ++row)
        hold("percentile", row, ${name}_percentile(golden_score[row]), golden_percentile[row], 1e-3);
""",
}
"""What ``golden.c`` holds to its rows, by what the bundle has."""


def golden_test(bundle: Bundle, name: str) -> str:
    """The program that holds a model to the rows."""
    held = directions_of(bundle.manifest.graphs)
    if bundle.manifest.reference is not None:
        held.append("percentile")
    checks = "".join(Template(CHECKS[each]).substitute(name=name, upper=name.upper()) for each in held)
    return template("golden.c.in", name=name, checks=checks)


def golden_rows(bundle: Bundle, answers: Mapping[str, Answers]) -> str:
    """The rows of ``golden.c``: the first of those whose answers are given, normals and scores."""
    first = {rows: each.first(ROWS) for rows, each in answers.items()}
    scored, drawn = [each for each in first.values() if each.graph == "log_prob"], first.get("noise")
    context = bool(bundle.manifest.context_size)
    lines, parts = [f"#define GOLDEN_CONTEXT(rows, row) {'rows[row]' if context else 'NULL'}"], {}
    if scored:
        parts["golden_x"] = np.concatenate([each.inputs["x"] for each in scored])
        parts["golden_log_prob"] = np.concatenate([each.expected for each in scored])
        parts["golden_log_prob_allowed"] = np.concatenate([each.allowed for each in scored])
        if context:
            parts["golden_context"] = np.concatenate([each.inputs["context"] for each in scored])
        lines.append(f"#define GOLDEN_ROWS {len(parts['golden_x'])}")
    if drawn is not None:
        parts["golden_z"], parts["golden_sample"] = drawn.inputs["z"], drawn.expected
        parts["golden_sample_allowed"] = drawn.allowed
        parts["golden_noise"] = normals(SEED, 0, ROWS * bundle.manifest.latent_size).reshape(ROWS, -1)
        if context:
            parts["golden_sample_context"] = drawn.inputs["context"]
        lines += [
            f"#define GOLDEN_SAMPLES {len(drawn.expected)}",
            f"#define GOLDEN_NOISE {ROWS}",
            f"static const uint64_t golden_seed = {SEED}u;",
        ]
    if bundle.manifest.reference is not None:
        quantiles = np.array(bundle.manifest.reference.log_prob_quantiles)
        scores = np.linspace(quantiles[0] - 1, quantiles[-1] + 1, ROWS).astype(np.float32)
        parts["golden_score"] = scores
        parts["golden_percentile"] = np.interp(scores.astype(np.float64), quantiles, np.arange(101.0))
        lines.append(f"#define GOLDEN_PERCENTILES {ROWS}")
    return "\n".join([*lines, "", *(definition(name, numbers) for name, numbers in parts.items())])


def definition(name: str, numbers: np.ndarray) -> str:
    """An array of the test."""
    kind = "float" if numbers.dtype == np.float32 else "double"
    return array(f"static const {kind} {name}{''.join(f'[{size}]' for size in numbers.shape)}", numbers)
