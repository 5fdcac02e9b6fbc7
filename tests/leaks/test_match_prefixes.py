"""What all matches of an expression begin with."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.leaks.leak_scan import load_leaks
from infogap.leaks.match_prefixes import LINE_START, Prefixes, prefixes

_RULES = load_leaks().rules.rules
_PREFIXES = {rule.name: prefixes(rule.expression) for rule in _RULES}


def _begins(text: str, start: int, prefix: str) -> bool:
    """Whether a text has a prefix from `start` on, white space counted as `Prefixes` says."""
    if prefix.startswith(LINE_START):
        return (not start or text[start - 1] == "\n") and _begins(text, start, prefix[1:])
    pattern = "".join(
        r"\n\s*" if letter == "\n" else r"\s+" if letter == " " else re.escape(letter) for letter in prefix
    )
    return re.compile(pattern).match(text, start) is not None


@pytest.mark.parametrize(
    ("expression", "texts", "at_word"),
    [
        (r"\bthe (?:answer|result)s?\b", ("the answer", "the result"), True),
        (r"\bthe\s{1,3}(?:final\s{1,3})?answer", ("the answer", "the final an"), True),
        (r"(?:^|[\n(])x", ("\nx", "(x", f"{LINE_START}x"), False),
        (r"(?<!\w)(?<!of )the", ("the",), True),
        (r"a{2,3}b", ("aaab", "aab"), False),
        (r"\w+ing", ("",), False),
        (r"[^a]b", ("",), False),
        (r"(?i:the)", ("",), False),
        (r"ab?\d", ("a",), False),
        (r"answer\s*\s+is", ("answer is",), False),
    ],
)
def test_prefixes_of_an_expression(expression: str, texts: tuple[str, ...], at_word: bool) -> None:
    assert prefixes(expression) == Prefixes(tuple(sorted(texts)), at_word)


def test_the_rules_have_prefixes_that_say_something() -> None:
    assert [name for name, found in _PREFIXES.items() if {"", " ", LINE_START} & set(found.texts)] == []


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_every_match_of_a_rule_begins_with_one_of_its_prefixes(data: st.DataObject) -> None:
    rule = data.draw(st.sampled_from(_RULES))
    found = _PREFIXES[rule.name]
    text = data.draw(st.from_regex(rule.pattern))
    for match in rule.pattern.finditer(text):
        assert any(_begins(text, match.start(), prefix) for prefix in found.texts)
        if found.at_word and match.group()[0].isalnum():
            assert not match.start() or not text[match.start() - 1].isalnum()
