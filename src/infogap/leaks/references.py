"""References and artefacts: places where a trace speaks of what only its teacher saw, or in its template's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from infogap.leaks.leak_input import Leak, Seen
from infogap.leaks.leak_rules import Licence, Rule, Rules
from infogap.leaks.prefilter import Parts, Surroundings, holding
from infogap.text.trace_text import lower_in_place

EARLY = 600  # characters in which a trace has no work of its own yet that it could speak of
_BEFORE = 80  # characters before a match in which its `unless` is looked for
_SENTENCE_END = re.compile(r"[.!?。！？\n](?=\s|$)")
# A value follows, and not a property: "is 72", "is $x = 4$", "is (B)", "is O(n)", "as \frac12"; not "is an integer".
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
# Words of an evidence that a question can say as well without accounting for it.
_UNTELLING = frozenset(
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
    """Finds what some rules find."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._surroundings = Surroundings(rules.rules)

    def find(self, traces: Sequence[Seen]) -> list[list[Leak]]:
        """What the rules find in each trace's text, without what its question says itself."""
        lowered = [plain_lower(seen.text) for seen in traces]
        return [
            self._in_one(seen, text, parts)
            for seen, text, parts in zip(traces, lowered, self._surroundings.of(lowered), strict=True)
        ]

    def _in_one(self, seen: Seen, lowered: str, parts_of: dict[int, Parts]) -> list[Leak]:
        found: list[Leak] = []
        for index in sorted(parts_of):
            rule, parts = self._rules.rules[index], parts_of[index]
            if not _applies(rule, seen) or (seen.told_nothing and rule.kind == "reference"):
                continue
            if rule.value == "held":
                parts = holding(parts, seen.held_places)
            if rule.early:
                parts = [part for part in parts if part[0] < EARLY]
            for match in matches(rule, lowered, parts):
                if _holds(rule, match, lowered, seen):
                    found.append(leak_at(seen.text, match.start(), match.end(), rule.kind, rule.name))
        found += _labels(seen)
        return _unlicensed(found, self._rules.licences, plain_lower(seen.question)) if found else []


def matches(rule: Rule, lowered: str, parts: Parts) -> Iterator[re.Match[str]]:
    """The matches of a rule in those parts of a text, from left to right and not overlapping."""
    free = 0
    for start, end in parts:
        if not rule.begins:
            yield from rule.pattern.finditer(lowered, start, end)
        elif start >= free and (match := rule.pattern.match(lowered, start)):
            free = match.end()
            yield match


def _labels(seen: Seen) -> list[Leak]:
    """The context's own label as the trace's first line. Further on, "The final answer:" is any trace's heading."""
    label, colon, _ = (seen.context or "").partition(":")
    start = len(seen.text) - len(seen.text.lstrip("#* \n"))
    if not colon or not 1 < len(label.split()) < 16 or not seen.text.startswith(f"{label}:", start):
        return []
    return [leak_at(seen.text, start, start + len(label) + 1, "chat_artefact", "label")]


def leak_at(text: str, start: int, end: int, kind: str, rule: str) -> Leak:
    return Leak(kind=kind, rule=rule, start=start, end=end, evidence=text[start:end])


def plain_lower(text: str) -> str:
    """Lower case with straight apostrophes; every character keeps its place."""
    return lower_in_place(text).replace("’", "'")


def _applies(rule: Rule, seen: Seen) -> bool:
    match rule.when:
        case None:
            return True
        case "context":
            return seen.context is not None
        case "worked":
            return seen.shows_work
        case "attempts":
            return seen.shows_attempts
        case "blanks":
            return seen.shows_blanks
        case "held":
            return seen.held_answer is not None


def _holds(rule: Rule, match: re.Match[str], lowered: str, seen: Seen) -> bool:
    if rule.early and match.start() >= EARLY:
        return False
    if rule.unless and rule.unless.search(_sentence_before(lowered, match.start())):
        return False
    if rule.value == "result":
        return _value_follows(seen, match.end())
    return rule.value is None or (_held_follows(seen, match.end()) and not _asked(seen))


def _sentence_before(lowered: str, place: int) -> str:
    before = lowered[max(0, place - _BEFORE) : place]
    ends = [end.end() for end in _SENTENCE_END.finditer(before)]
    return before[ends[-1] :] if ends else before


def _value_follows(seen: Seen, place: int) -> bool:
    if _held_follows(seen, place):
        return True
    if _PROPERTY.match(seen.text, place):
        return False
    return bool(_RESULT.match(seen.text, place) or _NAME.match(seen.text, place))


def _held_follows(seen: Seen, place: int) -> bool:
    pattern = seen.held_pattern
    if pattern is None:
        return False
    lead = re.compile(_LEAD).match(seen.text, place)
    found = pattern.search(seen.text, place, place + 60)
    return found is not None and lead is not None and found.start() <= lead.end()


def _asked(seen: Seen) -> bool:
    """Whether the held answer stands in the question too: any trace may know it then."""
    return seen.held_in_question


def _unlicensed(found: list[Leak], licences: tuple[Licence, ...], question: str) -> list[Leak]:
    """The leaks whose words the question neither says nor accounts for."""
    asked = " ".join(question.split())
    asked_words = frozenset(_WORD.findall(asked))
    covers = [licence.covers for licence in licences if licence.says.search(question)]
    kept: list[Leak] = []
    for leak in found:
        words = " ".join(plain_lower(leak["evidence"]).split())
        telling = frozenset(_WORD.findall(words)) - _UNTELLING
        asked_for = bool(telling) and all(word in asked_words or f"{word}s" in asked_words for word in telling)
        licensed = leak["kind"] == "reference" and (asked_for or any(cover.search(words) for cover in covers))
        if words not in asked and not licensed:
            kept.append(leak)
    return kept
