"""Gold answers as files hold them: the answer after GSM8K's `####`, and texts that are not one final answer."""

from __future__ import annotations

import re

SEVERAL_SENTENCES = (
    "the answer is several sentences and not one answer: map `answer` to a column that holds the final answer alone, "
    "a worked solution to `solution`, or name a verifier of your own"
)
CODE = (
    "the answer is code: map `answer` to a column that holds the final answer alone, or name a verifier of your own, "
    "such as one that runs tests"
)
COMMANDS = re.compile(r"\\(?:begin|end)\s*\{\w+\*?\}|\\[A-Za-z]+")
"""Commands of LaTeX."""

_AFTER_HASHES = re.compile(r"(?:\A|\n)[ \t]*####[ \t]*(\S[^\n]*?)\s*\Z")
_SENTENCE_END = re.compile(r"(?<=[a-z\d)}$])[.!?](?=\s+[A-Z(\\$])")
_CODE = re.compile(
    r"```|^\s*(?:def \w+\(|class \w+[:(]|import \w+|from \w+ import |return\b|print\(|#include\b|public class "
    r"|(?:for|while|if) .+:\s*$|function \w+\(|console\.log\()",
    re.MULTILINE,
)
_MOST_WORDS = 25  # in an answer; a longer text is a sentence at least


def after_hashes(gold: str) -> str:
    """Return 72 of a text that ends in a line `#### 72`, as GSM8K's solutions do; other texts as they are."""
    match = _AFTER_HASHES.search(gold)
    return match[1] if match else gold


def not_one_answer(gold: str) -> str | None:
    """Say why a text is no final answer: it is code, or several sentences; None for an answer."""
    if _CODE.search(gold):
        return CODE
    words = re.findall(r"[^\W\d_]{2,}", COMMANDS.sub(" ", gold))
    if len(words) > _MOST_WORDS or (len(words) > 6 and _SENTENCE_END.search(gold)):
        return SEVERAL_SENTENCES
    return None
