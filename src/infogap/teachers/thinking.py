"""Thoughts and answers: where a thinking model's text stops being the one and becomes the other."""

from __future__ import annotations

OPENING = "<think>"
CLOSING = "</think>"


def split(text: str, *, truncated: bool = False, opened: bool = False) -> tuple[str, str]:
    """A model's text as (reasoning, response), without the tags and surrounding whitespace.

    Everything before the first closing tag is reasoning, whether the opening tag stands at the start
    or stood in the prompt. A thought that is never closed is all reasoning with an empty response: it
    was cut off, and half a thought is not an answer. Text without tags is all response.

    `opened`: the prompt is known to end with the opening tag, so that text without tags is a thought.
    `truncated`: generation stopped at its token limit; then an opening tag anywhere counts as a thought,
    not only at the start.
    """
    text = text.strip()
    if text.startswith(OPENING):
        text = text.removeprefix(OPENING)
        opened = True
    before, closing, after = text.partition(CLOSING)
    if closing:
        return before.strip(), after.strip()
    if opened or (truncated and OPENING in text):
        return text.strip(), ""
    return "", text
