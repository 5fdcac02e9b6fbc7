"""Find where a text takes back an answer that it has stated: "Wait, that is wrong", "I made a mistake", "no, 12"."""

from __future__ import annotations

import re

REACH = 200
"""Characters after an answer in which it is taken back."""

_OPENERS = (
    r"(?:(?:wait|no|hmm+|but|oh|oops|whoops|actually|hold\s+on|sorry|however|well|clearly|and|yet)\b[\s,.!:…—–-]*)"
)
_WRONG = (
    r"(?:that|this|it|which|they|these|he|she)\s*(?:is|are|was|must\s+be|seems?|looks|cannot|can['’]t|isn['’]t|['’]s)\b"
    r"[^.\n]{0,30}?\b(?:wrong|incorrect|false|impossible|absurd|contradict\w*|mistake\w*|nonsense|untrue"
    r"|(?:not|be|n['’]t)\s+(?:right|correct|possible|true|so|it|the))\b"
    r"|(?:that|this|it|which)\s+(?:fails|contradicts|leads\s+to\s+a\s+contra)"
)
_FAULT = r"(?:an?|my|the|some|one)\s+(?:\w+\s+){0,2}(?:error|mistake|slip|oversight|blunder)s?\b"
_ADMISSION = (
    r"(?:I|we)(?:['’]ve|['’]m)?\s+(?:(?:have|had|just|see|found|think|realize[ds]?|realise[ds]?|notice[ds]?|must\s+have|that|I|we)\s+){0,4}"
    rf"(?:made|see|spot(?:ted)?|found|notice[ds]?|discovered|committed)\s+{_FAULT}"
    rf"|there\s*(?:is|was|['’]s)\s+{_FAULT}"
    r"|(?:I|we)\s+(?:was|were|got\s+(?:it|that|this))\s+(?:wrong|mistaken)\b"
)
_CORRECTION = r"correction\s*[:：—–-]"
_ANEW = (
    r"(?:let\s+me|let['’]s|I(?:['’]ll|\s+will|\s+(?:need|have)\s+to|\s+should|\s+must))\s+(?:\w+\s+)?"
    r"(?:redo|re-do|rework|correct|fix|reconsider|start\s+over|try\s+again)\b"
)
# An answer in place of the one before: "No wait, 12", "Oops, it should be 12".
_INSTEAD = (
    r"(?:no|nope|oops|whoops|sorry)\b[\s,.:;!—–-]*(?:wait\b[\s,.!]*)?"
    r"(?:(?:it|that|this)(?:['’]s|\s+is)\s+|make\s+that\s+)?(?:actually\s+)?[$\\(*]*[-−]?\d(?![\d.,]*[$\\)*]*\s*(?:is|was)\s+(?:right|correct|fine))"
    r"|(?:wait|actually|hmm+|oh|oops|sorry|no)\b[^.\n]{0,20}?\b(?:it|that|this|the\s+answer)\s+should(?:\s+(?:really|actually|rather|in\s+fact|instead))?"
    r"\s+(?:be|have\s+been)\b"
)
_TAKEN_BACK = re.compile(
    rf"[\s.!?*$)\]…\\]*(?:{_INSTEAD}|{_CORRECTION}|{_OPENERS}{{0,4}},?\s*(?:{_WRONG}|{_ADMISSION})|{_OPENERS}{{1,4}}{_ANEW})",
    re.IGNORECASE,
)
_CORRECTED = re.compile(rf"(?:^|(?<=[.!?\n*]))[\s*#]*{_OPENERS}{{0,4}}(?:{_CORRECTION}|{_ADMISSION})", re.IGNORECASE)
_MEANT_TO_BE_FOUND = re.compile(r"\b(?:if|unless|where|whether|in\s+case|check)\b[^.!?\n]*$", re.IGNORECASE)


def is_taken_back(after: str) -> bool:
    """Whether the text that follows an answer begins by taking it back; a check that confirms it does not."""
    return _TAKEN_BACK.match(after[:REACH]) is not None


def correction(after: str) -> int | None:
    """Return where a text goes on after it admits an error, for the last time; None where it admits none."""
    place = None
    for found in _CORRECTED.finditer(after):
        if not _MEANT_TO_BE_FOUND.search(found[0]):
            place = found.end()
    return place
