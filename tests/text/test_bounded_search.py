"""The search for a recipe's regular expression ends, and says what `re` would say wherever that ends too."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.errors import InputError
from infogap.text import bounded_search
from infogap.text.bounded_search import BoundedSearch, SearchLimitError


@pytest.fixture(scope="module")
def tagged() -> Iterator[BoundedSearch]:
    search = BoundedSearch(r"(?s)<q>(.*?)</q>|<none>")
    yield search
    search.close()


@given(st.lists(st.sampled_from(["<q>", "</q>", "<none>", "a", "\n"]), max_size=8).map("".join))
def test_it_finds_what_re_finds(tagged: BoundedSearch, text: str) -> None:
    match = re.search(tagged.pattern, text)
    assert tagged.group(text) == (None if match is None else match[1] or "")


def test_a_text_that_failed_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_search, "TIME_LIMIT", 0.1)
    monkeypatch.setattr(bounded_search, "MOST_FAILURES", 2)
    search = BoundedSearch("((?:a+)+)!!")
    for _ in range(5):
        with pytest.raises(SearchLimitError):
            search.group("a" * 40)
    assert search.group("aa!!") == "aa"
    with pytest.raises(InputError, match=r"takes too long .* on 2 questions"):
        search.group("a" * 41)
    search.close()
