"""Words of an unrelated text: a trace that speaks of them was shown it."""

from __future__ import annotations

import re

from infogap.measure.leaks.references import leak_at, plain_lower
from infogap.measure.leaks.seen import Leak, Seen

_WORD = re.compile(r"[^\W\d_]{5,}")
_SENTENCE = re.compile(r"[^.!?\n]+")
_TOGETHER = 2  # words of the text that one sentence holds: one alone can be there by chance
_COMMON = frozenset(
    _WORD.findall(
        """
        about above after again along among another around because before behind below beside between could every first
        found great hence large later least little might never number often other quite right round second seven since
        small still their there these thing third those three through together twice under until value water where
        which while whole without would years solution answer
        """
    )
)


def find_strayed(seen: Seen) -> list[Leak]:
    """The first sentence with two words that stand in the unrelated text shown to the teacher, and not in the question.

    Words of five letters or more, plural or not, without the most common ones.
    """
    if seen.privilege != "irrelevant" or not seen.context:
        return []
    strange = _stems(seen.context) - _stems(seen.question)
    for sentence in _SENTENCE.finditer(plain_lower(seen.text)):
        told = [word for word in _WORD.finditer(sentence.group()) if word.group().rstrip("s") in strange]
        if len({word.group().rstrip("s") for word in told}) >= _TOGETHER:
            start = sentence.start()
            return [leak_at(seen.text, start + told[0].start(), start + told[-1].end(), "reference", "strayed")]
    return []


def _stems(text: str) -> frozenset[str]:
    return frozenset(word.rstrip("s") for word in _WORD.findall(plain_lower(text)) if word not in _COMMON)
