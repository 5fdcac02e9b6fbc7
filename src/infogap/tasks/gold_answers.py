r"""Whether a gold answer can be used: whether its verifier can read it at all."""

from __future__ import annotations

import re
from contextlib import closing
from importlib import import_module

from infogap.console import progress
from infogap.text.option_parser import named_option, options
from infogap.text.stated_answers import stated, unwrapped
from infogap.verify.bounded_workers import Lost, bounded
from infogap.verify.custom_verifier import is_function
from infogap.verify.grading_pool import limit_memory
from infogap.verify.verifiers.numeric import number

MAX_CHARACTERS = 2_000
NO_ANSWER = "no answer"
TOO_LONG = f"the answer has more than {MAX_CHARACTERS:,} characters"
NOT_MATH = "there is nothing in the answer"
TOO_HARD = "math-verify cannot read the answer in time"
SEVERAL_SENTENCES = (
    "the answer is several sentences and not one answer: map `answer` to a column that holds the final answer alone, "
    "a worked solution to `solution`, or name a verifier of your own"
)
CODE = (
    "the answer is code: map `answer` to a column that holds the final answer alone, or name a verifier of your own, "
    "such as one that runs tests"
)
NO_OPTIONS = (
    "the question has no options A, B, ..., so that the answer has to be a letter: write the letter, or map `options` "
    "to the column that has them"
)
NOT_A_NUMBER = "the answer is not a number"
NOT_A_PATTERN = "the answer is not a regular expression"
NOT_AN_OPTION = "the answer is neither the letter nor the text of one option"

_DEADLINE = 10.0  # seconds per answer
_NUMBER = re.compile(r"[+-]?\d{1,300}(\.\d{1,300})?")
_SOMETHING = re.compile(r"[\w∞∅½-¾⅐-⅞]")
_AFTER_HASHES = re.compile(r"(?:\A|\n)[ \t]*####[ \t]*(\S[^\n]*?)\s*\Z")
_SENTENCE_END = re.compile(r"(?<=[a-z\d)}$])[.!?](?=\s+[A-Z(\\$])")
_COMMANDS = re.compile(r"\\(?:begin|end)\s*\{\w+\*?\}|\\[A-Za-z]+")
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
_LONGEST_LABELLED = 300  # characters
_FEW_WORDS = 8  # beside a box, in a text that is still no solution
_MOST_WORDS = 25  # in an answer; a longer text is a sentence at least


def gold_answer(question: str, answer: str, verifier: str) -> str:
    """A gold answer as every part of infogap uses it.

    Of a text that ends in `#### 72`, as GSM8K's solutions do, that is 72; of a choice it is the letter, for an option's
    text too; other texts stay what they are, and so do all that a pattern, a function or `exact` compares.
    """
    if verifier in ("math", "numeric", "choice"):
        final = _AFTER_HASHES.search(answer)
        answer = final[1] if final else _without_label(answer)
    return named_option(answer, options(question)) or answer if verifier == "choice" else answer


def _without_label(answer: str) -> str:
    """A short text without the words that say that it is the answer, and without the spacing that LaTeX leaves behind.

    "The answer is 12.", "A: 12" and "She has \\boxed{12}" are 12; a longer text stays what it is.
    """
    text = _LATEX_SPACE.sub("", answer)
    if len(text) > _LONGEST_LABELLED:
        return answer
    if (label := _LABEL.match(text)) and not _SENTENCE_END.search(text, label.end()):
        return unwrapped(text[label.end() :]) or answer
    if text.count("\\boxed") == 1 and len(_words_beside_box(text)) <= _FEW_WORDS:
        return stated(text) or answer
    return text or answer


def _words_beside_box(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]{2,}", _COMMANDS.sub(" ", _BOX.sub(" ", text)))


