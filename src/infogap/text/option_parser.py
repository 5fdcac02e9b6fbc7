r"""Parse the options of a multiple-choice question, and find which of them an answer names."""

from __future__ import annotations

import re

from infogap.text.characters import half_width, visible
from infogap.text.stated_answers import normalised

_UPPER = "[A-ZＡ-Ｚ]"
_CLOSED = r"[)）、．:：]"  # what ends a letter with or without a space after it
# How a question marks its options, most reliable first: every pattern gives the letter as one of its groups. The number
# is how many options there must at least be: "(a) ... (b)" within a line are more often parts of a question.
_STYLES = (
    # A line of its own: "A: 2.34 m/s", "(A) 2.34 m/s", "A. 2.34 m/s", "A)2.34 m/s", "A、2.34 m/s", "- **A.** 2.34 m/s"
    (
        re.compile(
            rf"^[ \t]*(?:[-*][ \t]+)?(?:\*\*)?(?:[(（]({_UPPER})[)）]|({_UPPER})(?:\.|{_CLOSED}))(?:\*\*)?(?=\s|\S)",
            re.MULTILINE,
        ),
        2,
    ),
    # A line of its own: "[A] 2.34 m/s", "A - 2.34 m/s"
    (re.compile(rf"^[ \t]*\[({_UPPER})\](?=\s)", re.MULTILINE), 2),
    (re.compile(rf"^[ \t]*({_UPPER})[ \t]+[-–—](?=[ \t]+(?:[A-Za-z][A-Za-z]|an?[ ][a-z]|\$))", re.MULTILINE), 2),
    # LaTeX: "\textbf{(A)}\ 8 \qquad \textbf{(B) }10"
    (re.compile(r"\\(?:textbf|textrm|text|mathbf|mathrm|bf)\s*\{\s*\(([A-Z])\)(?:[\s~:]|\\[ ,;:])*\}"), 2),
    # Within a line: "(A) 8 (B) 10"
    (re.compile(rf"(?<![\w\\])[(（]({_UPPER})[)）]"), 2),
    # Within a line, without the first parenthesis: "A) 8 B) 10"
    (re.compile(rf"(?<![\w\\(（])({_UPPER})[)）、]"), 2),
    (re.compile(rf"(?<![\w\\.(])({_UPPER})(?:[.:](?=\s|\$|\d|\\)|[．：])"), 3),
    # Small letters, on lines of their own or within one: "(a) 8", "a) 8", "a. 8"
    (re.compile(r"^[ \t]*(?:[-*][ \t]+)?(?:\(([a-z])\)|([a-z])[.)])(?=\s)", re.MULTILINE), 2),
    (re.compile(r"(?<![\w\\])\(([a-z])\)"), 3),
)
_SPACING = r"(?:\s|~|\\[ ,;:!]|\\q?quad(?![a-z])|\\hspace\*?\{[^}]*\}|\\\\)+"
_EDGES = re.compile(rf"^{_SPACING}|{_SPACING}$")
_BARE_LETTER = re.compile(r"[*(\[]{0,3}([A-Za-z])[)\]*.:]{0,3}")
# "B", "(B)", "B.", "B: 0.58 m/s", "option B", "\text{(B)} 0.58 m/s", "B because ..."
_LETTER = re.compile(
    r"(?:(?:the\s+)?(?:option|choice|answer)\s+)?(?:\\(?:text|textbf|mathrm|mathbf|textrm)\s*\{\s*)?[*(\[]*([A-Z])"
    r"(?=$|[\s).:,;、\]}*—–-])(?P<mark>[)\]*}.:,;、]*)(?:\s*(?P<rest>\S.*))?",
    re.DOTALL | re.IGNORECASE,
)
# What may follow a letter without a mark: a reason, or that it is right. "A ball" and "I computed" name no option.
_REASON = re.compile(
    r"(?:because|since|as|for|due\s+to|rather\s+than|instead\s+of|—|–|-|which|where|\(|is\s+(?:the\s+)?(?:correct|right|true|best|only|answer|one)"
    r"|is\s+(?:the\s+)?(?:correct|right|best)\b)(?![A-Za-z])",
    re.IGNORECASE,
)
_CHINESE = re.compile(r"(?:选项\s*)?([A-Z])\s*(?:选项|项)?[。.]?")
_ARTICLE = re.compile(r"(?:the|an?)\s+")
_DASH = re.compile(r"\s*[—–](?=[A-Za-z]{2})")
_ANOTHER = re.compile(r"(?:(?:and|or|nor|&|/|,)\s*)+[*(\[]*([A-Z])(?![A-Za-z'])|[*(\[]*([A-Z])[)\]*.]*$")


