"""Numbers from log-probabilities, against what can be computed by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.gap.gap_rows import (
    RANK_LIMIT,
    UnscoredError,
    answer_confidence,
    gaps,
    ifd,
    rank_surprisal_ratio,
    surprisal,
)
from infogap.gap.score_cache import ScoredText

Logprobs = st.lists(st.floats(-20, 0, width=32), min_size=1, max_size=30)


def scored(logprobs: list[float], tokens: list[int] | None = None, offsets: list[int] | None = None) -> ScoredText:
    return ScoredText(
        np.asarray(tokens if tokens is not None else range(len(logprobs)), dtype=np.int64),
        np.asarray(logprobs, dtype=np.float32),
        np.asarray(offsets if offsets is not None else range(len(logprobs)), dtype=np.int64),
    )


@given(Logprobs)
def test_no_gap_between_equal_contexts(logprobs: list[float]) -> None:
    assert not gaps(scored(logprobs), scored(logprobs)).any()


@given(Logprobs, st.data())
def test_a_gap_is_the_negative_of_the_other_way_round(logprobs: list[float], data: st.DataObject) -> None:
    others = data.draw(st.lists(st.floats(-20, 0, width=32), min_size=len(logprobs), max_size=len(logprobs)))
    teacher, student = scored(logprobs), scored(others)
    assert gaps(teacher, student).tolist() == (-gaps(student, teacher)).tolist()
    assert gaps(teacher, student).sum() == pytest.approx(math.fsum(logprobs) - math.fsum(others), abs=1e-9)


def test_a_gap_in_nats() -> None:
    teacher, student = scored([math.log(0.5), math.log(0.9)]), scored([math.log(0.25), math.log(0.9)])
    assert gaps(teacher, student) == pytest.approx([math.log(2), 0], abs=1e-6)


def test_other_tokens_are_no_number() -> None:
    with pytest.raises(UnscoredError, match="3 tokens with the context, 2 without"):
        gaps(scored([-1, -1, -1]), scored([-1, -1]))
    with pytest.raises(UnscoredError, match="token 1 is 8 with the context, 7 without"):
        gaps(scored([-1, -1], tokens=[5, 8]), scored([-1, -1], tokens=[5, 7]))


def test_surprisal_is_nats_per_token() -> None:
    assert surprisal(scored([-1, -2, -6])) == pytest.approx(3)


def ranked(logprobs: list[float], ranks: list[int] | None) -> ScoredText:
    return replace(scored(logprobs), ranks=None if ranks is None else np.asarray(ranks, dtype=np.int32))


def test_rank_surprisal_ratio_is_clipped_ranks_over_surprisals() -> None:
    assert rank_surprisal_ratio(ranked([-1, -2, -5], [1, 3, 5000])) == pytest.approx((1 + 3 + 100) / 8)
    with pytest.raises(UnscoredError, match="no ranks"):
        rank_surprisal_ratio(ranked([-1], None))
    with pytest.raises(UnscoredError, match="certain"):
        rank_surprisal_ratio(ranked([0, 0], [1, 1]))


@given(st.lists(st.tuples(st.floats(-20, -0.125, width=32), st.integers(1, 200_000)), min_size=1, max_size=30))
def test_rank_surprisal_ratio_is_the_tokens_ratios_weighted_by_surprisal(tokens: list[tuple[float, int]]) -> None:
    logprobs, ranks = [logprob for logprob, _ in tokens], [rank for _, rank in tokens]
    own = [min(rank, RANK_LIMIT) / -logprob for logprob, rank in tokens]
    assert rank_surprisal_ratio(ranked(logprobs, ranks)) == pytest.approx(
        np.average(own, weights=np.negative(logprobs))
    )


def test_ifd_is_a_ratio_of_perplexities() -> None:
    student, alone = scored([math.log(0.5)] * 4), scored([math.log(0.25)] * 4)
    assert ifd(student, alone) == pytest.approx(2 / 4)


def test_ifd_leaves_a_token_out_that_has_no_probability_by_itself() -> None:
    student, alone = scored([-9, math.log(0.5)]), scored([math.nan, math.log(0.25)])
    assert ifd(student, alone) == pytest.approx(0.5)
    assert ifd(scored([-1]), scored([math.nan])) is None


def test_ifd_leaves_out_the_tag_that_stands_in_the_prompt() -> None:
    student = scored([math.log(0.5)] * 2, tokens=[7, 8])
    alone = scored([-9, math.log(0.25), math.log(0.25)], tokens=[1, 7, 8])
    assert ifd(student, alone) == pytest.approx(0.5)
    with pytest.raises(UnscoredError):
        ifd(student, scored([-1, -1], tokens=[1, 7]))


@pytest.mark.parametrize(
    ("text", "answer", "held"),
    [
        ("So it is 12.", "12", [3]),  # " 12"
        ("It is 12, and 12 it is.", "12", [4]),
        ("It is 12, of 312.", "12", [2]),  # as a word of its own, though 312 comes later
        ("x=312", "12", [1]),  # only within another
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}", [1, 2, 3, 4]),
    ],
)
def test_answer_confidence_is_the_probability_of_the_answers_tokens(text: str, answer: str, held: list[int]) -> None:
    pieces = {
        "So it is 12.": ["So", " it", " is", " 12", "."],
        "It is 12, and 12 it is.": ["It", " is", " 12", ", and", " 12", " it is."],
        "It is 12, of 312.": ["It", " is", " 12", ", of", " 312", "."],
        "x=312": ["x=", "312"],
        r"\boxed{\frac{1}{2}}": [r"\boxed{", r"\frac", "{1}", "{2", "}}"],
    }[text]
    offsets = [len("".join(pieces[:place])) for place in range(len(pieces))]
    logprobs = [-0.1 * (place + 1) for place in range(len(pieces))]
    expected = math.exp(sum(logprobs[place] for place in held))
    found = answer_confidence(text, answer, scored(logprobs, offsets=offsets))
    assert found == pytest.approx(expected, rel=1e-6)


def test_an_answer_that_does_not_stand_there_has_no_confidence() -> None:
    assert answer_confidence("So it is twelve.", "12", scored([-1])) is None
    assert answer_confidence("So it is twelve.", "", scored([-1])) is None
