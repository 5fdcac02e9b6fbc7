"""Invent wrong answers: find the form of an answer, and change one part of the gold answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from math import gcd

from infogap.text.formulas import braced
from infogap.text.option_parser import options

NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)")
_APART = Fraction(1, 1_000)  # of the number, and at least this; verifiers round later
_PLAIN = re.compile(r"[-+]?(?:\d{1,100}(?:\.\d{1,100}|/\d{1,100})?|\.\d{1,100})")
_FRACTION = re.compile(r"([-+]?)\\[dt]?frac\{(\d{1,100})\}\{(\d{1,100})\}")
_WRAPPED = re.compile(r"(\\(?:text|textbf|textit|textrm|mathrm|mbox)\s*\{\s*|\(|)(.*?)((?:\\?[.\s])*[)}]?)", re.DOTALL)
_WORDS = re.compile(r"[^\W\d_]{2,}(?:[ '-][^\W\d_]+)*")
_GROUPED = r"\d{1,3}(?:(?:,|,\\!\s?|\{,\})\d{3})+(?!\d)"
# A number with the base that it is written in, if one is said: 4210_{5}.
_TOKEN = re.compile(rf"({_GROUPED}|\d+(?:\.\d+)?|\.\d+)(?:_\{{?(\d{{1,2}})\}}?)?")
_FORM = re.compile(r"[\^_](?:\d|\{-?\d+\})|\\begin\{[^}]*\}")  # exponents, indices: changed only if there is no other
_LETTER = re.compile(r"(\\(?:text|textbf|mathrm)\s*\{\s*)?(\()?([A-Z])(\))?(\s*\})?")
_SIGN = re.compile(r"(?<=[\w)}\]])(\s*)([+-])(\s*)(?=[\w(\\])")
# Words and commands; each can replace the others of its line.
_ALTERNATIVES = (
    ("true", "false"),
    ("yes", "no"),
    ("even", "odd"),
    ("positive", "negative"),
    ("increasing", "decreasing"),
    ("on", "off"),
    ("left", "right"),
    ("up", "down"),
    ("north", "east", "south", "west"),
    ("circle", "ellipse", "parabola", "hyperbola"),
    ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    (r"\sin", r"\cos"),
    (r"\tan", r"\cot"),
    (r"\sec", r"\csc"),
    (r"\le", r"\ge"),
    (r"\leq", r"\geq"),
    ("<", ">"),
    (r"\emptyset", r"\{0\}"),
)
_INFINITY = re.compile(r"-?\\infty(?![A-Za-z])")
_QUOTIENT = re.compile(r"(?:frac\{)?(?<!\d)(\d{1,9})(?:\}\{|/)(\d{1,9})(?!\d)")
_ROOT = re.compile(r"\\sqrt\{?(\d{1,9})(?!\d)")
_TERM = re.compile(r"(?:[a-z]|\\(?!left|right|begin|text|mbox|\{)[A-Za-z]+)[^\s,;]*(?: [a-z])?")


def form(answer: str) -> str:
    r"""Return the form of an answer, without its values: `\frac{1}{2}` has that of `\frac37`, 12 that of 47, not of -3.

    A number's form is its sign and its digits before and behind the point; words have one form, capitalised or not.
    """
    words = in_words(answer)
    if words:
        return "Words" if words[1][0].isupper() else "words"
    text = re.sub(r"\\left|\\right|\\[,!;]|\s", "", braced(answer))
    if NUMBER.fullmatch(text):
        return re.sub(r"\d", "0", text)
    return re.sub(r"\d+(\.\d+)?|\.\d+", lambda match: "0.0" if "." in match[0] else "0", text)


def in_words(answer: str) -> tuple[str, str, str] | None:
    r"""Split `\text{even}` into `\text{`, `even` and `}`; None if the answer is not words."""
    wrapped = _WRAPPED.fullmatch(answer)
    return (wrapped[1], wrapped[2], wrapped[3]) if wrapped and _WORDS.fullmatch(wrapped[2]) else None


def same_answer(one: str, other: str) -> bool:
    r"""Whether two answers are the same number, or equal up to case and white space.

    Numbers can be fractions (`1/2`, `\frac12`) or decimals, with commas or a dollar sign; other notations are compared
    as text only.
    """
    if _squeezed(one) == _squeezed(other):
        return True
    values = _value(one), _value(other)
    return values[0] is not None and values[0] == values[1]


def plainly_differ(one: str, other: str) -> bool:
    """Whether both are numbers so far apart that no verifier can mistake one for the other."""
    first, second = _value(one), _value(other)
    if first is None or second is None:
        return False
    return abs(first - second) > _APART * max(Fraction(1), abs(second))


def variants(answer: str, question: str, draw: int) -> Iterator[str]:
    """Yield answers of the same form as the gold `answer`, the most plausible first; `draw` decides among equals.

    One number is changed a little; or a sign, a function or a word is replaced by its counterpart; or a name by another
    one in the question, or an option's letter by another. An answer without such a part has no variants, and a variant
    can be right by chance: the verifier decides.
    """
    yield from _other_letters(answer, question, draw)
    yield from _exchanged(answer, draw)
    yield from _other_names(answer, question, draw)
    yield from sorted(_moved_numbers(braced(answer), draw), key=_unsimplified)
    yield from _other_signs(answer)
    if infinite := list(_INFINITY.finditer(answer)):  # the second of (-\infty, \infty)
        yield f"{answer[: infinite[-1].start()]}0{answer[infinite[-1].end() :]}"
    yield from _other_order(answer, draw)
    if _TERM.fullmatch(answer) and not in_words(answer):
        yield f"2{answer}"
        yield f"-{answer}"


def _moved_numbers(answer: str, draw: int) -> Iterator[str]:
    """Yield the answer with each number in turn, from the `draw`-th on, raised by 1 to 20 units of its last digit.

    Then raised by one more, then by one unit of its first digit: a verifier may accept a change in the tenth decimal.
    """
    fixed = [match.span() for match in _FORM.finditer(answer)]
    tokens = list(_TOKEN.finditer(answer))
    free = [token for token in tokens if not any(start <= token.start() < end for start, end in fixed)]
    for turn in range(3 * len(free or tokens)):
        token = (free or tokens)[(draw + turn) % len(free or tokens)]
        again = turn // len(free or tokens)
        moved = _in_base(token[1], int(token[2]), draw + turn) if token[2] else _moved(token[1], draw + turn, again)
        if moved:
            yield answer[: token.start()] + moved + answer[token.end(1) :]


def _unsimplified(answer: str) -> bool:
    r"""Whether an answer would be simplified: `\frac{6}{3}`, `\sqrt{12}`."""
    quotients = [(int(top), int(bottom)) for top, bottom in _QUOTIENT.findall(answer)]
    roots = [int(root) for root in _ROOT.findall(answer)]
    return any(gcd(*quotient) > 1 or quotient[1] <= 1 for quotient in quotients) or any(
        root % square == 0 for root in roots for square in (4, 9, 25, 49)
    )


def _moved(number: str, draw: int, again: int = 0) -> str:
    """Raise a number by at most a fifth of itself, or by a unit (`again`: 0, 1, 2); commas and zeros are kept."""
    digits = re.sub(r"\D", "", number)
    units = int(digits)  # whole, so that a number of any length moves exactly
    step = 10 ** (len(digits) - 1) if again > 1 else 1 + again + draw % min(max(1, units // 5), 20)
    moved = str(units + step).zfill(len(digits))
    if len(moved) > len(digits):  # 99 to 100: the new digit goes in front
        number = "0" + number
    replaced = iter(moved)
    return re.sub(r"\d", lambda _: next(replaced), number)


def _in_base(number: str, base: int, draw: int) -> str | None:
    """Change the last digit to another one that the base has."""
    if not (2 <= base <= 10 and number.isdigit()):
        return _moved(number, draw)
    return f"{number[:-1]}{(int(number[-1]) + 1 + draw % (base - 1)) % base}"


def _other_letters(answer: str, question: str, draw: int) -> Iterator[str]:
    """Yield, for `C`, `(C)` or `\\text{(C)}`, the question's other options; other letters if it has none."""
    letter = _LETTER.fullmatch(answer)
    if not letter:
        return
    others = [other for other in options(question) or "ABCDE" if other != letter[3]]
    for turn in range(len(others)):
        other = others[(draw + turn) % len(others)]
        yield answer[: letter.start(3)] + other + answer[letter.end(3) :]


