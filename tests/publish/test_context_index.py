"""What texts share with contexts, found by hashes, is what comparing all pairs of them finds."""

from __future__ import annotations

from itertools import product

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from infogap.publish.context_index import ContextIndex, words_of

WORDS = st.sampled_from(["one", "two", "three", "four", "fünf", "六"])
TEXTS = st.lists(st.lists(WORDS, max_size=30), max_size=6)
BETWEEN = st.sampled_from([" ", "\n", ", ", " $^{", "} \\\\ ", " — "])


def texts(words: list[list[str]], between: str) -> pl.Series:
    return pl.Series([between.join(each) for each in words], dtype=pl.String)


def shares(one: list[str], other: list[str], size: int) -> bool:
    """Whether two texts have as many words in a row in common."""
    runs = {tuple(one[start : start + size]) for start in range(len(one) - size + 1)}
    return any(tuple(other[start : start + size]) in runs for start in range(len(other) - size + 1))


@given(contexts=TEXTS, looked_at=TEXTS, least=st.integers(8, 12), between=BETWEEN, upper=st.booleans())
def test_every_pair_that_shares_enough_is_found_and_no_other(
    contexts: list[list[str]], looked_at: list[list[str]], least: int, between: str, upper: bool
) -> None:
    index = ContextIndex.of(texts(contexts, " "), pl.Series([], dtype=pl.String), least)
    written = texts(looked_at, between)
    found = set(index.shared(written.str.to_uppercase() if upper else written))
    expected = {
        (text, context)
        for (text, one), (context, other) in product(enumerate(looked_at), enumerate(contexts))
        if shares(one, other, least)
    }
    assert found == expected


def test_what_questions_say_is_not_looked_for() -> None:
    numbered = [f"word{number}" for number in range(60)]
    context, question = " ".join(numbered), " ".join(numbered[:30])
    index = ContextIndex.of(pl.Series([context]), pl.Series([question]), 20)
    assert list(index.shared(pl.Series([question, " ".join(numbered[30:55]), "short", ""]))) == [(1, 0)]


def test_words_are_those_of_the_text_without_case_and_symbols() -> None:
    one, ends = words_of(pl.Series(["It's $x_1^2$, naïve “quoted” Ärger.", ""]))
    other, _ = words_of(pl.Series(["it s x 1 2 naïve quoted ärger"]))
    assert one.tolist() == other.tolist() and ends.tolist() == [0, 8, 8]
