"""Read gold answers as files hold them, such as GSM8K's `#### 72`, and reject texts that are not one final answer."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from infogap.text.stated_answers import normalised, stated, unwrapped

SEVERAL_SENTENCES = (
    "the answer is several sentences and not one answer: map `answer` to a column that holds the final answer alone, "
    "a worked solution to `solution`, or name a verifier of your own"
)
CODE = (
    "the answer is code: map `answer` to a column that holds the final answer alone, or name a verifier of your own, "
    "such as one that runs tests"
)
SEVERAL_TEXTS = (
    "the answer is a list of several texts: name one of them, as `answer: answers[0]`, or join them by a template, as "
    "`answer: \"{{ answers | join(', ') }}\"`"
)
AN_OBJECT = "the answer is an object: name the value in it, as `answer: answer.value`"
PLACEHOLDER = (
    "the answer only says that there is none: leave such rows out by `where`, or empty the cell, and its traces "
    "are not graded"
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
_LABEL = re.compile(
    r"\s*(?:\*\*)?(?:(?:the\s+)?(?:(?:final|correct)\s+)?answer\s*(?:is\b\s*:?|[:：])|(?-i:A:)(?=\s*[\d$\\+-]))"
    r"\s*(?:\*\*)?\s*(?=\S)",
    re.IGNORECASE,
)
_LATEX_SPACE = re.compile(r"(?:(?<!\\)\\[\s,;:!]*|~|\s)+\Z")
_BOX = re.compile(r"\\boxed\s*\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")
_DATA = re.compile(r"\s*[\[{]\s*[\"']")
_COMMAND = re.compile(r"\\(?!u[\da-fA-F]{4})(?=[A-Za-z]{2})")  # its backslash, which would escape the letter after it
_LONGEST_DATA = 10_000  # characters
_LONGEST_LABELLED = 300  # characters
# What datasets write where a problem has no final answer: NuminaMath's "proof" and "notfound", a table's empty cell.
_PLACEHOLDERS = frozenset(
    (
        *("proof", "notfound", "not found", "answer not found", "n/a", "nan", "null", "see solution", "see proof"),
        *("omitted", "tbd", "todo", "略", "证明略", "见解析", "见证明"),
    )
)
_FEW_WORDS = 8  # beside a box, in a text that is still no solution
_MOST_WORDS = 25  # in an answer; a longer text is a sentence at least


def final_answer_in(gold: str) -> str:
    """Return 72 of a text that ends in a line `#### 72`, as GSM8K's do, of "The answer is 72." and of `["72"]`."""
    held = _held_in(gold)
    if isinstance(held, list) and len(held) == 1:
        gold = held[0].strip()
    match = _AFTER_HASHES.search(gold)
    return match[1] if match else _without_label(gold)


def _without_label(gold: str) -> str:
    """Remove from a short text the words that call it the answer, and the spacing that LaTeX leaves behind.

    "The answer is 12.", "A: 12" and "She has \\boxed{12}" are 12; a longer text stays as it is.
    """
    text = _LATEX_SPACE.sub("", gold)
    if len(text) > _LONGEST_LABELLED:
        return gold
    if (label := _LABEL.match(text)) and not _SENTENCE_END.search(text, label.end()):
        return unwrapped(text[label.end() :]) or gold
    if text.count("\\boxed") == 1 and len(_words_beside_box(text)) <= _FEW_WORDS:
        return stated(text) or gold
    return text or gold


def _held_in(gold: str) -> list[str] | dict[str, Any] | None:
    """Return the list of texts or the object that a text writes, as JSON or as Python does; None of any other text.

    Lists of numbers are vectors, intervals and matrices.
    """
    if not _DATA.match(gold) or len(gold) > _LONGEST_DATA:
        return None
    written = gold if "\\\\" in gold else _COMMAND.sub(r"\\\\", gold)
    try:
        held = json.loads(written)
    except (ValueError, RecursionError):
        try:
            held = ast.literal_eval(written.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return None
    if isinstance(held, dict):
        return held
    return held if isinstance(held, list) and held and all(isinstance(item, str) for item in held) else None


def _words_beside_box(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]{2,}", COMMANDS.sub(" ", _BOX.sub(" ", text)))


def not_one_answer(gold: str) -> str | None:
    """Say why a text is no final answer: it is data, code, or several sentences; None for an answer."""
    if normalised(gold) in _PLACEHOLDERS:
        return PLACEHOLDER
    if (held := _held_in(gold)) is not None:
        return AN_OBJECT if isinstance(held, dict) else SEVERAL_TEXTS
    if _CODE.search(gold):
        return CODE
    words = re.findall(r"[^\W\d_]{2,}", COMMANDS.sub(" ", gold))
    if "\\boxed" in gold and len(_words_beside_box(gold)) > _FEW_WORDS:
        return SEVERAL_SENTENCES
    if len(words) > _MOST_WORDS or (len(words) > 6 and _SENTENCE_END.search(gold)):
        return SEVERAL_SENTENCES
    return None
