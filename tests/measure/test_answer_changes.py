"""How often a trace changes its mind."""

from __future__ import annotations

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
    ],
)
def test_changes(text: str, changes: int) -> None:
    assert answer_changes(text) == changes