def _exchanged(answer: str, draw: int) -> Iterator[str]:
    for alternatives in _ALTERNATIVES:
        for place, word in enumerate(alternatives):
            end = "(?![A-Za-z])" if word[-1].isalpha() else ""
            start = r"(?<![A-Za-z\\])" if word[0].isalpha() else ""
            matches = list(re.finditer(start + re.escape(word) + end, answer, re.IGNORECASE))
            if not matches:
                continue
            last = matches[-1]
            other = alternatives[(place + 1 + draw % (len(alternatives) - 1)) % len(alternatives)]
            yield answer[: last.start()] + _cased(other, last[0]) + answer[last.end() :]


def _cased(word: str, like: str) -> str:
    if like.isalpha() and like[0].isupper():
        return word.upper() if len(like) > 1 and like.isupper() else word.capitalize()
    return word


def _other_names(answer: str, question: str, draw: int) -> Iterator[str]:
    """Yield, for a name, the others of the question: capitalised words that do not begin a sentence."""
    words = in_words(answer)
    if not words or not words[1][0].isupper():
        return
    named = re.findall(r"(?<=[a-z,;:\"'|&(-])[ \"'(]?\b([A-Z][a-z]{2,})\b", question)
    others = sorted(set(named) - {words[1]})
    for turn in range(min(len(others), 4)):
        yield words[0] + others[(draw + turn) % len(others)] + words[2]


