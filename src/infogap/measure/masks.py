r"""What of a text is no prose: code and formulas. A `might` in code is no doubt."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property

_ENVIRONMENTS = (
    "equation|align|alignat|aligned|gather|gathered|multline|eqnarray|math|displaymath|cases|array|split|"
    "[bBpvV]?matrix|smallmatrix|verbatim|lstlisting|tabular"
)
_OPENING = re.compile(  # begins with one of four characters, whatever the branch: regular expressions skip to those
    rf"```|``|`|~~~|\$\$|\$(?!\s)|\\\[|\\\(|\\begin\{{(?:{_ENVIRONMENTS})\*?\}}"
)
_CLOSING = {"```": "```", "``": "``", "`": "`", "$$": "$$", "$": "$", "\\[": "\\]", "\\(": "\\)"}
_INDENTED = 20  # characters that may stand before ~~~
_IN_ONE_LINE = ("``", "`", "$")


def masked(text: str) -> list[tuple[int, int]]:
    r"""Where code and formulas stand, from left to right, delimiters included.

    Masked are code fenced by ``` or ~~~, code within a line, `$...$`, `$$...$$`, `\(...\)`, `\[...\]`, and LaTeX's
    environments for formulas, tables and code. What is not closed is not masked. A dollar before a space, an escaped
    one, or one closed before a digit, is money.
    """
    spans: list[tuple[int, int]] = []
    unclosed: set[str] = set()  # closings of which there are no more: not to be looked for again
    position = 0
    while opening := _OPENING.search(text, position):
        if not _opens(text, opening):
            position = opening.end()
            continue
        closing = _closing(opening.group())
        end = -1 if closing in unclosed else text.find(closing, opening.end())
        if end < 0:
            unclosed.add(closing)
        if end < 0 or (opening.group() in _IN_ONE_LINE and not _closes(text, opening, end)):
            position = opening.end()
            continue
        position = end + len(closing)
        spans.append((opening.start(), position))
    return spans


def _opens(text: str, opening: re.Match[str]) -> bool:
    if opening.group() == "~~~":
        before = text[max(0, opening.start() - _INDENTED) : opening.start()]
        line = before.rpartition("\n")
        return not line[2].strip() and (line[1] == "\n" or len(before) == opening.start())
    return not (opening.group() in ("$", "$$") and text[opening.start() - 1 : opening.start()] == "\\")


def _closing(opening: str) -> str:
    if opening.startswith("\\begin"):
        return opening.replace("\\begin", "\\end")
    return _CLOSING.get(opening, "\n~~~")


def _closes(text: str, opening: re.Match[str], end: int) -> bool:
    if "\n" in text[opening.end() : end]:
        return False
    return opening.group() != "$" or not (text[end - 1].isspace() or text[end + 1 : end + 2].isdigit())


class Masks:
    """The masked parts of one text, found when first asked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    def overlap(self, start: int, end: int) -> bool:
        """Whether a span reaches into a masked part."""
        before = bisect_right(self._starts, end - 1) - 1  # the last one that begins before the span ends
        return before >= 0 and self._ends[before] > start

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        return masked(self._text)

    @cached_property
    def _starts(self) -> list[int]:
        return [start for start, _ in self._spans]

    @cached_property
    def _ends(self) -> list[int]:
        return [end for _, end in self._spans]
