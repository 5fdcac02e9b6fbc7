"""How often a trace changes its mind about the answer."""

from __future__ import annotations

from itertools import pairwise

from infogap.text.stated_answers import every_stated, normalised


def answer_changes(text: str) -> int:
    """How often an answer that the text states differs from the one stated before it, spacing and case aside."""
    answers = [normalised(answer) for answer in every_stated(text)]
    return sum(before != after for before, after in pairwise(answers))
