"""Find references: passages about what only the teacher saw, in its template's words or in those of its context."""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

import numpy as np

from infogap.leaks.leak_rules import Licence, Rule, Rules
from infogap.leaks.match_prefixes import Prefixes, prefixes
from infogap.leaks.scanned_trace import Leak, ScannedTrace, leak_at, plain_lower
from infogap.user_cache import kept

_PREFIXES = 1  # raised when `match_prefixes` finds others for the same expressions

EARLY = 600  # characters in which a trace has no work of its own to refer to
_BEFORE = 80  # characters before a match that are searched for its `unless`
_SENTENCE_END = re.compile(r"[.!?。！？\n](?=\s|$)")
# A value follows, not a property: "is 72", "is $x = 4$", "is (B)", "is O(n)", "as \frac12"; not "is an integer".
_LEAD = (
    r"[\s:：,\"“'‘*`$]{0,6}(?:\\\(\s?)?(?:exactly|indeed|just|simply|equal to|going to be|in fact)?[\s$\"“'‘*`(]{0,4}"
)
_RESULT = re.compile(
    _LEAD
    + r"(?:[-−+±~]?\s?\d|\\[a-zA-Z]|[√π∞{\[(]|[A-Za-z](?:\([^)]{1,9}\))?\s?[=<>≤≥^]|[A-Z](?:\b|\()|[a-z](?=[\s.,;)$]))"
    r"(?!\s(?:an?|certain|number|little|bit)\b)"
)
_NAME = re.compile(_LEAD + r"[A-Z][a-z]+\b")
_WORD = re.compile(r"[^\W\d_]+")
# Words that do not account for a leak if the question has them too.
_UNINFORMATIVE = frozenset(
    _WORD.findall(
        """
        a agree agreeing agreement agrees all an and answer answers are as at be been both by check compare
        each either end ends every last start starts
        confirm confirms consistent context correct do does equal equals exactly explain final find first
        fit fits for from get given gives got had has have i in is it its know known let line match matched
        matches matching me must my need neither no none number of on one only or other our provided result
        results right s same second should show so solution solutions that the their then there these they
        this those to total true two use uses using value want was we were what which with you your
        """
    )
)
_PROPERTY = re.compile(r"\s*(?:[aA]|[iI]n|I)\s")


class References:
    """The search for matches of all rules."""

    def __init__(self, rules: Rules) -> None:
        from infogap.leaks.rule_places import RulePlaces

        self._rules = rules
        self._places = RulePlaces(rules.rules, beginnings(rules))

    def find(self, traces: Sequence[ScannedTrace]) -> list[list[Leak]]:
        """Return the leaks in each trace's text, except those that its question accounts for."""
        lowered = [plain_lower(trace.text) for trace in traces]
        places = self._places.find(lowered)
        bounds = np.searchsorted(places[:, 0], np.arange(len(traces) + 1)).tolist()
        rows = places.tolist()
        return [
            self._in_trace(trace, text, rows[first:last])
            for trace, text, (first, last) in zip(traces, lowered, pairwise(bounds), strict=True)
        ]

    def matches(self, lowered: str) -> list[list[re.Match[str]]]:
        """Return each rule's matches in a lower-cased text, whatever it applies to."""
        by_rule: list[list[re.Match[str]]] = [[] for _ in self._rules.rules]
        for index, places in groupby(self._places.find([lowered]).tolist(), key=itemgetter(1)):
            by_rule[index] = list(_matches(self._rules.rules[index], lowered, places))
        return by_rule

    def _in_trace(self, trace: ScannedTrace, lowered: str, places: list[list[int]]) -> list[Leak]:
        leaks: list[Leak] = []
        for index, places_of_rule in groupby(places, key=itemgetter(1)):
            of_rule: Iterator[list[int]] = places_of_rule
            rule = self._rules.rules[index]
            if not _applies(rule, trace) or (trace.without_context and rule.kind == "reference"):
                continue
            somewhere = rule.early or rule.value == "held"
            for match in _matches(
                rule, lowered, filter(partial(_is_allowed, rule, trace), of_rule) if somewhere else of_rule
            ):
                if _is_leak(rule, match, lowered, trace):
                    leaks.append(leak_at(trace.text, match.start(), match.end(), rule.kind, rule.name))
        leaks += _labels(trace)
        return _unlicensed(leaks, self._rules.licences, plain_lower(trace.question)) if leaks else []


def beginnings(rules: Rules) -> list[Prefixes]:
    """Return what each rule's matches begin with, which is kept in the user's cache."""
    expressions = [rule.expression for rule in rules.rules]

    def compute() -> list[list[Any]]:
        return [["\t".join(found.texts), found.at_word] for found in map(prefixes, expressions)]

    known = kept("prefixes", [_PREFIXES, sys.version, expressions], compute)
    return [Prefixes(tuple(texts.split("\t")), at_word) for texts, at_word in known]


