"""Boxes and answer tags: where they are, which of them are stated, and which are one answer."""

from __future__ import annotations

import pytest

from infogap.text.answer_boxes import boxes_in, has_open_box, joined_boxes, last_tag, stated_boxes


def test_outermost_boxes_in_their_order() -> None:
    text = r"\boxed{1} and \fbox{\boxed{2}} and \boxed{3"
    assert [box.content for box in boxes_in(text)] == ["1", r"\boxed{2}"]
    assert has_open_box(text)
    assert not has_open_box(r"\boxed{\{1, 2\}}")


def test_empty_and_denied_boxes_are_not_stated() -> None:
    assert [box.content for box in stated_boxes(r"\boxed{}, not \boxed{1}, but \boxed{2}")] == ["2"]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{1} and \boxed{2}", "1, 2"),
        (r"$x = \boxed{1}$, $y = \boxed{2}$", "x = 1, y = 2"),
        (r"\boxed{1}, that is \boxed{2}", "2"),
        (r"\boxed{1}, \boxed{1}", "1"),
    ],
)
def test_boxes_that_are_one_answer(text: str, answer: str) -> None:
    assert joined_boxes(text, boxes_in(text)) == answer


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("<answer>1</answer> <answer>2</answer>", "2"),
        ("<|begin_of_box|>3<|end_of_box|>", "3"),
        ("<Final_Answer>4", "4"),
    ],
)
def test_the_last_tag(text: str, content: str) -> None:
    tag = last_tag(text, cut=False)
    assert tag is not None
    assert tag.content == content