def _other_signs(answer: str) -> Iterator[str]:
    """Yield the answer with one sign between two terms changed: `p - q` for `p + q`."""
    for sign in _SIGN.finditer(answer):
        yield answer[: sign.start(2)] + {"+": "-", "-": "+"}[sign[2]] + answer[sign.end(2) :]


def _other_order(answer: str, draw: int) -> Iterator[str]:
    """Yield the answer with two neighbours of a list swapped, if it has no brackets. A sentence is not a list."""
    if re.search(r"[()\[\]{}\\]", answer):
        return
    for separator, longest in ((r"(\s*\n\s*)", None), (r"(\s*[,;]\s*)", 2), (r"(\s+)", 1)):
        parts = re.split(separator, answer)
        if longest and any(len(part.split()) > longest for part in parts[::2]):
            continue
        if longest == 1 and len({form(part).lower() for part in parts[::2]} - {"_"}) > 1:
            continue
        for turn in range(len(parts) // 2):
            place = 2 * ((draw + turn) % (len(parts) // 2))
            if parts[place] != parts[place + 2]:
                yield "".join([*parts[:place], parts[place + 2], parts[place + 1], parts[place], *parts[place + 3 :]])


def _squeezed(answer: str) -> str:
    return re.sub(r"\s", "", braced(answer)).casefold()


def _value(answer: str) -> Fraction | None:
    """Read an answer as a number, without powers of ten (`1e999999999` would take for ever); None if it is not one."""
    plain = _FRACTION.sub(r"\1\2/\3", braced(answer.replace(",", "").replace("$", "").strip()))
    try:
        return Fraction(plain) if _PLAIN.fullmatch(plain) else None
    except ZeroDivisionError:
        return None
