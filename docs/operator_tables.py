"""The list of operators as a source file of each language of ``runtime_examples``, whose libraries enforce it."""

from __future__ import annotations

__all__ = ["operator_tables"]

import textwrap
from pathlib import Path

from flowexport.bundle.operators import ELEMENT_TYPES, MESSAGES, OPERATORS, OPSET

EXAMPLES = Path(__file__).resolve().parents[1] / "runtime_examples"

SAID = "Made by docs/generate.py: what a graph of a bundle may hold."
FIELDS_SAID = "Messages of onnx.proto: each field's number, and what it is; a star: more than once. See docs/bundle.md."

SOURCES = {
    "c/flow/operators.h": """\
/* {said} */
/* clang-format off */
enum {{ OPSET = {opset} }};

static const char OPERATORS[] =
    {operators};

/* {fields_said} */
static const char FIELDS[] =
    {fields};

static const char TYPES[] = {types};
""",
    "cpp/src/operators.hpp": """\
// {said}
#pragma once
// clang-format off

namespace flow {{

constexpr unsigned opset = {opset};

constexpr char operators[] =
    {operators};

/// {fields_said}
constexpr char fields[] =
    {fields};

constexpr char types[] = {types};

}} // namespace flow
""",
    "rust/src/operators.rs": """\
//! {said}

pub const OPSET: u64 = {opset};

pub const OPERATORS: &str = {operators};

/// {fields_said}
pub const FIELDS: &str = {fields};

pub const TYPES: &str = {types};
""",
    "go/operators.go": """\
package flowbundle

// {said}
const (
	opset = {opset}

	operators = {operators}

	// {fields_said}
	fields = {fields}

	types = {types}
)
""",
    "java/src/main/java/flowbundle/Operators.java": """\
package flowbundle;

/** {said} */
final class Operators {{
  static final long OPSET = {opset};

  static final String OPERATORS =
      {operators};

  /** Messages of onnx.proto: each field's number, and what it is; a star: more than once. */
  static final String FIELDS =
      {fields};

  static final String TYPES = {types};

  private Operators() {{}}
}}
""",
    "node/src/operators.js": """\
/** {said} */

export const OPSET = {opset};

export const OPERATORS =
  {operators};

/** {fields_said} */
export const FIELDS =
  {fields};

export const TYPES = {types};
""",
    "python/flowbundle/operators.py": '''\
"""{said}"""

__all__ = ["FIELDS", "OPERATORS", "OPSET", "TYPES"]

OPSET = {opset}

OPERATORS = (
    {operators}
)

FIELDS = (
    {fields}
)
"""{fields_said}"""

TYPES = {types}
''',
}
"""File → what it holds. The tables are texts, of words that spaces and semicolons part: every language reads those."""

JOINED = {
    "c": "\n    ",
    "cpp": "\n    ",
    "rust": None,
    "go": None,
    "java": "\n          + ",
    "node": " +\n  ",
    "python": "\n    ",
}
"""How a language joins the lines of a long text; None where it stays one line."""


def operator_tables() -> dict[Path, str]:
    """Every source file, and its text."""
    fields = ";".join(
        " ".join([message, *(f"{number} {kind}" for number, kind in of.items())]) for message, of in MESSAGES.items()
    )
    words = {"operators": " ".join(sorted(OPERATORS)), "fields": fields}
    made = {}
    for name, template in SOURCES.items():
        joined = JOINED[name.partition("/")[0]]
        texts = {key: in_lines(text, joined) for key, text in words.items()}
        types = f'"{" ".join(map(str, sorted(ELEMENT_TYPES)))}"'
        made[EXAMPLES / name] = template.format(said=SAID, fields_said=FIELDS_SAID, opset=OPSET, types=types, **texts)
    return made


def in_lines(text: str, joined: str | None) -> str:
    """A text in quotes, over several lines where they can be joined."""
    if joined is None:
        return f'"{text}"'
    lines = textwrap.wrap(text, 80, drop_whitespace=False, break_on_hyphens=False)
    return joined.join(f'"{line}"' for line in lines)