def options(question: str) -> dict[str, str]:
    r"""Return the options that a question offers: letter -> text, from A on, at least two.

    Known are lines such as `A: 2.34 m/s`, `(A) ...`, `A.$1$`, `A、...` and `a) ...`, `\textbf{(A)}`, and within a line
    `(A) ... (B) ...`, `A) ... B) ...`, `A. ... B. ... C. ...` and `(a) ... (b) ... (c) ...`. Where letters occur twice,
    the longest series counts, and of equal ones the last, as options stand at a question's end. Empty where the
    question offers none.
    """
    for style, fewest in _STYLES:
        series = _longest_series(list(style.finditer(question)))
        if len(series) >= fewest:
            ends = [match.start() for match in series[1:]] + [_end_of_last(question, series[-1].end())]
            return {
                _letter(match): _clean(question[match.end() : end]) for match, end in zip(series, ends, strict=True)
            }
    return {}


def named_option(answer: str, offered: dict[str, str]) -> str | None:
    """Return the letter of the option that an answer names, by letter or text; None where it names none, or two.

    An answer written exactly like an option's text is that option, even if it is another's letter. Then a letter counts
    (any, if the question offers no options), then an option's text in other capitals or with other punctuation.
    """
    answer = visible(half_width(answer)).strip(" \t\n'\"“”‘’")
    if chinese := _CHINESE.fullmatch(answer):
        answer = chinese[1]
    answer = answer[1:-1].strip() if len(answer) > 2 and answer[0] == answer[-1] == "$" else answer
    exactly = [letter for letter, text in offered.items() if text == answer]
    if len(exactly) == 1:
        return exactly[0]
    if bare := _BARE_LETTER.fullmatch(answer):
        letter = bare[1].upper()
        if not offered or letter in offered:
            return letter
    texts = {letter: normalised(text) for letter, text in offered.items()}
    named = [letter for letter, text in texts.items() if text and text == normalised(answer)]
    if not named and (article := _ARTICLE.match(said := normalised(answer))) and not answer.startswith(("A ", "An ")):
        named = [letter for letter, text in texts.items() if text and text == said[article.end() :]]
    return named[0] if len(named) == 1 else _beginning_letter(answer, texts)


def _beginning_letter(answer: str, texts: dict[str, str]) -> str | None:
    """Return the letter that begins an answer, if its option's text or a reason follows, or a mark sets it off."""
    match = _LETTER.fullmatch(answer)
    if not match or (texts and match[1].upper() not in texts):
        return None
    letter, rest = match[1].upper(), match["rest"]
    if rest and (dashed := _DASH.match(rest)):
        text = normalised(rest[dashed.end() :])
        return (
            letter
            if match[1].isupper() and (not texts or text == texts[letter] or text not in texts.values())
            else None
        )
    if rest is None or (texts and texts[letter] in (normalised(rest), normalised(rest.strip("() .")))):
        return letter
    other = _ANOTHER.match(rest)
    if (other and (other[1] or other[2]) != letter) or normalised(rest) in texts.values():
        return None  # two letters; or "B: 2.34 m/s", where that is the text of A
    explicit = bool(match["mark"].strip("*}")) or answer[match.start(1) - 1 : match.start(1)] in ("(", "[", "{")
    return letter if explicit or _REASON.match(rest) else None


def _letter(match: re.Match[str]) -> str:
    return half_width(next(group for group in match.groups() if group)).upper()


def _longest_series(matches: list[re.Match[str]]) -> list[re.Match[str]]:
    """Return the longest A, B, C ... among the matches; letters between (`(D) both (A) and (B)`) are skipped."""
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
    """Return the end of the last option, which is that of its line: an instruction may follow."""
    text_start = start + len(question[start:]) - len(question[start:].lstrip())
    end = question.find("\n", text_start)
    return len(question) if end < 0 else end


def _clean(text: str) -> str:
    text = _EDGES.sub("", text)
    if text.count("$") % 2:  # one dollar of `$\textbf{(A)}\ 8 ... \textbf{(E)}\ 9$`
        text = _EDGES.sub("", text.removesuffix("$") if text.endswith("$") else text.removeprefix("$"))
    return text
