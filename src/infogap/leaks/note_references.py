"""Find references to what a model wrote for the teacher: a critique of its attempt, or notes from other tasks.

Only traces whose context shows such notes are searched: elsewhere a critic or a note is something in the task.
"""

from __future__ import annotations

import re

from infogap.leaks.scanned_trace import Leak, ScannedTrace, leak_at, plain_lower

_OWN = r"(?:the|this|that|these|those|your|my|all|given|provided|above|earlier|received)"
_QUALITY = r"(?:given |provided |above |earlier |previous |detailed |helpful |useful |first |second |third |last )?"
_PATTERNS = {
    "critique": re.compile(
        rf"\b{_OWN} {_QUALITY}(critiques?|critics?|criticisms?|reviews?|reviewers?|feedback|comments?|remarks?)\b"
    ),
    "lesson": re.compile(
        rf"\b{_OWN} {_QUALITY}(notes?|lessons?|tips?|advice)\b|\b(?:from|of|in|at) (?:the )?(other problems)\b"
    ),
}


def find_note_references(trace: ScannedTrace) -> list[Leak]:
    """Return the first passage that names the notes of the trace's context, unless the question has the same noun."""
    if trace.kind.notes is None or not trace.context:
        return []
    question = plain_lower(trace.question)
    for match in _PATTERNS[trace.kind.notes].finditer(plain_lower(trace.text)):
        noun = next(group for group in match.groups() if group)
        if noun.rstrip("s") not in question:
            return [leak_at(trace.text, match.start(), match.end(), "reference", trace.kind.notes)]
    return []