def no_answer(answer: str) -> str | None:
    """Why a text is no final answer: it is code, or several sentences; None for an answer."""
    if _CODE.search(answer):
        return CODE
    words = re.findall(r"[^\W\d_]{2,}", _COMMANDS.sub(" ", answer))
    if "\\boxed" in answer and len(_words_beside_box(answer)) > _FEW_WORDS:
        return SEVERAL_SENTENCES
    if len(words) > _MOST_WORDS or (len(words) > 6 and _SENTENCE_END.search(answer)):
        return SEVERAL_SENTENCES
    return None


def faults(pairs: list[tuple[str, str]], verifier: str) -> list[str | None]:
    """For each question and answer why the verifier cannot use the answer, or None where it can."""
    if is_function(verifier):  # it says for itself what it can use, tests of a program for example
        return [None] * len(pairs)
    found = [TOO_LONG if len(answer) > MAX_CHARACTERS else None for _, answer in pairs]
    if verifier in ("math", "numeric", "choice"):
        found = [fault or no_answer(answer) for fault, (_, answer) in zip(found, pairs, strict=True)]
    if verifier == "choice":
        return [fault or _choice_fault(*pair) for fault, pair in zip(found, pairs, strict=True)]
    if verifier == "math":
        unread = unreadable([answer for (_, answer), fault in zip(pairs, found, strict=True) if fault is None])
        return [fault or unread.get(answer) for fault, (_, answer) in zip(found, pairs, strict=True)]
    if verifier in ("numeric", "regex"):
        unfit = _number_fault if verifier == "numeric" else _pattern_fault
        return [fault or unfit(answer) for fault, (_, answer) in zip(found, pairs, strict=True)]
    return found


def _number_fault(answer: str) -> str | None:
    return NOT_A_NUMBER if number(answer) is None else None


def _pattern_fault(answer: str) -> str | None:
    try:
        re.compile(answer)
    except (re.error, RecursionError, OverflowError):
        return NOT_A_PATTERN
    return None


def _choice_fault(question: str, answer: str) -> str | None:
    offered = options(question)
    if named_option(answer, offered):
        return None
    return NOT_AN_OPTION if offered else NO_OPTIONS


def unreadable(golds: list[str]) -> dict[str, str]:
    """The answers of which nothing can be read, each with the reason: there is nothing in them, or it takes too long.

    They are read in processes that are ended at a deadline: a few characters such as a binomial of large numbers
    keep the parser busy for hours.
    """
    found = {gold: NOT_MATH for gold in golds if not _SOMETHING.search(_COMMANDS.sub(_blank_unless_sign, gold))}
    hard = [gold for gold in dict.fromkeys(golds) if gold not in found and not _NUMBER.fullmatch(gold)]
    if not hard:
        return found
    readings = bounded(_is_read, hard, limit=_DEADLINE, start=_start_reader, preload=["math_verify"])
    with closing(readings), progress("tasks", len(hard), "answers") as advance:
        for gold, done in zip(hard, readings, strict=True):
            if isinstance(done, Lost) or not done:
                found[gold] = TOO_HARD
            advance()
    return found


def _blank_unless_sign(command: re.Match[str]) -> str:
    """LaTeX that says something by itself, as `\\pi` does, and not by what it frames."""
    return " " if command[0].startswith(("\\text", "\\begin", "\\end", "\\left", "\\right", "\\math")) else "0"


def _start_reader() -> None:
    """Before the clock runs: on a cold disk the import alone may take longer than an answer may."""
    import_module("infogap.verify.math_verify_patch")
    limit_memory()


def _is_read(gold: str) -> bool:
    """Whether Math-Verify comes to an end with an answer; whatever it finds."""
    from infogap.verify.math_verify_patch import expressions
    from infogap.verify.reading.answer_forms import Condition, Maths
    from infogap.verify.reading.answer_reader import read

    try:
        form = read(gold)
        if isinstance(form, Maths | Condition):
            expressions(form.latex)
    except (MemoryError, RecursionError):
        return False
    except Exception:  # what it cannot read is compared as a text
        return True
    return True
