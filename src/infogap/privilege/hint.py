"""Hints: the first part of a worked solution, cut at the end of a sentence or line."""

from __future__ import annotations

import re
from itertools import pairwise

# The end of a sentence (not of "e.g." or "i.e.") or of a line, with the white space that follows.
_STEP_END = re.compile(r"(?<![ei]\.[ge]\.)(?<=[.!?])\s+|(?<=[。！？])\s*|\s*\n\s*")


def steps(solution: str) -> list[str]:
    """The sentences and lines of a solution, each with the white space that follows it."""
    ends = [match.end() for match in _STEP_END.finditer(solution.strip())]
    text = solution.strip()
    cuts = sorted({0, len(text), *ends})
    return [text[start:end] for start, end in pairwise(cuts)]


def hint(solution: str, *, fraction: float | None = None, count: int | None = None) -> str | None:
    """The first `count` steps, or the first steps that make up `fraction` of the text.

    Never the whole solution: None where nothing shorter than it is left to show.
    """
    parts = steps(solution)
    if count is None:
        wanted = (0.3 if fraction is None else fraction) * sum(map(len, parts))
        count, length = 0, 0
        while count < len(parts) and length < wanted:
            length += len(parts[count])
            count += 1
    count = min(count, len(parts) - 1)
    return "".join(parts[:count]).strip() if count > 0 else None
