from __future__ import annotations

import re
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.text.formulas import formulas
from infogap.text.markup import masked, masks
from infogap.text.text_batch import TextBatch


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


_BRANCHES = [  # opening with what follows it on condition, closing; the first that stands at a place is read there
    (r"(?<!\\)\$(?![\s$])[^$\n]*(?<!\s)\$(?!\d)", ""),
    (r"(?<!\\)\$\$", r"\$\$"),
    (r"```", "```"),
    (r"``(?=[^\n]*``)", "``"),
    (r"``", None),
    (r"`[^`\n]*`", ""),
    (r"~~~", r"\n~~~"),
    (r"\\\[", r"\\\]"),
    (r"\\\(", r"\\\)"),
    (r"\\begin\{align\}", r"\\end\{align\}"),
    (r"\\begin\{pmatrix\*\}", r"\\end\{pmatrix\*\}"),
]


def _reference(text: str) -> list[tuple[int, int]]:
    """The masks, read from left to right by one place after the other."""
    spans: list[tuple[int, int]] = []
    place = 0
    while place < len(text):
        branches = ((re.compile(opening).match(text, place), closing) for opening, closing in _BRANCHES)
        opened, closing = next(((opened, closing) for opened, closing in branches if opened), (None, None))
        end = place + 1
        if opened:
            end = opened.end()
            closed = re.compile(closing).search(text, end) if closing is not None else None
            if opened.group() == "~~~":
                newline, line = text[:place][-20:].rpartition("\n")[1:]
                closed = None if line.strip() or (not newline and place > 20) else closed
            if closed:
                end = closed.end()
                spans.append((place, end))
        place = end
    return spans


_PARTS = re.findall(
    r"\S+",
    r"""a ` ` `` ``` $ $ $$ \[ \] \( \) 5 ~~~ ~ \ é 的 ５ \beta
\begin{align} \end{align} \begin{pmatrix*} \end{pmatrix*}""",
)
_texts = st.lists(st.sampled_from([*_PARTS, "b ", "\n", " " * 9, "\u3000"]), max_size=30)


@settings(max_examples=1_000)
@given(_texts.map("".join))
def test_masks_are_those_read_from_left_to_right(text: str) -> None:
    assert masked(text) == _reference(text)


@given(st.lists(_texts.map("".join), max_size=6))
def test_texts_of_a_row_do_not_disturb_each_other(texts: list[str]) -> None:
    row = TextBatch.of(texts)
    starts, ends = map(row.characters, masks(row))
    text = np.searchsorted(row.first_characters, starts, side="right") - 1
    found = zip(text, starts - row.first_characters[text], ends - row.first_characters[text], strict=True)
    assert list(found) == [(number, *span) for number, text in enumerate(texts) for span in masked(text)]


@given(_texts.map("".join))
def test_masks_are_in_order_and_apart(text: str) -> None:
    spans = masked(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))


@pytest.mark.parametrize(
    "part", ["\\[", "\\(", "`", "``", "$", "```", "~~~", "\n~~~", "$x", "$$ $", "` \n", "\\begin{align}"]
)
def test_endless_delimiters_take_linear_time(part: str) -> None:
    started = time.process_time()
    masked(part * 200_000)
    assert time.process_time() - started < 10  # seconds; quadratic work takes minutes


@pytest.mark.parametrize("text", [r"So \[ x = 1. Then", "```\nx = 1. Then", r"\begin{align} x = 1. Then"])
def test_what_is_not_closed_is_prose_and_must_not_be_cut(text: str) -> None:
    (span,) = formulas(text)
    assert masked(text) == []
    assert (text[: span.start].strip(), span.end) in [("So", len(text)), ("", len(text))]
