"""Find the words of an unrelated context: a trace that uses them was written by who saw it."""

from __future__ import annotations

import re

from infogap.leaks.scanned_trace import Leak, ScannedTrace, leak_at, plain_lower

_WORD = re.compile(r"[^\W\d_]{5,}")
_COMMAND = re.compile(r"\\[a-z]+")
_SENTENCE = re.compile(r"[^.!?\n]+")
_TOGETHER = 2  # words of the context in one sentence: one alone can be there by chance
# Words of any worked solution, and of any text, without a plural's s.
_COMMON = frozenset(
    _WORD.findall(
        """
        about above adding addition after again align aligned along among angle another answer around array
        arrow average because become before begin behind below beside between binomial center centre check
        choice choose chosen circle clearly coefficient common complex compute condition consecutive consider
        constant convert coordinate could count counting cycle cylinder dashed decimal defaultpen defined degree
        denominator desired diagram diameter difference different digit direction discriminant distance distinct
        divide divided dividing divisible division divisor doesn dollar double easier either eliminate equal
        equality equation equivalent every exactly expanding exponent expression factor factoring factorization
        final finally finish first follow fontsize formula found fraction function general given graph great
        greater greatest height hence horizontal however implie import inche inequality integer interior
        intersect intersection isoscele kilogram label large larger largest later least leave length linewidth
        litre little looking magnitude maximum meaning measure meter metre midpoint might minimize minimized
        minimum minute multiple multiply multiplying negative never nonnegative notice number numerator obtain
        occur often opposite order origin original other pairing parabola parallel people percent perimeter
        place plane plugging pmatrix point polynomial positive possible power price prime probability problem
        product property pythagorean quadratic quadrilateral question quite quotient radical radiu radius range
        ratio rectangle region remainder represent respectively result return right rightanglemark rightarrow
        round satisfie satisfy second sequence setting seven shaded should shown similarly simplifie simplifying
        since slope small smaller smallest solution solve solving sphere square squaring start still student
        substitute substituting subtract subtracting subtraction their theorem there therefore these thing third
        those three through together total triangle trying twice under unitsize until using value vector vertex
        vertical vieta volume water weigh where which while whole without would write written yield
        """
    )
)


def find_unrelated_context(trace: ScannedTrace) -> list[Leak]:
    """Return the first sentence with two words of the teacher's unrelated context that are not in the question.

    The context is a text without a task, or another task's solution. Words have five letters or more, plural or not;
    those that any worked solution may contain do not count.
    """
    if not trace.kind.unrelated or not trace.context:
        return []
    strange = _stems(trace.context) - _stems(trace.question)
    for sentence in _SENTENCE.finditer(plain_lower(trace.text)):
        words = [word for word in _WORD.finditer(sentence.group()) if word.group().rstrip("s") in strange]
        if len({word.group().rstrip("s") for word in words}) >= _TOGETHER:
            start = sentence.start()
            return [leak_at(trace.text, start + words[0].start(), start + words[-1].end(), "reference", "strayed")]
    return []


def _stems(text: str) -> frozenset[str]:
    words = _WORD.findall(_COMMAND.sub(" ", plain_lower(text)))
    return frozenset(word.rstrip("s") for word in words) - _COMMON
