"""The places of marks, in the units that the pages count in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from infogap.gap.scored_texts import written
from infogap.text.text_batch import measured_text
from infogap.view.text_marks import answer_marks, in_utf16, token_marks

_TEXT = st.text(st.sampled_from("ab \n\U0001f600é<"), max_size=30)


@given(text=_TEXT, data=st.data())
def test_places_count_utf16_code_units(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    ((first, last, *_),) = in_utf16(text, [(start, end, "marker", "hedge", "x")])
    units = text.encode("utf-16-le")
    assert units[2 * first : 2 * last].decode("utf-16-le") == text[start:end]


@given(reasoning=_TEXT, response=_TEXT, data=st.data())
def test_tokens_cover_the_text_without_the_tags(reasoning: str, response: str, data: st.DataObject) -> None:
    trace = {"reasoning": reasoning, "response": response}
    whole, text = written(trace), measured_text(reasoning, response)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1)))) if len(whole) > 1 else []
    tokens = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    gaps = [float(place) for place in range(len(tokens))]
    marks = token_marks(trace, {"tokens": tokens, "gaps": gaps})
    assert marks is not None
    units = text.encode("utf-16-le")
    pieces = [
        units[2 * start : 2 * end].decode("utf-16-le")
        for start, end in zip([0, *marks["ends"]], marks["ends"], strict=False)
    ]
    assert "".join(pieces) == (text.removesuffix("\n") if reasoning and not response else text)
    for piece, gap in zip(pieces, marks["gaps"], strict=True):
        rest = iter(tokens[int(gap)])
        assert all(character in rest for character in piece)  # in this order, the tags between them left out


def test_tokens_of_another_text_are_not_shown() -> None:
    trace = {"reasoning": "", "response": "five"}
    assert token_marks(trace, {"tokens": ["six"], "gaps": [1.0]}) is None
    assert token_marks(trace, {"tokens": ["five"], "gaps": None}) is None
    assert token_marks(trace, None) is None


def test_the_answer_is_marked_where_the_response_states_it_last() -> None:
    text = "is it 7?\nNo 8, then 7, so 7."
    ((start, end, *_),) = answer_marks(text, "7", 9)
    assert (start, text[start:end]) == (text.rindex("7"), "7")
    assert list(answer_marks(text, "9", 9)) == []
    assert list(answer_marks("7\nnone", "7", 2)) == []
