"""Cut a text into reasoning steps and sentences, so that parts can be moved, removed and put together again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

_FORMULA = r"\$\$.*?\$\$|\\\[.*?\\\]|\\\(.*?\\\)|\$[^$\n]{1,400}\$|```.*?(?:```|\Z)"
# What is between two paragraphs, formulas and code left whole.
_PARAGRAPHS = re.compile(rf"(?P<whole>{_FORMULA})|(?P<between>[ \t]*\n[ \t]*(?:\n[ \t]*)+)", re.DOTALL)
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|cf|vs|resp|approx|Eq|Fig|No|St|Mr|Mrs|Ms|Dr|Prof)|(?:^|\n)\s*\(?\d{1,3}|\b[A-Z])\.$"
)
_SENTENCES = re.compile(
    rf"(?P<whole>{_FORMULA})|(?P<between>(?<=[.!?…])[\"')\]*”]*[ \t]+(?=\S)|(?<=[。！？])[”」』）]*|[ \t]*\n\s*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Pieces:
    """The pieces of a text and what stands between them: `text()` is the text they were cut from.

    `between` has one entry more than `bodies`: before the first, between two, after the last.
    """

    bodies: tuple[str, ...]
    between: tuple[str, ...]

    def text(self) -> str:
        """Put the pieces together again."""
        return self.between[0] + "".join(
            body + after for body, after in zip(self.bodies, self.between[1:], strict=True)
        )

    def replaced(self, bodies: dict[int, str]) -> Pieces:
        """Return the pieces with other bodies at some places."""
        return Pieces(tuple(bodies.get(place, body) for place, body in enumerate(self.bodies)), self.between)

    def without(self, places: set[int]) -> Pieces:
        """Return the pieces without some. Between two that are left stands the widest break that was there."""
        kept = [place for place in range(len(self.bodies)) if place not in places]
        if not kept:
            return Pieces((), ("",))
        breaks = [
            max(self.between[one + 1 : other + 1], key=lambda joint: joint.count("\n")) for one, other in pairwise(kept)
        ]
        return Pieces(tuple(self.bodies[place] for place in kept), (self.between[0], *breaks, self.between[-1]))


def steps(text: str) -> Pieces:
    """Cut a text into steps: its paragraphs, or the sentences of a text that is one paragraph.

    A paragraph ends at a blank line. Displayed formulas and code are never cut. arXiv 2502.07374 had a language model
    cut its traces; paragraphs need none, and are the same on every machine.
    """
    paragraphs = _cut(text, _PARAGRAPHS)
    return paragraphs if len(paragraphs.bodies) > 1 else sentences(text)


def sentences(text: str) -> Pieces:
    """Cut a text into sentences: after `.`, `!` or `?` and white space, and at line breaks; formulas stay whole."""
    return _cut(text, _SENTENCES)


def _cut(text: str, pattern: re.Pattern[str]) -> Pieces:
    bodies: list[str] = []
    between = [""]
    start = 0
    for match in pattern.finditer(text):
        if match["whole"] is not None:
            continue
        body = text[start : match.start()]
        if "\n" not in match[0] and _ABBREVIATED.search(body[-12:]):
            continue
        if body.strip():
            bodies.append(body)
            between.append(match[0])
        else:
            between[-1] += body + match[0]
        start = match.end()
    rest = text[start:]
    if rest.strip():
        bodies.append(rest)
        between.append("")
    else:
        between[-1] += rest
    return Pieces(tuple(bodies), tuple(between))
