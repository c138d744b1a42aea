"""The header and the source of a model."""

from __future__ import annotations

__all__ = ["header", "source", "template"]

from collections.abc import Mapping
from importlib.resources import files
from string import Template

import numpy as np

from flowexport.bundle import Manifest
from flowexport.convert.storage import Weights
from flowexport.native.form import Constant, Form

from .body import Body, Constants, body_of
from .literals import array, literal
from .names import distinct, in_comment, name_of

PLAIN = {
    "input": "x[k]",
    "start": "fx_load(bias + n * FX_LANES)",
    "sum": "sum[n]",
    "one": "bias[0] + sum",
    "parameters": "",
    "arguments": "",
}
PRODUCTS = {
    "float32": PLAIN | {"title": "Weights of float32", "number": "float", "load": "fx_load", "weight": "weights[k]"},
    "float16": PLAIN
    | {
        "title": "Weights of half precision",
        "number": "uint16_t",
        "load": "fx_load_half",
        "weight": "fx_half(weights[k])",
    },
    "int8": {
        "title": "Weights of 8 bits, scaled by inputs (rows) and outputs (columns)",
        "number": "int8_t",
        "load": "fx_load_int8",
        "weight": "(float)weights[k]",
        "input": "x[k] * rows[k]",
        "start": "0.0f * fx_load(bias + n * FX_LANES)",
        "sum": "fx_load(bias + n * FX_LANES) + fx_load(columns + n * FX_LANES) * sum[n]",
        "one": "bias[0] + columns[0] * sum",
        "parameters": "const float *rows, const float *columns,",
        "arguments": "rows, columns + n,",
    },
}
"""What of ``product.c.in`` differs by how weights are kept."""


def template(file: str, **values: object) -> str:
    """A file of this folder with names put in; a piece that is empty leaves no blank behind."""
    text = (files(__package__) / file).read_text(encoding="utf-8")
    filled = Template(text).substitute(values) if values else text
    return filled.replace(",  ", ", ").replace(", \n", ",\n")


def header(manifest: Manifest, name: str) -> str:
    """``NAME.h``: sizes, names and what can be called."""
    upper = name.upper()
    width = manifest.event_shape[0]
    # All of one space: a feature may be called as a size is, or as a category.
    taken = {f"{upper}_{each}" for each in ("FEATURES", "CONTEXT", "LATENT")}
    features = distinct(upper, (column.name for column in manifest.feature_columns), taken)
    named = manifest.context_columns
    lines = [
        f"/* {in_comment(manifest.name)}: {in_comment(manifest.description)}",
        "   Written by flowexport; floats are float32, log_prob is in nats, x in the units of the data. */",
        f"#ifndef FLOWEXPORT_{upper}_H",
        f"#define FLOWEXPORT_{upper}_H",
        "",
        "#include <stddef.h>",
        "#include <stdint.h>",
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        f"#define {upper}_FEATURES {width} /* numbers of a row */",
        f"#define {upper}_CONTEXT {manifest.context_size} /* numbers of a context */",
        f"#define {upper}_LATENT {manifest.latent_size} /* normals of a sample */",
        "",
        "/* The places of the features. */",
        *enumeration(f"{name}_feature", features),
    ]
    columns = distinct(f"{upper}_CONTEXT", (feature.name for feature in named), taken)
    if named:
        lines += ["/* The places of the context's columns. */", *enumeration(f"{name}_column", columns)]
    for feature, column in zip(named, columns, strict=True):
        if feature.categories:
            codes = distinct(f"{upper}_{name_of(feature.name).upper()}", feature.categories, taken)
            lines.append(f"/* The codes of {in_comment(feature.name)}, each to be given as a float. */")
            lines += enumeration(f"{column.lower()}_code", codes)
    given = (
        "context is not read and may be NULL" if not manifest.context_size else f"context has {upper}_CONTEXT numbers"
    )
    if "log_prob" in manifest.graphs:
        lines += [
            f"/* The log density of a row of {upper}_FEATURES numbers; {given}. */",
            f"float {name}_log_prob(const float *x, const float *context);",
            "",
            "/* Of many rows, one after the other. */",
            f"void {name}_log_prob_rows(const float *x, const float *context, size_t rows, float *log_prob);",
            "",
        ]
    if "sample" in manifest.graphs:
        lines += [
            f"/* A sample x of {upper}_FEATURES numbers from the {upper}_LATENT normals z; {given}. */",
            f"void {name}_sample(const float *z, const float *context, float *x);",
            "",
            "/* The normals of a sample, the same in every language; rows count from 0. */",
            f"void {name}_noise(uint64_t seed, uint64_t row, float *z);",
            "",
        ]
    if manifest.reference is not None:
        lines += [
            f"/* Where a log_prob stands among {manifest.reference.rows} reference rows, 0 to 100. */",
            f"float {name}_percentile(float log_prob);",
            "",
        ]
    return "\n".join([*lines, "#ifdef __cplusplus", "}", "#endif", "", "#endif", ""])


