"""Write the grammar, in llama.cpp's GBNF, of answers in JSON of a schema."""

from __future__ import annotations

import json
from typing import Any

from infogap.errors import InputError

_MOST_CHARACTERS = 120  # of a text: a small model would go on until its token limit

_TEXT = f"""\
text ::= "\\"" character{{0,{_MOST_CHARACTERS}}} "\\""
character ::= [^"\\\\\\x00-\\x1f] | "\\\\" ["\\\\nt]
"""


def grammar_of(schema: dict[str, Any]) -> str:
    """Return the grammar of one JSON object with the properties of a schema, in their order: texts, or one of several.

    Raises InputError for a schema of anything else.
    """
    members = [f'{_literal(json.dumps(name))} ": " {_value(name, of)}' for name, of in schema["properties"].items()]
    rule = ' ", " '.join(members)
    return f'root ::= "{{" {rule} "}}"\n{_TEXT}'


def _value(name: str, schema: dict[str, Any]) -> str:
    if schema.get("type") != "string":
        raise InputError(f"the embedded backend writes texts alone, and '{name}' is of type {schema.get('type')}")
    if "enum" in schema:
        return "(" + " | ".join(_literal(json.dumps(each)) for each in schema["enum"]) + ")"
    return "text"


def _literal(text: str) -> str:
    """Return a text as a literal of the grammar; the text is JSON without apostrophes."""
    return json.dumps(text)
