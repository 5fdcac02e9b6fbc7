"""Structure changes: the same steps in another order, fewer of them, steps of others."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given

from derive.texts import SHARES, TRACES
from infogap.derive.changed_trace import Draws, NothingToChangeError, TraceText
from infogap.derive.step_changes import delete_steps, insert_steps, shuffle_steps

THREE = TraceText("t", "q", "One.\n\nTwo.\n\nThree.", "So \\boxed{3}.", "3")


def characters(text: str) -> Counter[str]:
    """Count the characters of a text, white space aside: sentences in Chinese have none between them."""
    return Counter("".join(text.split()))


@given(trace=TRACES, share=SHARES)
def test_shuffling_keeps_the_multiset_of_steps_and_changes_their_order(trace: TraceText, share: float) -> None:
    try:
        changed = shuffle_steps(trace, Draws(1).of(trace, "shuffle_steps"), share)
    except NothingToChangeError:
        return
    before, after = trace.thought(), changed.thought()
    assert characters(before.text()) == characters(after.text())
    assert before.text() != after.text()
    assert changed == shuffle_steps(trace, Draws(1).of(trace, "shuffle_steps"), share)


@given(trace=TRACES, share=SHARES)
def test_deleting_leaves_some_of_the_steps_in_their_order(trace: TraceText, share: float) -> None:
    try:
        bodies = list(trace.thought().bodies)
    except NothingToChangeError:
        return
    changed = delete_steps(trace, Draws(1).of(trace, "delete_steps"), share)
    left = changed.reasoning if trace.reasoning.strip() else changed.response
    place = 0
    for body in [each for each in bodies if each in left]:
        place = max(place, left.find(body))
    assert len(left) < len(trace.reasoning if trace.reasoning.strip() else trace.response)
    if trace.reasoning.strip():
        assert changed.response == trace.response
        assert share < 1 or not changed.reasoning.strip()


@given(trace=TRACES, share=SHARES)
def test_inserting_keeps_every_own_step(trace: TraceText, share: float) -> None:
    others = ["A foreign step.", "Another foreign step."]
    try:
        changed = insert_steps(trace, Draws(1).of(trace, "insert_steps"), share, others)
        before = trace.thought().bodies
    except NothingToChangeError:
        return
    text = changed.reasoning if trace.reasoning.strip() else changed.response
    added = text.count("foreign step")
    assert added == max(1, int(share * len(before) + 0.5))
    for other in others:
        text = text.replace(other, "")
    assert characters(text) == characters(trace.reasoning if trace.reasoning.strip() else trace.response)


def test_a_larger_share_deletes_what_a_smaller_one_does_and_more() -> None:
    trace = TraceText("t", "q", "\n\n".join(f"Step {number}." for number in range(20)), "3")
    left = [
        set(delete_steps(trace, Draws(1).of(trace, "delete_steps"), share).thought().bodies)
        for share in (0.2, 0.5, 0.9)
    ]
    assert left[2] < left[1] < left[0] and [len(each) for each in left] == [16, 10, 2]


def test_the_seed_and_the_trace_decide() -> None:
    trace = TraceText("t", "q", "\n\n".join(f"Step {number}." for number in range(20)), "3")
    other = TraceText("u", "q", trace.reasoning, "3")
    texts = {
        shuffle_steps(each, Draws(seed).of(each, "shuffle_steps"), 1).reasoning
        for each, seed in ((trace, 1), (trace, 2), (other, 1))
    }
    assert len(texts) == 3


@pytest.mark.parametrize("trace", [TraceText("t", "q", "One", "3"), TraceText("t", "q", "", "3")])
def test_one_step_cannot_be_shuffled(trace: TraceText) -> None:
    with pytest.raises(NothingToChangeError, match="one step"):
        shuffle_steps(trace, Draws(1).of(trace, "shuffle_steps"), 1)


def test_without_a_thought_the_last_step_of_the_response_stays() -> None:
    trace = TraceText("t", "q", "", "One.\n\nTwo.\n\nSo \\boxed{3}.")
    assert shuffle_steps(trace, Draws(1).of(trace, "x"), 1).response == "Two.\n\nOne.\n\nSo \\boxed{3}."
    assert delete_steps(trace, Draws(1).of(trace, "x"), 1).response.strip() == "So \\boxed{3}."


def test_there_must_be_steps_to_insert() -> None:
    with pytest.raises(NothingToChangeError, match="another task"):
        insert_steps(THREE, Draws(1).of(THREE, "x"), 1, ["One."])
