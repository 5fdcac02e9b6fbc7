"""The arrays find what the definition says, whatever the texts."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decontaminate.definition import grams, shared, without
from dedupe.plain_search import words
from infogap.decontaminate.checked_texts import Words, phrases, spans
from infogap.decontaminate.evaluation_sets import Evaluation, ReadSet
from infogap.decontaminate.ngram_matches import Hits, compare, passages
from infogap.recipe.decontaminate_section import Decontaminate, EvaluationSet

AGAINST = [EvaluationSet.model_validate({"from": "x.jsonl"})]
TEXTS = st.lists(
    st.text(alphabet=st.sampled_from("ab \n") | st.sampled_from("İß解é　x2"), max_size=40), min_size=1, max_size=6
)
PHRASES = st.lists(st.text(alphabet="ab ", max_size=6), max_size=2)


def evaluation(questions: list[str], n: int, ignored: list[str]) -> Evaluation:
    rule = Decontaminate(against=AGAINST, ngram=n, ignore=ignored)
    rows = list(enumerate(questions, 1))
    return Evaluation.of([ReadSet("x", len(rows), rows)], rule)


def found(ours: list[str], theirs: list[str], n: int, ignored: list[str], least: float = 0.0) -> pl.DataFrame:
    against = evaluation(theirs, n, ignored)
    texts = pl.Series(ours, dtype=pl.String)
    hits = Hits.of(texts, against, n, phrases(ignored))
    counted = pl.DataFrame({"gram": range(len(against.hashes)), "questions": against.questions})
    grams_of_questions = counted.with_columns(tasks=pl.lit(1), common=pl.lit(value=False))
    tables = []
    for batch in hits.batches(against):
        pairs = compare(batch, against, grams_of_questions, least)
        matched = passages(pairs, batch, against, hits.words, texts)
        tables.append(pairs.with_columns(matched=pl.Series(matched, dtype=pl.String)))
    return pl.concat(tables) if tables else pl.DataFrame()


@settings(deadline=None)  # the first call compiles
@given(ours=TEXTS, theirs=TEXTS, n=st.integers(1, 4), ignored=PHRASES)
def test_overlap_and_coverage_are_as_defined(ours: list[str], theirs: list[str], n: int, ignored: list[str]) -> None:
    expected = {
        (text, item): (both.ngrams, pytest.approx(both.share))
        for text, own in enumerate(ours)
        for item, question in enumerate(theirs)
        if (both := shared(own, question, n, ignored))
    }
    rows = found(ours, theirs, n, ignored).iter_rows(named=True)
    assert {(row["text"], row["item"]): (row["ngrams"], row["share"]) for row in rows} == expected


@settings(deadline=None)  # the first call compiles
@given(ours=TEXTS, theirs=TEXTS, n=st.integers(1, 4), least=st.floats(0.1, 1))
def test_the_rule_coverage_leaves_out_what_covers_less(
    ours: list[str], theirs: list[str], n: int, least: float
) -> None:
    every = found(ours, theirs, n, [])
    if every.height:
        assert found(ours, theirs, n, [], least).rows() == every.filter(pl.col("share") >= least).rows()


@settings(deadline=None)  # the first call compiles
@given(ours=TEXTS, theirs=TEXTS, n=st.integers(1, 4), ignored=PHRASES)
def test_the_passage_stands_in_the_text_and_is_shared(
    ours: list[str], theirs: list[str], n: int, ignored: list[str]
) -> None:
    for row in found(ours, theirs, n, ignored).iter_rows(named=True):
        assert row["matched"] in ours[row["text"]]
        own, question = without(words(ours[row["text"]]), ignored), without(words(theirs[row["item"]]), ignored)
        both = set(grams(own, n)) & set(grams(question, n))
        runs, run = [0], 0  # the longest run of the text's words that lie in shared n-grams, worked out word by word
        covered = {
            place
            for start, gram in enumerate(grams(own, n))
            if gram in both
            for place in range(start, start + len(gram))
        }
        for place in range(len(own)):
            run = run + 1 if place in covered else 0
            runs.append(run)
        if not ignored:
            assert len(words(row["matched"])) == max(runs)


@settings(deadline=None)  # the first call compiles
@given(text=st.text(max_size=60))
def test_words_stand_where_they_are_said_to(text: str) -> None:
    cut = [text[start:stop].lower() for start, stop in spans(text)]
    assert cut == [word for part in text.split() for word in words(part)]
    hashed = Words.read(pl.Series([text]), [])
    assert len(hashed.hashes) == len(cut)
    assert Words.read(pl.Series(cut, dtype=pl.String), []).hashes.tolist() == hashed.hashes.tolist()


def test_case_and_white_space_make_no_difference() -> None:
    (row,) = found(
        ["Well:  WHAT\nis the\tlargest prime below one hundred?"], ["what is the largest prime"], 5, []
    ).rows(named=True)
    assert (row["ngrams"], row["share"], row["matched"]) == (1, 1.0, "WHAT\nis the\tlargest prime")


def test_a_question_shorter_than_n_matches_only_as_a_whole() -> None:
    table = found(["What is 2 + 2?", "So, what is 2 + 2?", "what is  2 + 2? "], ["What is 2 + 2?"], 8, [])
    assert table.select("text", "share").rows() == [(0, 1.0), (2, 1.0)]


def test_chinese_is_compared_character_by_character() -> None:
    ours = "求 x 的最大值：已知函数单调递增。"
    assert found([ours], ["已知函数单调递增，求其值"], 8, [])["matched"].to_list() == ["已知函数单调递增"]
    assert found([ours], ["已知函数单调递减，求其值"], 8, []).is_empty()


def test_an_ignored_phrase_is_no_match_and_hides_none() -> None:
    instruction = "Please reason step by step, and put your final answer within \\boxed{}."
    ours, theirs = f"How many primes are there below ten?\n{instruction}", f"Name an even number. {instruction}"
    assert found([ours], [theirs], 8, []).height == 1
    assert found([ours], [theirs], 8, [instruction]).is_empty()
    # Both are shorter than 8 words without it, and the same.
    (row,) = found([ours], ["how many primes are there below ten?"], 8, [instruction]).rows(named=True)
    assert (row["share"], row["matched"]) == (1.0, "How many primes are there below ten?")
    # A phrase inside of a passage is shown with it.
    (row,) = found(["one two, please, three four"], ["one two, three four"], 4, ["please,"]).rows(named=True)
    assert (row["share"], row["matched"]) == (1.0, "one two, please, three four")


def test_a_phrase_in_every_question_is_worked_on_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infogap.decontaminate.ngram_matches._AT_ONCE", 50)
    ours, theirs = ["a b c d"] * 30 + ["b c d e"] * 30, ["a b c d e"] * 10
    table = found(ours, theirs, 3, [])
    assert table.height == 600
    assert table.select("text", "item").rows() == [(text, item) for text in range(60) for item in range(10)]
