"""What texts share with contexts, found by hashes, is what comparing all pairs of them finds."""

from __future__ import annotations

from itertools import product

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from infogap.publish.context_index import ContextIndex, words_of
from infogap.text.characters import half_width, has_variants

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
    index = ContextIndex.of([texts(contexts, " ")], pl.Series([], dtype=pl.String), least)
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
    index = ContextIndex.of([pl.Series([context])], pl.Series([question]), 20)
    assert list(index.shared(pl.Series([question, " ".join(numbered[30:55]), "short", ""]))) == [(1, 0)]


def test_words_are_those_of_the_text_without_case_and_symbols() -> None:
    one, ends = words_of(pl.Series(["It's $x_1^2$, naïve “quoted” Ärger.", ""]))
    other, _ = words_of(pl.Series(["it s x 1 2 naïve quoted ärger"]))
    assert one.tolist() == other.tolist() and ends.tolist() == [0, 8, 8]


CHARACTERS = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("aB ßẞΣσς一٣Ａｱé.$")), max_size=40)


@given(text=CHARACTERS)
def test_words_of_any_script_are_runs_of_letters_and_numbers(text: str) -> None:
    """Their number is that of a regular expression, and neither case nor what is between them changes a hash."""
    one_form = half_width(text) if has_variants(text) else text
    alone = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    alone += "\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
    spaced = pl.Series([one_form]).str.replace_all(rf"([{alone}])", " $1 ").str.replace_all(r"[^\p{L}\p{N}]+", " ")[0]
    expected = spaced.split()
    words, ends = words_of(pl.Series([text], dtype=pl.String))
    assert len(words) == ends[-1] == len(expected)
    lower, _ = words_of(pl.Series([" – ".join(expected).lower().replace("i̇", "İ")], dtype=pl.String))
    assert words.tolist() == lower.tolist()


def test_texts_before_and_after_do_not_change_the_words() -> None:
    """Hashes of a slice of a column, whose buffer holds the other texts too."""
    texts = pl.Series(["one two", "Drei, vier", "", "五六 seven", "eight"])
    words, ends = words_of(texts)
    for first in range(len(texts)):
        own, own_ends = words_of(texts[first : first + 2])
        assert own.tolist() == words[ends[first] : ends[min(first + 2, len(texts))]].tolist()
        assert own_ends.tolist() == (ends[first : first + 3] - ends[first]).tolist()
