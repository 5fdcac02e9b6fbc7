from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.measure.masks import Masks, masked


def _blanked(text: str) -> str:
    for start, end in masked(text):
        text = text[:start] + "_" * (end - start) + text[end:]
    return text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a `b` c", "a ___ c"),
        ("a ``b ` c`` d", "a _________ d"),
        ("a ```b\nc``` d", "a _________ d"),
        ("~~~ python\nb\n~~~\nc", "________________\nc"),
        ("a ~~~ b\n~~~", "a ~~~ b\n~~~"),
        ("$b$ \\(c\\) \\[d\ne\\] $$f$$ g", "___ _____ _______ _____ g"),
        ("\\begin{align*}a\\\\b\\end{align*} c", "_" * 30 + " c"),
        ("\\begin{pmatrix}a\\end{pmatrix} b", "_" * 29 + " b"),
        ("\\begin{theorem}a\\end{theorem} b", "\\begin{theorem}a\\end{theorem} b"),
        ("$5 and $6", "$5 and $6"),
        ("\\$5, a \\$ b", "\\$5, a \\$ b"),
        ("5$ and 6$", "5$ and 6$"),
        ("a `b\nc` d", "a `b\nc` d"),
        ("a \\[ b", "a \\[ b"),
    ],
)
def test_code_and_formulas_are_masked(text: str, kept: str) -> None:
    assert _blanked(text) == kept


_texts = st.lists(
    st.sampled_from(["a", "b ", "`", "``", "$", "\\[", "\\]", "\\(", "\\)", "\n", "5", "~~~", "\\"]), max_size=30
)


@given(_texts.map("".join))
def test_masks_are_in_order_and_apart(text: str) -> None:
    spans = masked(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))


@given(_texts.map("".join), st.data())
def test_overlap(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start + 1, len(text) + 1))
    inside = {place for mask in masked(text) for place in range(*mask)}
    assert Masks(text).overlap(start, end) == bool(inside & set(range(start, end)))


@pytest.mark.parametrize(
    "part", ["\\[", "\\(", "`", "``", "$", "```", "~~~", "\n~~~", "$x", "$$ $", "` \n", "\\begin{align}"]
)
def test_endless_delimiters_take_linear_time(part: str) -> None:
    started = time.process_time()
    masked(part * 200_000)
    assert time.process_time() - started < 10  # seconds; quadratic work takes minutes
