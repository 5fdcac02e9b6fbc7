"""A copied passage is found whatever form of Unicode it and the context are written in."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.leaks.copying import shared_passages
from infogap.publish.context_index import ContextIndex

FRENCH = (
    "Première étape : nous additionnons les unités, puis les dizaines, en vérifiant à chaque étape que la somme "
    "obtenue reste cohérente avec l'énoncé donné au début du problème."
)
KOREAN = (
    "먼저 일의 자리를 더한 다음 십의 자리를 더하고 그 결과가 문제의 조건과 맞는지 "
    "다시 한 번 꼼꼼하게 확인한 뒤에 마지막으로 최종 답을 적습니다"
)
JAPANESE = (
    "まず一の位を足し合わせてから十の位を計算し、その結果が問題文の条件と"
    "矛盾しないことを確かめたうえで最後に答えを書きます。"
)
ENGLISH = (
    "First we add the units of both numbers and then we carry the rest over to the tens before we compare it with it "
    "all once more."
)


def full_width(text: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in text)


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def as_it_is(text: str) -> str:
    return text


FORMS = (as_it_is, decomposed, full_width)
Form = Callable[[str], str]


@pytest.mark.parametrize("passage", [FRENCH, KOREAN, JAPANESE, ENGLISH])
@pytest.mark.parametrize("of_text", FORMS)
@pytest.mark.parametrize("of_context", FORMS)
def test_it_is_found_in_any_form(passage: str, of_text: Form, of_context: Form) -> None:
    text, context = of_text(f"Ah. {passage}\nOK"), of_context(passage)
    ((start, end),) = shared_passages(text, context, "", 20)
    assert unicodedata.normalize("NFKC", text[start:end]) in unicodedata.normalize("NFKC", passage)
    assert end - start > 0.9 * len(of_text(passage))
    index = ContextIndex.of([pl.Series([context])], pl.Series(["x"]), 20)
    assert list(index.shared(pl.Series(["y", text]))) == [(1, 0)]


@given(st.lists(st.sampled_from(FRENCH.split()), min_size=5, max_size=60))
def test_forms_make_no_difference(words: list[str]) -> None:
    text = " ".join(words)
    found = [len(shared_passages(form(text), FRENCH, "", 12)) for form in (as_it_is, decomposed)]
    assert found[0] == found[1]
