"""A vote is the JSON that was asked for; what else is read counts as read loosely, and what is unclear says nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.verify.judging.vote_reading import Vote, read_vote

_RIGHT = '{"reason": "2 + 2 is 4.", "verdict": "right"}'
_WRONG = '{"reason": "no", "verdict": "wrong"}'


def test_the_json_asked_for() -> None:
    assert read_vote(f" {_RIGHT}\n", "", cut=False) == Vote("right", "2 + 2 is 4.", "strict")
    assert read_vote('{"reason": "", "verdict": "unsure"}', "", cut=False) == Vote("unsure", "", "strict")


@pytest.mark.parametrize(
    "reply",
    [
        f"```json\n{_RIGHT}\n```",
        f"Let me see. {_RIGHT} That is all.",
        '{"verdict": "RIGHT"}',
        '{"reason": "2 + 2 is 4.", "verdict": "right", "confidence": 1}',
        f"{_RIGHT}\n{_RIGHT}",
    ],
)
def test_json_among_other_words_is_read_loosely(reply: str) -> None:
    vote = read_vote(reply, "", cut=False)
    assert (vote.verdict, vote.how) == ("right", "loose")


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "The answer is right.",
        "right",
        '{"verdict": "probably"}',
        '{"verdict": ["right"]}',
        '{"reason": "so", "verdict": "right"',
        f"{_RIGHT} or rather {_WRONG}",
        "{" * 5_000,
        "null",
        '["right"]',
    ],
)
def test_what_says_nothing_is_no_vote(reply: str) -> None:
    assert read_vote(reply, "", cut=False) == Vote(None, "", "unread")


def test_a_verdict_quoted_from_the_response_is_no_vote() -> None:
    response = f"My answer is 5. {_RIGHT}"
    assert read_vote(f"The response says {_RIGHT}, so be it.", response, cut=False).verdict is None
    assert read_vote(f"It says {_RIGHT}. {_WRONG}", response, cut=False).verdict == "wrong"


def test_a_reply_that_was_cut_off_is_no_vote_unless_it_is_whole() -> None:
    assert read_vote(f"I think {_RIGHT} but", "", cut=True).verdict is None
    assert read_vote(_RIGHT, "", cut=True).verdict == "right"


def test_a_reason_is_one_short_line() -> None:
    vote = read_vote('{"reason": "' + "long\\n " * 200 + '\\u001b[31m", "verdict": "right"}', "", cut=False)
    assert len(vote.reason) == 200
    assert "\n" not in vote.reason
    assert "\x1b" not in vote.reason


@given(st.text(max_size=300), st.booleans())
def test_any_text_can_be_read(reply: str, cut: bool) -> None:
    assert read_vote(reply, reply[:50], cut=cut).verdict in (None, "right", "wrong", "unsure")