def enumeration(kind: str, names: list[str]) -> list[str]:
    """An enum whose values count from 0."""
    members = [f"    {each} = {place}," for place, each in enumerate(names)]
    members[-1] = members[-1].removesuffix(",")
    return [f"enum {kind} {{", *members, "};", ""]


def source(manifest: Manifest, name: str, forms: Mapping[str, Form], weights: Weights) -> str:
    """``NAME.c``: the weights, and the functions of each form, by the name of its graph."""
    upper = name.upper()
    constants = Constants()
    bodies = {graph: body_of(form, weights, constants) for graph, form in forms.items()}
    kinds = dict.fromkeys(kind for body in bodies.values() for kind in body.kinds)
    context = f"context += {upper}_CONTEXT" if manifest.context_size else "(void)context"
    parts = [
        f'#include "{name}.h"\n#include "flowexport_kernels.h"\n',
        *(template("product.c.in", name=f"product_{kind}", **PRODUCTS[kind]) for kind in kinds),
        "/* ---- weights and other constants ---- */\n",
        "\n".join(constants.definitions),
        "/* ---- the flow ---- */\n",
    ]
    if "log_prob" in forms:
        signature = f"float {name}_log_prob(const float *x, const float *context)"
        parts += [
            function(signature, forms["log_prob"], bodies["log_prob"], result="return {};"),
            f"void {name}_log_prob_rows(const float *x, const float *context, size_t rows, float *log_prob)\n{{\n"
            f"    for (size_t row = 0; row < rows; ++row, x += {upper}_FEATURES) {{\n"
            f"        log_prob[row] = {name}_log_prob(x, context);\n"
            f"        {context};\n    }}\n}}\n",
        ]
    if "sample" in forms:
        signature = f"void {name}_sample(const float *z, const float *context, float *x)"
        parts += [
            function(signature, forms["sample"], bodies["sample"]),
            template("noise.c.in", name=name, upper=upper),
        ]
    if manifest.reference is not None:
        quantiles = np.array(manifest.reference.log_prob_quantiles, np.float32)
        parts.append(
            template("percentile.c.in", name=name, quantiles=array("static const float quantiles[101]", quantiles))
        )
    return "\n".join(parts)


def function(signature: str, form: Form, body: Body, result: str = "") -> str:
    """One function: the inputs into place, the statements, the outputs."""
    offsets = body.placement.offsets
    lines = [f"float s[{max(1, body.placement.scratch)}];"]
    if body.most_inputs:
        lines += [f"uint16_t places[{body.most_inputs}];", "int filled;"]
    names = [each.name for each in form.inputs]
    for each in form.inputs:
        if each.buffer in offsets:
            lines.append(f"fx_copy({each.name}, {form.sizes[each.buffer]}, s + {offsets[each.buffer]});")
        else:
            lines.append(f"(void){each.name};")
    if "context" not in names:
        lines.append("(void)context;")
    lines += body.statements
    texts = [
        literal(each.values.ravel()[0]) if isinstance(each, Constant) else f"s[{offsets[each.buffer] + each.base}]"
        for each in form.outputs
    ]
    lines += [result.format(texts[0])] if result else [f"x[{place}] = {text};" for place, text in enumerate(texts)]
    return f"{signature}\n{{\n" + "".join(f"    {line}\n" for line in lines) + "}\n"
