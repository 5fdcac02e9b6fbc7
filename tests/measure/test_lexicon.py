from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.errors import InputError
from infogap.measure.lexicon import Lexicon, load
from infogap.measure.lexicon_files import SHIPPED

_KIM_WORDS = ("wait", "hmm", "perhaps", "maybe", "actually", "alternatively", "seems", "might", "likely", "check")


@cache
def _shipped(name: str) -> Lexicon:
    return load(name, Path)


def _counts(lexicon: Lexicon, text: str) -> dict[str, int]:
    return dict(Counter(marker for _, _, marker in lexicon.spans(text)))


@pytest.fixture(scope="module")
def kim() -> Lexicon:
    return _shipped("kim2026")


@pytest.fixture(scope="module")
def own() -> Lexicon:
    return _shipped("infogap")


_wordy = st.lists(st.sampled_from([*_KIM_WORDS, "Await", "un", "ed", "MIGHT", "İ", " ", "\n", "x", "Σ", "mm"])).map(
    "".join
)


@given(st.one_of(st.text(), _wordy))
def test_kim2026_counts_plain_substrings(text: str) -> None:
    kim = _shipped("kim2026")
    counts = _counts(kim, text)
    assert {word: counts.get(word, 0) for word in _KIM_WORDS} == {word: text.lower().count(word) for word in _KIM_WORDS}


@given(st.one_of(st.text(), _wordy))
def test_kim2026_spans_hold_their_markers(text: str) -> None:
    assert all(text[start:end].lower() == marker for start, end, marker in _shipped("kim2026").spans(text))


def test_kim2026_counts_parts_of_words(kim: Lexicon) -> None:
    assert _counts(kim, "I checked: unlikely. They await.") == {"wait": 1, "likely": 1, "check": 1}


_OWN_WORDS = [
    marker for marker in _shipped("infogap").markers if marker.isascii() and marker[-1].isalpha() and "*" not in marker
]


@settings(deadline=None)
@given(st.sampled_from(_OWN_WORDS), st.text("abcxyz0_é", min_size=1, max_size=3), st.booleans())
def test_a_marker_inside_a_longer_word_never_counts(marker: str, joined: str, before: bool) -> None:
    text = f"so {joined}{marker} so" if before else f"so {marker}{joined} so"
    spans = _shipped("infogap").spans(text)
    whole = (3 + len(joined) if before else 3, 3 + len(marker) + (len(joined) if before else 0))
    assert all((start, end) != whole for start, end, _ in spans)
    for start, end, _ in spans:
        assert not (text[start - 1].isalnum() or text[end].isalnum())


@settings(deadline=None)
@given(st.sampled_from(_OWN_WORDS))
def test_every_marker_counts_once_in_any_case(marker: str) -> None:
    own = _shipped("infogap")
    assert _counts(own, f"So. {marker.upper()}, then.") == {marker: 1}


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("Wait, maybe not. Hmm... perhaps.", {"perhaps": 1, "maybe": 1, "hmm": 1, "wait": 1}),
        ("I’m not sure about this.", {"i'm not sure": 1}),
        ("Let me\ndouble check it.", {"let me double-check": 1}),
        ("It may be so; maybe.", {"maybe": 1, "may be": 1}),
        ("wait--no, wait—yes", {"wait": 2}),
        ("await waiting wait-list mighty", {}),
        ("We wait for the bus; equally likely; with all his might and main.", {}),
        ("Use `might` or $wait$ or \\(maybe\\):\n```\nperhaps = wait\n```\nLikely.", {"likely": 1}),
        ("It costs $5, maybe $6.", {"maybe": 1}),
        ("等一下，也许是对的。可能性为零，不可能。我不确定。", {"也许": 1, "等一下": 1, "我不确定": 1}),
        ("", {}),
    ],
)
def test_own_lexicon(own: Lexicon, text: str, counts: dict[str, int]) -> None:
    assert _counts(own, text) == counts


def test_spans_point_into_the_text(own: Lexicon) -> None:
    text = "İ $x$ Wait,\nlet me  double-check: 也许."
    assert [(text[start:end], marker) for start, end, marker in own.spans(text)] == [
        ("Wait", "wait"),
        ("let me  double-check", "let me double-check"),
        ("也许", "也许"),
    ]


def test_categories(own: Lexicon) -> None:
    categories = Counter(own.markers[marker] for _, _, marker in own.spans("Wait, perhaps. Actually, hold on."))
    assert categories == {"self_correction": 3, "hedge": 1}
    assert set(own.markers.values()) == {"hedge", "self_correction", "verification", "alternative", "ignorance"}


def test_a_lexicon_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nsource: me\nmatching: word\n"
        "markers: {doubt: [Peut-être, 'C’est à voir']}\nexclusions: [peut-être bien]\n"
    )
    mine = load("mine.yaml", lambda path: tmp_path / path)
    assert _counts(mine, "Peut-être. Peut-être bien. peut être") == {"peut-être": 2}
    assert _counts(mine, "C'est à voir") == _counts(mine, "c’est à voir") == {"c’est à voir": 1}
    assert mine.digest != _shipped("infogap").digest


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("kim2025", "did you mean 'kim2026'"),
        ("leaks", "allowed: infogap, kim2026"),
        ("absent.yaml", "there is no lexicon file"),
    ],
)
def test_unknown_lexicons(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        load(name, lambda path: tmp_path / path)


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("name: [", r"bad\.yaml:1: not valid YAML"),
        ("- wait", "expected a mapping of name, source"),
        (
            "name: x\nsource: y\nmatching: words\nmarkers: {a: [b]}",
            "bad.yaml: matching: found 'words'|bad.yaml: matching",
        ),
        (
            "name: x\nsource: y\nmatching: word\nmarkers: {a: [b]}\nexclusion: [c]",
            "unknown key.*did you mean 'exclusions'",
        ),
        ("name: x\nmatching: word\nmarkers: {a: [b]}", "missing key 'source'"),
        ("name: x\nsource: y\nmatching: word\nmarkers: {a: []}", "there are no markers"),
        ("name: x\nsource: y\nmatching: word\nmarkers: {a: [wait], b: [Wait]}", "'wait' stands twice"),
        ("name: x\nsource: y\nmatching: word\nmarkers: {a: ['!']}", "must begin with a letter or digit"),
        ("name: x\nsource: y\nmatching: word\nmarkers: {a: [' ']}", "must have text"),
        ("name: x\nsource: y\nmatching: word\nmarkers: {a: ['wait*']}", "must have spaces around it"),
        ("name: x\nsource: y\nmatching: word\nmarkers: {a: [wait, '^wait']}", "'wait' stands twice"),
        ("name: x\nsource: y\nmatching: substring\nmarkers: {a: [b]}\nexclusions: [c]", "`matching: word` only"),
    ],
)
def test_bad_lexicon_files_say_what_is_wrong(yaml: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(yaml)
    with pytest.raises(InputError, match=message):
        load("bad.yaml", lambda path: tmp_path / path)


def test_an_unreadable_file(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError, match="cannot read the lexicon"):
        load("bad.yaml", lambda path: tmp_path / path)


def test_what_ships_loads() -> None:
    for name in SHIPPED:
        assert _shipped(name).name == name
