"""Sentences that state an answer are found near the words that they need: the same ones as anywhere."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.text import stated_answers as answers

_PIECES = st.sampled_from(
    [
        *(
            "The",
            "the ",
            "my\n",
            "our ",
            "final ",
            "Final",
            "correct ",
            "right ",
            "answer",
            "Answer",
            "OPTION",
            "choice ",
        ),
        *(
            " is",
            " is not ",
            ": ",
            "：",
            " should be ",
            " to the question",
            " of it",
            "**",
            "\n",
            "\n\n",
            "# ",
            " ",
            "42.",
        ),
        *("答案", "最终", "正确", "是", "应为", "x", "İ", "answers", "other", "  "),
    ]
)


@settings(max_examples=300)
@given(st.lists(_PIECES, max_size=14).map("".join))
def test_the_same_as_trying_everywhere(text: str) -> None:
    found = [match.span() for match in answers._statings(text)]
    assert found == [match.span() for match in answers._BEFORE_ANSWER.finditer(text)]
