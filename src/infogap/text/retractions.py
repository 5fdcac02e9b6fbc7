"""Find where a text takes back an answer that it has stated: "Wait, that is wrong", "I made a mistake", "no, 12"."""

from __future__ import annotations

import re

REACH = 200
"""Characters after an answer in which it is taken back."""

# A remark that follows an answer, "This is not the only way", takes nothing back: the judgement has to end its clause,
# and a word that can be the answer itself, "It is impossible", needs one before it that turns against what was said.
_TURN = r"(?:(?:no\s+wait|wait|hmm+|but|oh|oops|whoops|actually|hold\s+on|sorry|however)\b[\s,.!:…—–-]*)"
_OPENER = rf"(?:{_TURN}|(?:no|well|and|yet|clearly)\b[\s,.!:…—–-]*)"
_END = r"(?=\s*(?:[.!,;:…—–\n-]|\\[)\]]|$|because\b|since\b|as\b|so\b))"
_IT = r"(?:that|this|it|which)"
_IS = r"\s*(?:is|was|must\s+be|seems?|looks|['’]s)"
_HOW = (
    r"(?:\s+(?:to\s+be|really|actually|clearly|obviously|definitely|certainly|simply|just|still|also|quite|an?|all))*"
)
_NOT = r"\s*(?:(?:is|was|does|could|['’]s)\s*(?:n['’]t|not)|can(?:['’]t|\s*not))(?:\s+(?:be|look|seem))?"
_WRONG = rf"{_IT}(?:{_IS}{_HOW}\s+(?:wrong|incorrect|mistake|error)|{_NOT}{_HOW}\s+(?:right|correct)){_END}"
_IMPOSSIBLE = (
    rf"{_IT}(?:{_IS}{_HOW}\s+(?:false|impossible|absurd|contradiction|contradictory|nonsense|untrue){_END}"
    rf"|{_NOT}{_HOW}\s+(?:possible|true|so|it|the\s+(?:right\s+|correct\s+)?answer){_END}"
    r"|\s+(?:fails|contradicts|violates|leads\s+to\s+a\s+contradiction)\b)"
)
# "So it would be 5, which is impossible."
_WHICH = (
    rf",\s*which(?:{_IS}{_HOW}\s+(?:false|impossible|absurd|contradiction|nonsense|untrue){_END}"
    r"|\s+(?:fails|contradicts)\b)"
)
_OWN_WORK = (
    r"calculations?|computations?|work|solution|reasoning|steps?|arithmetic|algebra|derivation|answer|analysis|count"
)
_FAULT = (
    r"(?:an?|my|the|some|one)\s+(?:\w+\s+){0,2}(?:error|mistake|slip|oversight|blunder)s?\b"
    rf"(?=\s*(?:[.!,;:…—–\n-]|$|above\b|there\b|here\b|earlier\b|in\s+(?:my|our|that|this|the)\s+(?:\w+\s+)?(?:{_OWN_WORK})\b))"
)
_ADMISSION = (
    r"(?:I|we)(?:['’]ve|['’]m)?\s+(?:(?:have|had|just|see|found|think|realize[ds]?|realise[ds]?|notice[ds]?|must\s+have|that|I|we)\s+){0,4}"
    rf"(?:made|see|spot(?:ted)?|found|notice[ds]?|discovered|committed)\s+{_FAULT}"
    rf"|there\s*(?:is|was|['’]s)\s+{_FAULT}"
    rf"|(?:I|we)\s+(?:was|were|got\s+(?:it|that|this))\s+(?:wrong|mistaken){_END}"
)
_CORRECTION = r"correction\s*[:：—–-]"
_ANEW = (
    r"(?:let\s+me|let['’]s|I(?:['’]ll|\s+will|\s+(?:need|have)\s+to|\s+should|\s+must))\s+(?:\w+\s+)?"
    r"(?:redo|re-do|rework|correct|fix|start\s+over|try\s+again)\b"
)
# An answer in place of the one before: "No wait, 12", "Oops, it should be 12".
_NUMBER = r"[$\\(*]*[-−]?\d(?![\d.,]*[$\\)*]*\s*(?:is|was)\s+(?:right|correct|fine))"
_INSTEAD = (
    r"(?:(?:no|nope)\s*[,;!—–-]+\s*(?:wait\b[\s,.!]*)?|(?:no\s+wait|oops|whoops|sorry)\b[\s,.:;!—–-]*)"
    rf"(?:(?:it|that|this)(?:['’]s|\s+is)\s+|make\s+that\s+)?(?:actually\s+)?{_NUMBER}"
    r"|(?:wait|actually|hmm+|oh|oops|sorry|no)\b[^.\n]{0,20}?\b(?:it|that|this|the\s+answer)\s+should"
    rf"(?:\s+(?:really|actually|rather|in\s+fact|instead))?\s+(?:be\s+{_NUMBER}|have\s+been\b)"
)
_TAKEN_BACK = re.compile(
    rf"[\s.!?*$)\]…\\]*(?:{_INSTEAD}|{_CORRECTION}|{_WHICH}|{_OPENER}{{0,4}},?\s*(?:{_WRONG}|{_ADMISSION})"
    rf"|{_TURN}{{1,4}}(?:{_IMPOSSIBLE}|{_ANEW}))",
    re.IGNORECASE,
)
_CORRECTED = re.compile(rf"(?:^|(?<=[.!?\n*]))[\s*#]*{_OPENER}{{0,4}}(?:{_CORRECTION}|{_ADMISSION})", re.IGNORECASE)
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
