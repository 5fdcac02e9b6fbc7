"""How often a trace changes its mind."""

from __future__ import annotations

import time

import pytest

from infogap.measure.answer_changes import answer_changes


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("We add 2 and 3.", 0),
        (r"The answer is \boxed{5}.", 0),
        ("The answer is 5. Wait, no. The answer is 6.", 1),
        (r"So \boxed{5}. Hmm, let me check: \boxed{6}. No, it was right: \boxed{5}", 2),
        (r"The answer is 5. Final answer: $\boxed{ 5 }$", 0),
        ("Final answer: the answer is 5. 答案是5。所以答案为6。", 1),
        ("The answer is **5**.\n\n**Final answer**\n7", 1),
    ],
)
def test_changes(text: str, changes: int) -> None:
    assert answer_changes(text) == changes


def test_a_trace_that_loops_takes_no_time() -> None:
    """Token limits cut such traces off after some hundred thousand characters of one line; squared, that is minutes."""
    started = time.process_time()
    assert answer_changes(r"\boxed{5} the answer is 5. " * 20_000) == 0
    assert answer_changes("so the answer is 5. " * 20_000) == 0
    assert time.process_time() - started < 10
