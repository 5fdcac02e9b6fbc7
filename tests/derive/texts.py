"""Thoughts with doubt, formulas, code and several scripts, for the changes to work on."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st

from infogap.derive.changed_trace import TraceText
from infogap.measure.lexicon import load

LEXICON = load("infogap", Path)
DOUBTS = sorted(marker.removeprefix("^") for marker in LEXICON.markers if "*" not in marker)
PIECES = st.sampled_from(
    [
        "So 2 + 3 = 5.",
        "The sum of both is 5, e.g. by counting.",
        "We have $x = 5$, and $x + 1 = 6.$",
        "\\[ 2 + 3 = 5 \\]",
        "```python\nprint(2 + 3)  # maybe 5\n```",
        "Wait, is it 5?",
        "Hmm, let me double-check that.",
        "It might be that x seems to be 5.",
        "我觉得答案是5。让我再检查一下。",
        "Alternatively, count 1, 2, 3, 4, 5.",
        "The answer is 5.",
        "No, that's not right.",
        "Dr. Smith has 3. Mr. Wu has 2.",
        "1. First step\n2. Second step",
    ]
)
DOUBTFUL = st.builds(lambda marker, rest: f"{marker.capitalize()}, {rest}", st.sampled_from(DOUBTS), PIECES)
PARAGRAPHS = st.lists(PIECES | DOUBTFUL | st.text(max_size=30), min_size=1, max_size=4).map(" ".join)
THOUGHTS = st.lists(PARAGRAPHS, max_size=6).map("\n\n".join)
TRACES = st.builds(
    TraceText,
    trace_id=st.sampled_from(["a", "b", "c"]),
    question=st.sampled_from(["What is 2 + 3?", "Maybe it is 5?"]),
    reasoning=THOUGHTS,
    response=st.sampled_from(["It is \\boxed{5}.", "Perhaps 5.\n\nThe answer is 5", "", "I think the answer is yes."]),
    answer=st.sampled_from(["5", None]),
)
SHARES = st.sampled_from([0.01, 0.25, 0.5, 0.75, 1.0])
