r"""The options of a multiple-choice question, read from its text."""

from __future__ import annotations

import re

# How a question marks its options, most reliable first. Every pattern gives the letter as its one group.
_STYLES = (
    # A line of its own: "A: 2.34 m/s", "(A) 2.34 m/s", "A. 2.34 m/s", "A) 2.34 m/s", "- **A.** 2.34 m/s"
    re.compile(r"^[ \t]*(?:[-*][ \t]+)?(?:\*\*)?(?:\(([A-Z])\)|([A-Z])[:.)])(?:\*\*)?(?=\s)", re.MULTILINE),
    # LaTeX: "\textbf{(A)}\ 8 \qquad \textbf{(B) }10"
    re.compile(r"\\(?:textbf|textrm|text|mathbf|mathrm)\s*\{\s*\(([A-Z])\)[\s~:]*\}"),
    # Within a line: "(A) 8 (B) 10"
    re.compile(r"(?<![\w\\])\(([A-Z])\)"),
)
_SPACING = r"(?:\s|~|\\[ ,;:!]|\\q?quad(?![a-z])|\\hspace\*?\{[^}]*\}|\\\\)+"
_EDGES = re.compile(rf"^{_SPACING}|{_SPACING}$")


def options(question: str) -> dict[str, str]:
    r"""The options that a question offers: letter -> text, from A on, at least two.

    Read are lines such as `A: 2.34 m/s`, `(A) ...`, `A. ...` and `A) ...`, `\textbf{(A)}`, and `(A) ... (B) ...`
    within a line. Where letters occur twice, the longest series counts, and of equal ones the last, as options
    stand at a question's end. Empty where the question offers none.
    """
    for style in _STYLES:
        series = _longest_series(list(style.finditer(question)))
        if len(series) >= 2:
            ends = [match.start() for match in series[1:]] + [_end_of_last(question, series[-1].end())]
            return {
                _letter(match): _clean(question[match.end() : end]) for match, end in zip(series, ends, strict=True)
            }
    return {}


def _letter(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group)


def _longest_series(matches: list[re.Match[str]]) -> list[re.Match[str]]:
    """The longest A, B, C ... among the matches; other letters between (`(D) both (A) and (B)`) are skipped."""
    best: list[re.Match[str]] = []
    for start, first in enumerate(matches):
        if _letter(first) != "A":
            continue
        series = [first]
        for match in matches[start + 1 :]:
            if ord(_letter(match)) == ord("A") + len(series):
                series.append(match)
        if len(series) >= len(best):
            best = series
    return best


def _end_of_last(question: str, start: int) -> int:
    """The last option ends with its line: what follows is an instruction, not an option."""
    text_start = start + len(question[start:]) - len(question[start:].lstrip())
    end = question.find("\n", text_start)
    return len(question) if end < 0 else end


def _clean(text: str) -> str:
    text = _EDGES.sub("", text)
    if text.count("$") % 2:  # one dollar of `$\textbf{(A)}\ 8 ... \textbf{(E)}\ 9$`
        text = _EDGES.sub("", text.removesuffix("$") if text.endswith("$") else text.removeprefix("$"))
    return text
