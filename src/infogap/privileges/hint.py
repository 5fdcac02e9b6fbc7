"""The privilege `hint`: the first part of a worked solution, cut at the end of a sentence or line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from infogap.errors import InputError
from infogap.privileges.base import Attempt, Privilege, Task, or_unmet
from infogap.text.formulas import Span, formulas

if TYPE_CHECKING:
    from infogap.privileges.decoys import Decoys

# Places where a sentence or a line may end, each with the white space that follows; `_is_end` decides.
_STOP = r"[.!?…][\"'”’)\]*_]*"
_PLACE = re.compile(rf"(?P<full>[。！？][”’」』）)]*\s*)|{_STOP}(?P<stop>\s+)|(?P<line>\s*\n\s*)")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:e\.g|i\.e|cf|vs|viz|resp|approx|ca|fig|figs|eq|eqs|eqn|no|nos|thm|lem|prop|cor|def|sec|ch|ex|p|pp"
    r"|mr|mrs|ms|dr|prof|st|jr|sr)\.$",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"(?:^|\n)[ \t]*(?:\(?\w{1,2}|[ivx]{1,4})\.$")  # "1. First": an item's number ends no step
_WHITE = re.compile(r"\s*")
_NO_BEGINNING = "=+-−*/<>≤≥·×^,;:)]}&|"  # no sentence begins with one of these: "5! = 120"
_LONGEST_ABBREVIATION = 12
_RESULT = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])|^\s*####")  # where MATH, and GSM8K, state the answer


@dataclass(frozen=True)
class Hint(Privilege):
    """The beginning of the solution: a `fraction` of its characters (0.3 by default), or a number of `steps`."""

    fraction: float | None = None
    steps: int | None = None

    name = "hint"
    richness = 1
    needs = ("solution",)
    shows = "the beginning of the solution"
    holds_answer = False

    def __post_init__(self) -> None:
        if self.fraction is not None and self.steps is not None:
            raise InputError("a hint is cut by `fraction` or by `steps`, not by both")

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        part = hint(task["solution"], fraction=self.fraction, count=self.steps)
        return {"hint": or_unmet(part, "no step of the solution comes before its result")}


def steps(solution: str) -> list[str]:
    """Split a solution into sentences and lines, each with the white space that follows it.

    No step ends inside a formula, a drawing, a code block or braces; a display formula ends its step.
    """
    text = solution.strip()
    cuts = sorted({0, len(text), *_ends(text)})
    return [text[start:end] for start, end in pairwise(cuts)]


def hint(solution: str, *, fraction: float | None = None, count: int | None = None) -> str | None:
    r"""Return the first `count` steps, or those that come nearest to `fraction` of the characters, at least one.

    The last step is never shown, nor one that states the result (`\boxed{...}`, `#### ...`); None if it comes first.
    """
    parts = steps(solution)
    most = next((place for place, part in enumerate(parts) if _RESULT.search(part)), len(parts) - 1)
    if most < 1:
        return None
    if count is None:
        wanted = (0.3 if fraction is None else fraction) * sum(map(len, parts))
        lengths = list(accumulate(map(len, parts)))
        count = 1 + min(range(most), key=lambda last: abs(lengths[last] - wanted))
    return "".join(parts[: min(count, most)]).strip()


def _ends(text: str) -> list[int]:
    """Return where steps end: outside of formulas, and right after display formulas."""
    spans = list(formulas(text))
    starts = {span.start: span for span in spans}
    ends: list[int] = []
    outside = 0
    for span in [*spans, Span(len(text), len(text), False)]:
        for place in _PLACE.finditer(text, outside, span.start):
            following = starts.get(place.end())
            if _is_end(text, place, following is not None and following.apart):
                ends.append(place.end())
        after = _WHITE.match(text, span.end).end()  # type: ignore[union-attr]  # it may match nothing
        if _ends_a_step(text, span, after):
            ends.append(after)
        outside = span.end
    return ends


def _is_end(text: str, place: re.Match[str], before_display: bool) -> bool:
    """Whether a sentence or a line ends at a place, by the text before and after it."""
    kind, following = place.lastgroup, text[place.end() : place.end() + 1]
    if kind == "full":
        return True
    if following.islower() or (following and following in _NO_BEGINNING):
        return kind == "line" and (place.group().count("\n") > 1 or following in "-*")  # a paragraph, a list
    if kind == "stop":
        before = text[max(0, place.start() - _LONGEST_ABBREVIATION) : place.start("stop")]
        return not (_ABBREVIATION.search(before) or _NUMBERED.search(before))
    return not before_display and text[place.start() - 1] != ","


def _ends_a_step(text: str, span: Span, after: int) -> bool:
    """Whether a step ends with a formula: a display without punctuation after it, or `$x = 1.$` before a sentence."""
    following = text[after : after + 1]
    if span.apart:
        return following not in (".", ",", ";", ":", "!", "?", ")", "。", "，")
    return after > span.end and text[span.end - 2 : span.end - 1] == "." and not following.islower()


HINT = Hint()
