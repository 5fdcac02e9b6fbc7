"""The ending that all questions of a source share: an instruction, which a recipe gives again."""

from __future__ import annotations

import re
from collections.abc import Sequence

_FEWEST = 5  # different questions: fewer may end alike by chance
_SHORTEST = 20  # characters
_BEGINNING = re.compile(r"(?:(?<=[.?!)])\s+|\n\s*)(?=[A-Z])")  # of a sentence or a line


def common_ending(questions: Sequence[str]) -> str | None:
    """The sentences or lines with which all questions end; None where there is none, or there are few questions."""
    backwards = {question.rstrip()[::-1] for question in questions}
    if len(backwards) < _FEWEST:
        return None
    first, last = min(backwards), max(backwards)
    shared = next((place for place, letter in enumerate(first) if last[place : place + 1] != letter), len(first))
    ending = first[:shared][::-1]
    beginning = _BEGINNING.search(ending)
    text = ending[beginning.end() :] if beginning else ""
    return text if len(text) >= _SHORTEST else None
