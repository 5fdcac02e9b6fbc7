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
    rf"```|``|`[^`\n]*`|`|\$(?![\s$])[^$\n]*(?<!\s)\$(?!\d)|~~~|\$\$|\$(?!\s)|\\\[|\\\("
    rf"|\\begin\{{(?:{_ENVIRONMENTS})\*?\}}"
)
_CLOSING = {"```": "```", "``": "``", "$$": "$$", "\\[": "\\]", "\\(": "\\)", "~~~": "\n~~~"}
_INDENTED = 20  # characters that may stand before ~~~


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
        start, delimiter = opening.start(), opening.group()
        if delimiter[0] == "$" and text[start - 1 : start] == "\\":
            position = start + 1
            continue
        if len(delimiter) > 2 and delimiter[0] in "`$" and delimiter != "```":  # the whole of it
            position = opening.end()
            spans.append((start, position))
            continue
        closing = _CLOSING.get(delimiter) or delimiter.replace("\\begin", "\\end")
        end = -1
        if (
            delimiter not in ("`", "$")
            and closing not in unclosed
            and not (delimiter == "~~~" and _in_line(text, start))
        ):
            end = text.find(closing, opening.end())
            if end < 0:
                unclosed.add(closing)
        if end < 0 or (delimiter == "``" and "\n" in text[start:end]):
            position = opening.end()
            continue
        position = end + len(closing)
        spans.append((start, position))
    return spans


def _in_line(text: str, start: int) -> bool:
    """Whether something but blanks stands before a place in its line."""
    before = text[max(0, start - _INDENTED) : start]
    _, newline, line = before.rpartition("\n")
    return bool(line.strip()) or (not newline and len(before) < start)


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
