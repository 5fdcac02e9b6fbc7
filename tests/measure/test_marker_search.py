"""All markers in all texts at once, against a reference that tries every marker at every place."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.measure.lexicon import Lexicon, load
from infogap.measure.marker_search import MarkerSearch
from infogap.measure.phrase_patterns import Span
from infogap.text.markup import masked
from infogap.text.text_batch import lower_in_place

OWN, KIM = load("infogap", Path), load("kim2026", Path)
SEARCH = MarkerSearch([OWN, KIM])
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = rf"[^\W{_CJK}]"


@cache
def _expression(phrase: str) -> re.Pattern[str]:
    body = phrase.removeprefix("^")
    gap = r"(?=\s)[^\S\n]{0,4}\n?[^\S\n]{0,4}"
    inside = re.escape(body).replace(r"\ ", f"(?:{gap})").replace(r"\-", f"(?:[-‐‑]|{gap})?")
    inside = re.sub("['’]", "['’]", inside).replace(r"\*", rf"{_WORD}{{1,20}}")
    before = rf"(?<!{_WORD})(?<!{_WORD}[-'’])" if re.match(rf"{_WORD}|\*", body) else ""
    after = rf"(?!{_WORD}|[-'’]{_WORD})" if re.search(rf"(?:{_WORD}|\*)$", body) else ""
    return re.compile(f"(?=({before}{inside}{after}))")


def _begins_clause(lowered: str, start: int) -> bool:
    before = lowered[:start].rstrip(" ")
    return start - len(before) < 5 and (before == "" or before[-1] in '\n.!?,;:…—–-*>()[]"“”。！？，；：（）「」')


def _occurrences(phrases: list[str], lowered: str) -> list[Span]:
    spans = [
        (match.start(), match.end(1), phrase)
        for phrase in phrases
        for match in _expression(phrase).finditer(lowered)
        if not phrase.startswith("^") or _begins_clause(lowered, match.start())
    ]
    return sorted(spans, key=lambda span: (span[0], -len(span[2]), span[2]))


def _reference(lexicon: Lexicon, text: str) -> list[Span]:
    lowered = lower_in_place(text)
    hidden = {place for mask in masked(lowered) for place in range(*mask)}
    excluded = _occurrences(list(lexicon.exclusions), lowered)
    counting: list[Span] = []
    last = free = -1
    for start, end, phrase in _occurrences(lexicon.phrases, lowered):
        if start == last:
            continue
        last = start
        elsewhere = not hidden.isdisjoint(range(start, end)) or any(
            left <= start and end <= right for left, right, whole in excluded if phrase.removeprefix("^") in whole
        )
        if start >= free and not elsewhere:
            counting.append((start, end, phrase.removeprefix("^")))
            free = end
    return counting


def _parts(lexicon: Lexicon) -> st.SearchStrategy[str]:
    whole = [phrase.removeprefix("^").replace("*", "so") for phrase in (*lexicon.phrases, *lexicon.exclusions)]
    halves = [word for phrase in whole for word in phrase.split()]
    joints = [
        " ",
        " ",
        " ",
        "  ",
        "\n",
        "\n\n",
        ". ",
        ", ",
        "-",
        "'",
        "’",
        "$",
        "`",
        "\\(",
        "\\)",
        "x",
        "é",
        "的",
        "İ",
        "K",
        "",
        "\n  ",
    ]
    return st.one_of(
        st.sampled_from(whole), st.sampled_from(whole).map(str.upper), st.sampled_from(halves), st.sampled_from(joints)
    )


_texts = st.lists(st.one_of(_parts(OWN), st.sampled_from([" ", " ", " "])), max_size=12).map("".join)


@settings(deadline=None)  # the first texts compile what they need
@given(_texts)
def test_what_is_found_is_what_trying_everything_finds(text: str) -> None:
    own, kim = SEARCH.spans([text])[0]
    assert own == _reference(OWN, text) == OWN.spans(text)
    assert kim == KIM.spans(text)
    for marker in KIM.markers:
        assert sum(name == marker for _, _, name in kim) == text.lower().count(marker)


_letters = st.text("ab -'*^k", min_size=1, max_size=5).map(lambda text: " ".join(text.split()))
_few = st.lists(
    _letters.filter(
        lambda text: re.match(r"\^?[abk]", text) and "^" not in text[1:] and not re.search(r"[^ ]\*|\*[^ ]", text)
    ),
    min_size=1,
    max_size=5,
)


def _lexicon(markers: list[str], exclusions: list[str], matching: str = "word") -> Lexicon:
    names = {marker.removeprefix("^"): "doubt" for marker in markers}
    initial = frozenset(marker[1:] for marker in markers if marker.startswith("^"))
    word = matching == "word"
    return Lexicon("word" if word else "substring", names, initial, tuple(exclusions), "few", "")


@settings(deadline=None)
@given(
    _few,
    st.lists(_letters.filter(lambda text: re.fullmatch(r"[abk][abk '-]*", text)), max_size=2),
    st.text("ab -'k.\n", max_size=25),
)
def test_whatever_the_markers(markers: list[str], exclusions: list[str], text: str) -> None:
    lexicon = _lexicon(markers, exclusions)
    assert lexicon.spans(text) == _reference(lexicon, text)


@given(
    st.lists(st.text("abık ", min_size=1, max_size=3), min_size=1, max_size=5, unique=True),
    st.text("aAbBkKKı ", max_size=25),
)
def test_substrings_are_counted_as_str_count_does(markers: list[str], text: str) -> None:
    lexicon = _lexicon(markers, [], "substring")
    spans = [marker for _, _, marker in lexicon.spans(text)]
    assert {marker: spans.count(marker) for marker in markers} == {
        marker: text.lower().count(marker) for marker in markers
    }


@settings(deadline=None)
@given(st.lists(_texts, max_size=8))
def test_texts_do_not_disturb_each_other(texts: list[str]) -> None:
    assert SEARCH.spans(texts) == [SEARCH.spans([text])[0] for text in texts]


def test_more_anchors_than_one_automaton_takes() -> None:
    markers = [f"word{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(260)]
    lexicon = _lexicon(markers, [])
    text = " ".join(markers)
    assert [marker for _, _, marker in lexicon.spans(text)] == markers


def test_markers_without_end() -> None:
    assert len(OWN.spans("wait " * 2000)) == 2000


@given(
    st.lists(st.text("ab", min_size=1, max_size=11), min_size=1, max_size=5, unique=True),
    st.lists(st.text("abA \n的", max_size=40), max_size=4),
)
def test_few_markers_that_overlap(markers: list[str], texts: list[str]) -> None:
    lexicon = _lexicon(markers, [], "substring")
    many = _lexicon([*markers, *(f"c{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")], [], "substring")
    spans = MarkerSearch([lexicon, many]).spans(texts)
    assert MarkerSearch([lexicon]).spans(texts) == [[few] for few, _ in spans]
    for text, (few, _) in zip(texts, spans, strict=True):
        assert Counter(marker for _, _, marker in few) == {
            marker: text.lower().count(marker) for marker in markers if marker in text.lower()
        }
