"""Read the answer in a JSON object that is a response, or ends it, as servers write that are asked for JSON."""

from __future__ import annotations

import json
import re
from typing import Any

_FENCED = re.compile(r"```(?:json)?[^\S\n]*\n(\s*\{.*?\})\s*```\s*\Z", re.DOTALL | re.IGNORECASE)
_LAST_LINE = re.compile(r"(?:\A|\n)[^\S\n]*(\{[^\n]*\})\s*\Z")
_KEYS = frozenset(("answer", "finalanswer", "correctanswer", "answerchoice", "finalanswervalue"))
_SEPARATORS = re.compile(r"[\s_-]")
_COMMAND = re.compile(r"\\(?!u[\da-fA-F]{4})(?=[A-Za-z]{2}|[()\[\],;:!{} %$])")  # a backslash of LaTeX, not of JSON
_LONGEST = 200_000  # characters


def answer_in_object(text: str) -> str | None:
    """Return the answer of the JSON object that a text is or ends with, as text; None where there is none.

    An object has an answer if exactly one of its keys is named so and holds a text or a number. Numbers stay as they
    are written.
    """
    text = text.strip()
    if not text.endswith(("}", "```")) or len(text) > _LONGEST:
        return None
    fenced, line = _FENCED.search(text), _LAST_LINE.search(text)
    for written in (text if text.startswith("{") else None, fenced and fenced[1], line and line[1]):
        if written and (answer := _answer_of(_loaded(written))) is not None:
            return answer
    return None


def _loaded(written: str) -> Any:
    """Parse JSON, of which the backslashes of LaTeX may not be escaped."""
    for text in (written,) if "\\\\" in written else (_COMMAND.sub(r"\\\\", written), written):
        try:
            return json.loads(text, strict=False, parse_float=str, parse_int=str)
        except (ValueError, RecursionError):
            continue
    return None


def _answer_of(held: Any) -> str | None:
    if not isinstance(held, dict):
        return None
    said = [value for key, value in held.items() if _SEPARATORS.sub("", str(key)).casefold() in _KEYS]
    if len(said) != 1 or not isinstance(said[0], str | bool):
        return None
    return said[0].strip() or None if isinstance(said[0], str) else str(said[0])
