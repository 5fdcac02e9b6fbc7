"""Remove expressed doubt from a trace and keep its content: whole sentences, clauses, or the words alone.

A sentence that does nothing but doubt ("Wait, let me check that.") goes. Of a sentence that also says something, the
clause of doubt goes, or else the words themselves: "Maybe x = 5" is "x = 5", "it might work" is "it will work".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np

from infogap.derive.changed_trace import NothingToChangeError, TraceText, chosen
from infogap.measure.lexicon import Lexicon
from infogap.measure.phrase_patterns import Span
from infogap.text.reasoning_steps import Pieces, sentences
from infogap.text.text_batch import measured_text

_SAYS_SOMETHING = re.compile(r"[0-9$\\=]|\b(?:answer|option|choice)\b|[答选]", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+|[\u3400-\u9fff]")
_FEW_WORDS = 4  # beside its marker: a clause with no more, and no number or formula, only doubts
_CLAUSES = re.compile(r"(?:[,;:，；：]\s*|\s+[—–-]+\s+|[—–]|\.\.\.\s*|…\s*)")
# A sentence stays one if its verb of doubt becomes a verb of fact.
_STATED_AS_FACT = {
    "might": "will",
    "seems": "is",
    "seem": "are",
    "seemed": "was",
    "appears to be": "is",
    "appear to be": "are",
    "appears to have": "has",
    "could be": "is",
    "could have been": "was",
    "may be": "is",
    "may have been": "was",
    "may not be": "is not",
    "not necessarily": "not",
    "unlikely": "not",
}
# A clause that only introduces what follows goes with its marker: "it seems that", "I think that".
_BEFORE = re.compile(r"(?:\b(?:it|and|but|so|well|oh|ah|okay|ok|no)\b[,\s]*)+$", re.IGNORECASE)
_IT = re.compile(r"\bit\s*$", re.IGNORECASE)
_AFTER_VERB = re.compile(r"\s+(?:be\s+that|to\s+me\s+that|like|that)\b", re.IGNORECASE)
_TAKES_THAT = ("i ", "i'", "my ", "there", "it ", "chances")
_AFTER = re.compile(r"^\s*(?:[,;:，：—–…]|\.\.\.)*\s*")
_CLOSING = re.compile(r"[.!?。！？…]+[\"')\]”」』）]*\s*$")
_PREDICATE = re.compile(r"(?:is|are|was|were|will|has|have|had|can|must|would|should|does|equals?)\b|=")
_AND = re.compile(r"[,\s]+(?:and|but|or|so)\s*$", re.IGNORECASE)
_MOST_ROUNDS = 50

Find = Callable[[list[str]], list[list[Span]]]
"""Finds the markers of each of some texts."""


def strip_markers(
    trace: TraceText, random: np.random.Generator, share: float, lexicon: Lexicon, categories: Collection[str]
) -> TraceText:
    """Remove the markers of some categories from a share of the sentences that have any, at least one.

    At share 1 the trace has no marker of these categories left, by this lexicon.
    """

    def find(texts: list[str]) -> list[list[Span]]:
        found = lexicon.spans_of(texts, [trace.question] * len(texts))
        return [[span for span in spans if lexicon.markers[span[2]] in categories] for spans in found]

    reasoning, response = sentences(trace.reasoning), sentences(trace.response)
    bodies = [*reasoning.bodies, *response.bodies]
    doubtful = [place for place, spans in enumerate(find(bodies)) if spans]
    if not doubtful and not find([measured_text(trace.reasoning, trace.response)])[0]:
        raise NothingToChangeError("it has no such marker")
    picked = [doubtful[number] for number in chosen(random, len(doubtful), share)]
    rewritten = dict(zip(picked, without_doubt([bodies[place] for place in picked], find), strict=True))
    border = len(reasoning.bodies)
    changed = replace(
        trace,
        reasoning=_rewritten(reasoning, {place: body for place, body in rewritten.items() if place < border}),
        response=_rewritten(response, {place - border: body for place, body in rewritten.items() if place >= border}),
    )
    return _without_rest(changed, find) if share == 1 else changed


def _rewritten(pieces: Pieces, bodies: dict[int, str]) -> str:
    gone = {place for place, body in bodies.items() if not body.strip()}
    return pieces.replaced(bodies).without(gone).text()


def without_doubt(texts: list[str], find: Find) -> list[str]:
    """Remove the markers of each sentence; one that says nothing else becomes empty."""
    texts = list(texts)
    left = list(range(len(texts)))
    for _ in range(_MOST_ROUNDS):
        found = find([texts[place] for place in left])
        left_now = []
        for place, spans in zip(left, found, strict=True):
            if not spans:
                continue
            sentence = texts[place]
            if _only_doubts(sentence, spans):
                texts[place] = ""
            else:
                texts[place] = _capitalized(_without_first(sentence, spans), sentence)
                left_now.append(place)
        left = left_now
        if not left:
            break
    return texts


def _only_doubts(text: str, spans: list[Span]) -> bool:
    """Whether a text has few words and no number, formula or answer beside its markers."""
    rest, end = [], 0
    for start, stop, _ in spans:
        rest.append(text[end:start])
        end = max(end, stop)
    left = " ".join([*rest, text[end:]])
    return not _SAYS_SOMETHING.search(left) and len(_WORD.findall(left)) <= _FEW_WORDS


def _without_first(sentence: str, spans: list[Span]) -> str:
    """Remove the clause of the first marker, or its words, or state it as a fact."""
    start, stop, marker = spans[0]
    bounds = [0, *(place for match in _CLAUSES.finditer(sentence) for place in match.span()), len(sentence)]
    begin = max(bound for bound in bounds if bound <= start)
    end = min(bound for bound in bounds if bound >= stop)
    inside = [(one - begin, other - begin, name) for one, other, name in spans if begin <= one and other <= end]
    if (begin, end) != (0, len(sentence)) and inside and _only_doubts(sentence[begin:end], inside):
        after = _CLAUSES.match(sentence, end)
        closing = _CLOSING.search(sentence[begin:end]) if end == len(sentence) else None
        rest = closing[0] if closing else sentence[after.end() if after else end :]
        before = _AND.sub("", sentence[:begin])
        if _PREDICATE.match(rest):  # what was between the commas stood between a subject and its verb
            before = before.rstrip(" ,")
        return _joined(before, rest)
    fact = _STATED_AS_FACT.get(marker)
    before, after_text = sentence[:start], sentence[stop:]
    introduces = _IT.search(before) and _AFTER_VERB.match(after_text)
    if fact is not None and not introduces:
        if marker.startswith("seem") and (to := re.match(r"\s+to\s+(be\b)?", after_text)):
            fact, after_text = (
                (fact, " " + after_text[to.end() :].lstrip()) if to[1] else ("will", " " + after_text[to.end() :])
            )
        return f"{before}{fact}{after_text}"
    opening = _BEFORE.search(before)
    if opening and (introduces or not before[: opening.start()].strip()):
        before = before[: opening.start()]
    if introduces:
        after_text = after_text[introduces.end() :]
    elif marker.startswith(_TAKES_THAT):
        after_text = re.sub(r"^\s+that\b", "", after_text)
    return _joined(before, _AFTER.sub("", after_text, count=1))


def _joined(before: str, after: str) -> str:
    """Join what is left on both sides with one space, and no comma before a full stop."""
    if not after or after[0] in ".!?。！？)":
        before = re.sub(r"[\s,;:，；：—–-]+$", "", before)
        return before + after if before.strip() else re.sub(r"^[\s.!?。！？]+", "", after)
    return (
        before + after.lstrip()
        if not before or before[-1].isspace() or before[-1] in "(“\"'"
        else f"{before} {after.lstrip()}"
    )


def _capitalized(changed: str, was: str) -> str:
    """Begin with a capital letter where the sentence did; a single letter is a name, as in "x = 5"."""
    first = was.lstrip()[:1]
    place = len(changed) - len(changed.lstrip())
    opening = changed[place : place + 2]
    if first.isupper() and opening[:1].islower() and (len(opening) == 1 or opening[1:].isalpha() or opening == "a "):
        return changed[:place] + opening[0].upper() + changed[place + 1 :]
    return changed


def _without_rest(trace: TraceText, find: Find) -> TraceText:
    """Cut markers that are found in the whole text alone: over two sentences, or where one went."""
    for _ in range(_MOST_ROUNDS):
        (spans,) = find([measured_text(trace.reasoning, trace.response)])
        if not spans:
            return trace
        start, stop, _ = spans[0]
        border = len(trace.reasoning)
        if start < border:
            trace = replace(trace, reasoning=_joined(trace.reasoning[:start], trace.reasoning[min(stop, border) :]))
        else:
            first = max(0, start - border - 1) if trace.reasoning else start
            last = stop - border - 1 if trace.reasoning else stop
            trace = replace(trace, response=_joined(trace.response[:first], trace.response[last:]))
    raise NothingToChangeError("its markers cannot all be removed")