def _matches(rule: Rule, lowered: str, places: Iterable[list[int]]) -> Iterator[re.Match[str]]:
    """Yield the matches of a rule at some places of a text, from left to right and without overlaps."""
    free, match_at = 0, rule.pattern.match
    for _, _, place, _, end in places:
        if place >= free and (match := match_at(lowered, place) if rule.begins else match_at(lowered, place, end)):
            free = match.end()
            yield match


def _is_allowed(rule: Rule, trace: ScannedTrace, place: list[int]) -> bool:
    """True if the window around a place begins early enough, and has the held answer, for rules that require these."""
    _, _, _, start, end = place
    if rule.early and start >= EARLY:
        return False
    if rule.value != "held":
        return True
    following = bisect_left(trace.held_positions, start)
    return following < len(trace.held_positions) and trace.held_positions[following] < end


def _labels(trace: ScannedTrace) -> list[Leak]:
    """Return a leak if the trace begins with the context's label. Later, "The final answer:" is a usual heading."""
    label, colon, _ = (trace.context or "").partition(":")
    start = len(trace.text) - len(trace.text.lstrip("#* \n"))
    if not colon or not 1 < len(label.split()) < 16 or not trace.text.startswith(f"{label}:", start):
        return []
    return [leak_at(trace.text, start, start + len(label) + 1, "chat_artefact", "label")]


def _applies(rule: Rule, trace: ScannedTrace) -> bool:
    match rule.when:
        case None:
            return True
        case "context":
            return trace.context is not None
        case "worked":
            return trace.shows_work
        case "attempts":
            return trace.shows_attempts
        case "blanks":
            return trace.shows_blanks
        case "held":
            return trace.held_answer is not None


def _is_leak(rule: Rule, match: re.Match[str], lowered: str, trace: ScannedTrace) -> bool:
    if rule.early and match.start() >= EARLY:
        return False
    if rule.unless and rule.unless.search(_sentence_before(lowered, match.start())):
        return False
    if rule.value == "result":
        return _value_follows(trace, match.end())
    return rule.value is None or (_held_follows(trace, match.end()) and not trace.held_in_question)


def _sentence_before(lowered: str, place: int) -> str:
    before = lowered[max(0, place - _BEFORE) : place]
    ends = [end.end() for end in _SENTENCE_END.finditer(before)]
    return before[ends[-1] :] if ends else before


def _value_follows(trace: ScannedTrace, place: int) -> bool:
    if _held_follows(trace, place):
        return True
    if _PROPERTY.match(trace.text, place):
        return False
    return bool(_RESULT.match(trace.text, place) or _NAME.match(trace.text, place))


def _held_follows(trace: ScannedTrace, place: int) -> bool:
    pattern = trace.held_pattern
    if pattern is None:
        return False
    lead = re.compile(_LEAD).match(trace.text, place)
    answer = pattern.search(trace.text, place, place + 60)
    return answer is not None and lead is not None and answer.start() <= lead.end()


def _unlicensed(leaks: list[Leak], licences: tuple[Licence, ...], question: str) -> list[Leak]:
    """Drop the leaks whose words the question contains or accounts for."""
    asked = " ".join(question.split())
    asked_words = frozenset(_WORD.findall(asked))
    covers = [licence.covers for licence in licences if licence.says.search(question)]
    kept: list[Leak] = []
    for leak in leaks:
        words = " ".join(plain_lower(leak["evidence"]).split())
        informative = frozenset(_WORD.findall(words)) - _UNINFORMATIVE
        asked_for = bool(informative) and all(word in asked_words or f"{word}s" in asked_words for word in informative)
        licensed = leak["kind"] == "reference" and (asked_for or any(cover.search(words) for cover in covers))
        if words not in asked and not licensed:
            kept.append(leak)
    return kept


_LONG_WORD = re.compile(r"[^\W\d_]{5,}")
_COMMAND = re.compile(r"\\[a-z]+")
_SENTENCE = re.compile(r"[^.!?\n]+")
_TOGETHER = 2  # words of the context in one sentence: a single one can be there by chance
# Words common in worked solutions or in any text, without a plural's s.
_COMMON = frozenset(
    _LONG_WORD.findall(
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
        words = [word for word in _LONG_WORD.finditer(sentence.group()) if word.group().rstrip("s") in strange]
        if len({word.group().rstrip("s") for word in words}) >= _TOGETHER:
            start = sentence.start()
            return [leak_at(trace.text, start + words[0].start(), start + words[-1].end(), "reference", "strayed")]
    return []


def _stems(text: str) -> frozenset[str]:
    words = _LONG_WORD.findall(_COMMAND.sub(" ", plain_lower(text)))
    return frozenset(word.rstrip("s") for word in words) - _COMMON
