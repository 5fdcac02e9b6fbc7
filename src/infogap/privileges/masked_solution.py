r"""The privilege `masked_solution`: the plan without the results. Numbers, the answer and boxed values are blanked out.

Formulas remain readable: operators, letters and LaTeX commands are kept, and so are exponents and indices of one digit
on a letter or a bracket, which belong to a formula's form (`x^2`, `a_1`, `f^{-1}`). The answer does not change this: a
blank only in its place would give it away. For the same reason all numbers in words are blanked out; "one" and "zero",
which seldom count anything, only if they are the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from infogap.privileges.base import Attempt, Privilege, Task
from infogap.text.formulas import braced

if TYPE_CHECKING:
    from infogap.privileges.decoys import Decoys

BLANK = "□"
_GROUPED = r"\d+(?:(?:,|,\\!\s?|\{,\})\d{3}(?!\d))*"  # 1,234 and 1{,}234 and 1,\!234
_SIGN = r"(?:(?<![\w)}\]])(?<![\w)}\]]\s)|(?<=[a-z]{2}\s))[-−]"  # of "= -4" and "is -4", not of "x -4"
_NUMBER = rf"(?:{_SIGN})?(?:{_GROUPED}(?:\.\d+)?|\.\d+)|[¼-¾⅐-⅞]"
_FORM = r"(?<=[A-Za-z)\]}|'])[\^_](?:\d(?!\d)|\{-?\d\})|\\[A-Za-z]+"  # x^2, a_{1}, f^{-1}, \frac: kept as they are
_UNITS = "two|three|four|five|six|seven|eight|nine"
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_COUNT = rf"(?:(?:{_TENS})(?:[- ](?:one|{_UNITS}))?|{_UNITS}|{_TEENS}|hundred|thousand|million|billion)"
_IN_WORDS = rf"\b(?i:(?:one[- ](?=hundred|thousand|million|billion))?{_COUNT}(?:(?:[- ]| and ){_COUNT})*)\b"
_VALUE = re.compile(rf"(?P<form>{_FORM})|{_IN_WORDS}|{_NUMBER}")
_SELDOM_COUNTED = {"1": "one", "0": "zero"}

_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_DRAWING = re.compile(r"\[asy\].*?(?:\[/asy\]|\Z)", re.DOTALL)
_IN_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mbox)\s*\{\s*([^{}]*?)\s*\}")
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[^\W_]+|[^\s]")


class MaskedSolution(Privilege):
    """The worked solution with its values and its answer blanked out."""

    name = "masked_solution"
    richness = 2
    needs = ("solution",)
    shows = "the solution with its values masked"
    holds_answer = False

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        return {"masked_solution": masked(task["solution"], task["answer"])}


def masked(solution: str, answer: str | None) -> str:
    r"""Replace every value of a solution by a blank: boxed ones, every occurrence of the gold answer, numbers.

    A drawing is all values, and becomes one blank. Fractions come out with braces, `\frac{...}{...}`.
    """
    text = braced(_without_boxed(_DRAWING.sub(f"[asy]{BLANK}[/asy]", solution)))
    for spelling in _spellings((answer or "").strip()):
        text = spelling.sub(BLANK, text)
    return _VALUE.sub(lambda match: match["form"] or BLANK, text)


def _spellings(answer: str) -> list[re.Pattern[str]]:
    r"""Return what to blank out besides numbers: the answer, also without its `\text{...}`; "one" if it is 1.

    White space within does not count, nor the variant of `\frac`. Only whole words match: not the `a` in `cat`.
    """
    if answer in _SELDOM_COUNTED:
        return [re.compile(rf"\b{_SELDOM_COUNTED[answer]}\b", re.IGNORECASE)]
    wanted = {braced(answer), _IN_TEXT.sub(r"\1", answer)}
    return [_spelling(text) for text in sorted(filter(_is_no_number, wanted), key=lambda text: (-len(text), text))]


def _is_no_number(text: str) -> bool:
    return bool(text) and not re.fullmatch(_NUMBER, text) and bool(re.search(r"\w", text))


def _spelling(text: str) -> re.Pattern[str]:
    tokens = [re.escape(token) for token in _TOKEN.findall(text)]
    pattern = r"\s*".join(re.sub(r"^\\\\[dtc]?frac$", r"\\\\[dtc]?frac", token) for token in tokens)
    start = r"(?<![^\W_])" if text[0].isalnum() else ""
    end = r"(?![^\W_])" if text[-1].isalnum() else ""
    return re.compile(start + pattern + end, re.IGNORECASE if len(text) > 1 and text.isalpha() else 0)


def _without_boxed(text: str) -> str:
    """Blank out the contents of boxes; of a box that never closes, everything to the end."""
    pieces, end = [], 0
    for box in _BOX.finditer(text):
        if box.start() < end:
            continue  # a box inside a box
        close = _closing(text, box.end())
        pieces += [text[end : box.end()], BLANK, "}"]
        end = close + 1
    return "".join(pieces) + text[end:]


def _closing(text: str, start: int) -> int:
    """Return the place of the brace that closes the one before `start`, or the text's end."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return len(text)


MASKED_SOLUTION = MaskedSolution()
