r"""Find code and LaTeX in many texts: the spans that are not prose (`masks`).

`formulas.py` has another search, because the two err on opposite sides. The measures read everything that is not
certainly code or a formula, in millions of traces: what is not closed is prose, a dollar pairs within its line, braces
mean nothing. A hint cuts one solution and must not cut into anything. Neither result can be derived from the other.

Masked (a `might` in code expresses no doubt) are code fenced by ``` or ~~~, code within a line, `$...$`,
`$$...$$`, `\(...\)`, `\[...\]`, and LaTeX's environments for formulas, tables and code. A dollar before a space, an
escaped one, or one closed before a digit, is money.

What each delimiter would mask, if a text were read from there, is computed for all delimiters in arrays; one pass from
left to right then decides which of them are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from infogap.text.text_batch import TextBatch

_ENVIRONMENTS = (
    "equation|align|alignat|aligned|gather|gathered|multline|eqnarray|math|displaymath|cases|array|split|"
    "[bBpvV]?matrix|smallmatrix|verbatim|lstlisting|tabular"
)
_BEGIN = re.compile(rf"\\begin(\{{(?:{_ENVIRONMENTS})\*?\}})".encode())
_INDENTED = 20  # characters that may stand before ~~~
_LINE_BREAK, _DOLLAR, _BACKSLASH, _TICK, _TILDE = map(ord, "\n$\\`~")
_SPACE = np.array([chr(byte).isspace() and byte < 128 for byte in range(256)])
_DIGIT = np.array([48 <= byte < 58 for byte in range(256)])
_NONE = np.iinfo(np.int64).max


def masked(text: str) -> list[tuple[int, int]]:
    """Return the spans of code and formulas in one text, from left to right, delimiters included."""
    row = TextBatch.of([text])
    starts, ends = (row.characters(places) - row.starts[0] for places in masks(row))
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def masks(row: TextBatch) -> tuple[np.ndarray, np.ndarray]:
    """Return the starts and ends (exclusive) of code and formulas in all texts of a row, in bytes of the row."""
    content = row.content
    special = (content == _DOLLAR) | (content == _BACKSLASH) | (content == _TICK) | (content == _TILDE)
    delimiters = _Delimiters(row, np.flatnonzero(special))
    delimiters.dollars()
    delimiters.ticks()
    delimiters.tildes()
    delimiters.backslashes()
    return delimiters.read()


class _Delimiters:
    """Characters that begin delimiters: where the span of each would end, and where reading continues after it."""

    def __init__(self, row: TextBatch, places: np.ndarray) -> None:
        self._row = row
        self._places = places
        self._character = row.content[places]
        self._end = np.zeros(len(places), np.int64)  # of what is masked; 0 for nothing
        self._goes_on = places + 1
        self._breaks = np.flatnonzero(row.content == _LINE_BREAK)

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        following = np.searchsorted(self._places, np.where(self._end > 0, self._end, self._goes_on)).tolist()
        passed = bytearray(len(following))
        place = 0
        while place < len(following):
            passed[place] = 1
            place = following[place]
        masking = (np.frombuffer(passed, np.uint8) > 0) & (self._end > 0)
        return self._places[masking], self._end[masking]

    def dollars(self) -> None:
        which = np.flatnonzero(self._character == _DOLLAR)
        places = self._places[which]
        content = self._row.content
        after = content[places + 1]
        double = after == _DOLLAR
        # The next dollar closes, if it stands in the same line and there is no other sign of money.
        closing = np.append(places[1:], _NONE)
        one = np.flatnonzero(~double & (closing < self._line_end(places)))
        opened, closed = places[one], closing[one]
        formula = ~(
            self._is(str.isspace, _SPACE, opened + 1, forward=True)
            | self._is(str.isspace, _SPACE, closed - 1, forward=False)
            | self._is(str.isdecimal, _DIGIT, closed + 1, forward=True)
        )
        self._end[which[one[formula]]] = closed[formula] + 1
        self._close(which[double], 2, places[double])
        escaped = which[content[places - 1] == _BACKSLASH]
        self._end[escaped] = 0
        self._goes_on[escaped] = self._places[escaped] + 1

    def ticks(self) -> None:
        which = np.flatnonzero(self._character == _TICK)
        if not len(which):
            return
        places = self._places[which]
        content = self._row.content
        double = content[places + 1] == _TICK
        triple = double & (content[places + 2] == _TICK)
        line_end = self._line_end(places)
        closing = np.append(places[1:], _NONE)
        one = ~double & (closing < line_end)
        self._end[which[one]] = closing[one] + 1
        in_line = double & ~triple
        self._close(which[in_line], 2, places[double], line_end[in_line])
        self._close(which[triple], 3, places[triple])

    def tildes(self) -> None:
        content = self._row.content
        which = np.flatnonzero(self._character == _TILDE)
        places = self._places[which]
        triple = (content[places + 1] == _TILDE) & (content[places + 2] == _TILDE)
        which, places = which[triple], places[triple]
        closing = places[content[places - 1] == _LINE_BREAK] - 1
        starts = self._row.starts[self._row.text(places)].tolist()
        begins = np.array(list(map(self._begins_line, starts, places.tolist())), bool)
        self._goes_on[which] = places + 3
        self._close(which[begins], 3, closing, closing_size=4)

    def backslashes(self) -> None:
        content = self._row.content
        which = np.flatnonzero(self._character == _BACKSLASH)
        places = self._places[which]
        after = content[places + 1]
        for opening, closing in ("[]", "()"):
            self._close(which[after == ord(opening)], 2, places[after == ord(closing)])
        of_environment: dict[bytes, list[int]] = {}
        begins = (after == ord("b")) & (content[places + 2] == ord("e")) & (content[places + 3] == ord("g"))
        for delimiter, place in zip(which[begins].tolist(), places[begins].tolist(), strict=True):
            if opened := _BEGIN.match(self._row.raw, place):
                of_environment.setdefault(opened[1], []).append(delimiter)
        for name, some in of_environment.items():
            end = b"\\end" + name
            closings = [match.start() for match in re.finditer(re.escape(end), self._row.raw)]
            self._close(np.array(some), len(b"\\begin" + name), np.array(closings, np.int64), closing_size=len(end))

    def _close(
        self,
        which: np.ndarray,
        size: int,
        closings: np.ndarray,
        limit: np.ndarray | None = None,
        closing_size: int | None = None,
    ) -> None:
        """Close delimiters of `size` bytes with the first of the closings after them, if it is before the limit.

        The limit is the end of the text by default.
        """
        if not len(which):
            return
        places = self._places[which]
        if limit is None:
            limit = self._row.ends[self._row.text(places)]
        closing = np.append(closings, _NONE)[np.searchsorted(closings, places + size)]
        closed = closing < limit
        self._end[which[closed]] = closing[closed] + (closing_size or size)
        self._goes_on[which] = places + size

    def _line_end(self, places: np.ndarray) -> np.ndarray:
        return self._breaks[np.searchsorted(self._breaks, places)]

    def _is(self, kind: Callable[[str], bool], of_ascii: np.ndarray, places: np.ndarray, forward: bool) -> np.ndarray:
        """Whether the characters that begin (`forward`), or end, at these places are of a kind."""
        content = self._row.content[places]
        matching: np.ndarray = of_ascii[content]
        for number in np.flatnonzero(content > 127).tolist():
            place = int(places[number])
            around = self._row.raw[place : place + 4] if forward else self._row.raw[place - 3 : place + 1]
            matching[number] = kind(around.decode(errors="ignore")[0 if forward else -1])
        return matching

    def _begins_line(self, start: int, place: int) -> bool:
        """Whether only a few blanks precede a place in its line, in the text that begins at `start`."""
        before = self._row.raw[max(start, place - 4 * _INDENTED) : place].decode(errors="ignore")[-_INDENTED:]
        _, newline, line = before.rpartition("\n")
        return not line.strip() and (bool(newline) or place - len(before.encode()) == start)
