"""Word n-grams of texts in several scripts, and their Jaccard similarity."""

from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.dedupe.shingles import jaccard, normalised, shingles, words

VOCABULARY = ["so", "we", "add", "two", "and", "then", "x+1", "=", "3", "等", "于"]
texts = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=40).map(" ".join)


def grams(text: str, n: int) -> set[tuple[str, ...]]:
    found = words(text)
    n = min(n, len(found))
    return {tuple(found[start : start + n]) for start in range(len(found) - n + 1)}


def test_case_and_white_space_make_no_difference() -> None:
    assert normalised("  Wait,\n\n SO  x\t= Straße ") == "wait, so x = strasse"


def test_words_are_parted_by_space_and_chinese_by_character() -> None:
    assert words("x+1 = 3, 因此答案是 12。") == ["x+1", "=", "3,", "因", "此", "答", "案", "是", "12", "。"]


def test_an_operator_tells_two_texts_apart() -> None:
    one, other = (shingles(f"then we take x {sign} y of it", 3) for sign in "+-")
    assert jaccard(one, other) == pytest.approx(3 / 9)


@given(texts, texts, st.integers(1, 6))
def test_the_similarity_is_that_of_the_sets_of_n_grams(one: str, other: str, n: int) -> None:
    ours, theirs = grams(one, n), grams(other, n)
    assert jaccard(shingles(one, n), shingles(other, n)) == len(ours & theirs) / len(ours | theirs)


def test_a_text_shorter_than_n_words_is_one_shingle() -> None:
    assert len(shingles("only three words", 5)) == 1
    assert jaccard(shingles("only three words", 5), shingles("only three worms", 5)) == 0


def test_a_shingle_is_a_polynomial_in_the_hashes_of_its_words() -> None:
    """The same in every process, unlike `hash`: which pairs become candidates depends on it."""
    value = 0
    for word in ("the", "answer", "is", "12"):
        of_word = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
        value = (value * 0x9E3779B97F4A7C15 + of_word) % 2**64
    assert shingles("the answer is 12", 4).tolist() == [value]
    assert shingles("the answer is 12", 4).dtype == np.uint64
