"""The differences between a removed duplicate and the trace that is kept, as runs of words."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

_WORD = re.compile(r"\s*\S+|\s+\Z")
_MOST_WORDS = 20_000  # of a text: comparing more takes seconds

Piece = tuple[str, bool]
"""A stretch of a text, and whether the other text lacks it."""


def differences(kept: str, removed: str) -> tuple[list[Piece], list[Piece]] | None:
    """Return both texts in pieces that are equal or differ, word by word; None if they are too long to compare."""
    one, other = _WORD.findall(kept), _WORD.findall(removed)
    if max(len(one), len(other)) > _MOST_WORDS:
        return None
    matcher = SequenceMatcher(None, [word.strip() for word in one], [word.strip() for word in other], autojunk=True)
    kept_pieces: list[Piece] = []
    removed_pieces: list[Piece] = []
    for tag, one_start, one_stop, other_start, other_stop in matcher.get_opcodes():
        for pieces, words in ((kept_pieces, one[one_start:one_stop]), (removed_pieces, other[other_start:other_stop])):
            if words:
                pieces.append(("".join(words), tag != "equal"))
    return kept_pieces, removed_pieces
