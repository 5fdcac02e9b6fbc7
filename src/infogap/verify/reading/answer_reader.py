r"""Read an answer as words, a time of day, digits to a base, a residue class, a list, a condition, or mathematics."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from infogap.text.characters import as_latex, closing, half_width, visible
from infogap.text.stated_answers import unwrapped
from infogap.verify.reading.latex_style import FUNCTIONS, UPRIGHT, plain
from infogap.verify.reading.numerals import exactly, numerals
from infogap.verify.reading.residues import Residue, residue_class
from infogap.verify.reading.solutions import as_coordinates, solutions
from infogap.verify.reading.units import is_product, may_be_product, quantity


@dataclass(frozen=True)
class Words:
    """Words, or mathematics with more than one reading: equal only to the same words."""

    text: str


@dataclass(frozen=True)
class Clock:
    """A time of day, in seconds of 12 or 24 hours; `half` is am, pm, or None if the answer does not say."""

    seconds: int
    half: str | None


@dataclass(frozen=True)
class Based:
    """Digits and the base that is written beside them."""

    digits: str
    base: int


@dataclass(frozen=True)
class Dotted:
    """A list with dots: its items, in their order, the dots as `...`."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Maths:
    r"""LaTeX that Math-Verify reads correctly; `unit` and `percent` are what followed it."""

    latex: str
    unit: str = ""
    percent: bool = False


@dataclass(frozen=True)
class Condition:
    """A union of intersections of simple conditions: `x < -1 or x > 3` is ((x < -1,), (x > 3,)).

    A simple condition is a set in LaTeX, or a comparison with a variable. `latex` joins them for Math-Verify.
    """

    alternatives: tuple[tuple[str, ...], ...]
    latex: str


Form = Words | Clock | Based | Residue | Dotted | Maths | Condition
"""What an answer is read as."""

_CLOCK = re.compile(
    r"(?:at\s+)?(?P<hour>\d{1,2})(?:\s*:\s*(?P<minute>[0-5]\d)(?:\s*:\s*(?P<second>[0-5]\d))?)?\s*"
    r"(?:(?P<half>[ap])\s*\.?\s*m\s*\.?|(?P<part>in\s+the\s+(?:morning|afternoon|evening)|at\s+night)|(?P<oclock>o'?\s*clock))?",
    re.IGNORECASE,
)
_NAMED_TIMES = {"noon": Clock(43200, "pm"), "12 noon": Clock(43200, "pm"), "midnight": Clock(0, "am")}
_BASES = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
          "eleven": 11, "twelve": 12, "sixteen": 16}  # fmt: skip
_BASED = re.compile(
    r"(?P<digits>[0-9][0-9A-Fa-f ]*|[A-Fa-f][0-9A-Fa-f]+)\s*"
    rf"(?:_\s*\{{?\s*\(?\s*(?P<index>\d{{1,2}}|{'|'.join(_BASES)})\s*\)?\s*\}}?"
    rf"|[,(]?\s*(?:in\s+)?base\s*-?(?P<base>\d{{1,2}}|{'|'.join(_BASES)})\)?)"
)
_PYTHON_BASED = re.compile(r"0(?:b(?P<two>[01]+)|o(?P<eight>[0-7]+)|x(?P<sixteen>[0-9A-Fa-f]+))")
_DOTS = re.compile(r"\\ldots(?![a-zA-Z])|\.{3,}")
_COMPARISON = re.compile(r"[<>]|\\(?:le|ge|ne|in|notin)(?![a-zA-Z])")
_SET = re.compile(r"\\(?:cup|cap|setminus)(?![a-zA-Z])|\\mathbb\s*\{?[RZNQC]\}?|[\[(].*,\s*(?:\\infty|[^()\[\]]*)[)\]]")
_OR = re.compile(r"(?:,|;)?\s*(?<![\\A-Za-z])or(?![A-Za-z])|\\(?:lor|vee)(?![a-zA-Z])")
_AND = re.compile(r"(?:,|;)?\s*(?<![\\A-Za-z])and(?![A-Za-z])|\\(?:land|wedge)(?![a-zA-Z])|&")
_JOINT = re.compile(r"\s*(?:,|;)?\s*(?<![\\A-Za-z])(?:or|and)(?![A-Za-z])\s*|\s*;\s*")
_NAMES = {
    **{
        name: rf"\{name} "
        for name in ("pi", "theta", "alpha", "beta", "gamma", "lambda", "omega", "phi", "mu", "sigma")
    },
    **{name: rf"\{name} " for name in FUNCTIONS},
    **dict.fromkeys(("infinity", "infty", "inf"), r"\infty "),
    **dict.fromkeys(("all real numbers", "all reals"), r"\mathbb{R} "),
    **dict.fromkeys(("the empty set", "empty set"), r"\emptyset "),
    "union": r"\cup ",
}
_NAME = re.compile(
    rf"(?<![\\A-Za-z{UPRIGHT}{{])({'|'.join(sorted(_NAMES, key=len, reverse=True))})(?![A-Za-z}}])", re.IGNORECASE
)
_NOTHING = re.compile(
    r"(?:there\s+(?:is|are|exists?)\s+)?no\s+(?:real\s+)?(?:solutions?|roots?)(?:\s+(?:exists?|over\s+the\s+reals))?",
    re.IGNORECASE,
)
_ROOT = re.compile(r"(?<![A-Za-z])\\?(sqrt|cbrt)\s*\(")
_SIGNED_POWER = re.compile(r"\^\s*([+-]\s*(?:\d+(?:\.\d+)?|[A-Za-z](?![A-Za-z])))")
_POWER_GROUP = re.compile(r"\^\s*\(")
# Math-Verify adds numbers that stand side by side: 3(4) is 7, (2)(3) is 5.
_NUMBER_BEFORE_GROUP = re.compile(r"(?<![_^.\d])(\d+(?:\.\d+)?)\s*(?=\()")
_GROUP_BEFORE_NUMBER = re.compile(r"(?<=\d\))\s*(?=\(|\d)|(?<=\))\s*(?=\([+-]?\d+(?:\.\d+)?\))")
_TRIGONOMETRY = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-z])")
_DEGREES = re.compile(r"(\d+(?:\.\d+)?|(?<![A-Za-z\\])[a-z])\s*°")
# Mathematics that Math-Verify misreads or drops: such answers are compared as texts.
_UNCERTAIN = re.compile(
    r"\\(?:equiv|pmod|bmod|mod|ldots|vdots|ddots|neg|land|lor|implies|iff|Rightarrow|Leftrightarrow|rightarrow|to|mapsto"
    r"|parallel|perp|cong|sim|angle|triangle|ce|ell|prime|approx|propto|forall|exists|mid|cases|begin\{cases\})(?![a-zA-Z])"
    r"|(?<![\d.])\d+(?:\.\d+)?_|/\s*\d+(?:\.\d+)?\s*(?:[A-Za-z(]|\\(?:sqrt|pi|frac|ln|log|sin|cos|tan|theta)(?![a-z]))"
    r"|(?<![\w)}])\(\s*\d\s*\)\s+\d|\d\s+\.?\d|\d\s*'|[\u2208-\u22ff]|[A-Za-z]_\S+'|[?#]|\.{2,}|\d\s*:\s*\d.*:|\\\\_"
)
_BUILDER = re.compile(
    r"\\\{\s*[A-Za-z]\s*(?:\\in\s*\\mathbb\s*\{?R\}?\s*)?(?:\||\\mid(?![a-z])|\\vert(?![a-z])|:)\s*(.+)\\\}"
)
_BETWEEN = re.compile(r"\b(?:between|not|neither|nor|out\s+of|from\b.*\bto)\b", re.IGNORECASE)
_NAMED_TUPLE = re.compile(r"\(([^(),=]+(?:,[^(),=]+)+)\)\s*=\s*\(([^(),=]+(?:,[^(),=]+)+)\)")
_OPEN_LEFT = re.compile(r"(?:(?<=^)|(?<=\\cup )|(?<=\\in ))(\])([^\[\](),]*,[^\[\](),]*)([\[\]])(?=\s*(?:\\cup|$))")
_CLOSED_LEFT = re.compile(r"(?:(?<=^)|(?<=\\cup )|(?<=\\in ))(\[)([^\[\](),]*,[^\[\](),]*)(\[)(?=\s*(?:\\cup|$))")
_MICRO = re.compile(r"(\\(?:text|mathrm)\s*\{[~\s]*)(?:μ|\\mu(?![A-Za-z])\s*)(?=[A-Za-z])")  # \mathrm{\mu F}
_LATIN = re.compile(r"[A-Za-z]")


@lru_cache(maxsize=1_024)  # a task's traces follow each other, and many have the same answer
def read(answer: str) -> Form:
    """Read a stated answer or a gold answer as one of the forms."""
    text = unwrapped(visible(half_width(answer)))
    special = _clock(_in_the_open(text))
    if special is not None:
        return special
    text = r"\emptyset" if _NOTHING.fullmatch(_in_the_open(text).strip(" .")) else one_notation(text)
    if tuple_ := _NAMED_TUPLE.fullmatch(text):
        text = _each_named(text, tuple_[1].split(","), tuple_[2].split(","))
    if "]" in text or "[" in text:
        text = _CLOSED_LEFT.sub(_turned, _OPEN_LEFT.sub(_turned, text))
    if digits := _based(text) or residue_class(text):
        return digits
    if not _is_mathematics(text):
        return Words(_same_words(text))
    if _DOTS.search(text):
        return _dotted(text)
    if _COMPARISON.search(text) or (_SET.search(text) and _OR.search(text)):
        return _condition(text)
    return _list(text) if _JOINT.search(text) else _value(_once(text))


def _each_named(text: str, names: list[str], values: list[str]) -> str:
    """Write (x, y) = (2, 3) as x = 2, y = 3."""
    pairs = zip(names, values, strict=False)
    return (
        ", ".join(f"{name.strip()} = {value.strip()}" for name, value in pairs) if len(names) == len(values) else text
    )


def _turned(match: re.Match[str]) -> str:
    """Write an interval with brackets that point outwards where it is open, ]0, 1], as (0, 1]."""
    return f"{'(' if match[1] == ']' else '['}{match[2]}{')' if match[3] == '[' else ']'}"


def _in_the_open(text: str) -> str:
    return " ".join(plain(text).replace(UPRIGHT, "").replace("$", "").split()) if "\\" in text else text.strip()


def one_notation(text: str) -> str:
    """Write Unicode, plain text and LaTeX in one LaTeX, with numbers in one form."""
    text = _MICRO.sub(r"\1µ", text) if "μ" in text or r"\mu" in text else text
    text = plain(as_latex(text).replace("\\(", " ").replace("\\)", " ").replace("\\[", " ").replace("\\]", " "))
    text = re.sub(r"\\?\$", "$", text)
    text = re.sub(r"\$(?!\s*[\d.])|(?<=[\d}\])])\s*\$", " ", text) if "$" in text else text
    text = (
        text.replace("**", "^")
        .replace("<=", r"\le ")
        .replace(">=", r"\ge ")
        .replace("!=", r"\ne ")
        .replace("*", r"\cdot ")
    )
    text = _NAME.sub(lambda name: _NAMES[name[1].lower()], text)
    text = re.sub(r"(?<=[\d.])\s*,(?=\s)", ",", text)
    for pattern, opening in ((_ROOT, None), (_POWER_GROUP, "^{")):
        text = _braced(text, pattern, opening)
    text = _SIGNED_POWER.sub(r"^{\1}", _primes(text))
    if "°" in text and _TRIGONOMETRY.search(text):
        text = _DEGREES.sub(r"(\1 \\cdot \\pi /180)", text)
    text = numerals(re.sub(r"([_^])\s*(\d)\s+(?=\d)", r"\1{\2} ", text))
    return " ".join(text.split())


def _braced(text: str, pattern: re.Pattern[str], opening: str | None) -> str:
    r"""Write `sqrt(x+1)` as `\sqrt{x+1}`, and `2^(1/2)` as `2^{1/2}`."""
    while match := pattern.search(text):
        end = closing(text, match.end() - 1)
        if end < 0:
            return text
        start = opening or (r"\sqrt{" if match[1] == "sqrt" else r"\sqrt[3]{")
        text = text[: match.start()] + start + text[match.end() : end] + "}" + text[end + 1 :]
    return text


def _primes(text: str) -> str:
    """Write x' as another name than x: Math-Verify ignores the prime."""
    return re.sub(r"(?<![A-Za-z\\])([A-Za-z])('{1,3})(?![A-Za-z])", lambda m: f"{m[1]}_{{{'p' * len(m[2])}}}", text)


def _is_mathematics(text: str) -> bool:
    """Whether a text has more than words: a digit, a sign, a command, or a single letter."""
    bare = text.replace(UPRIGHT, "").strip(" .,:;!")
    if re.search(r"[\d\\=<>+*/^_|∞]", bare):
        return True
    runs = re.findall(r"[^\W\d_]+", bare)
    return bool(runs) and all((is_product(run) and run.islower()) or (len(run) == 1 and run.isascii()) for run in runs)


def _same_words(text: str) -> str:
    """Normalise words for comparison: without case, articles, quotes and final punctuation."""
    text = text.replace(UPRIGHT, "").strip(" .,:;!'\"*`“”‘’{}")
    return " ".join(
        re.sub(r"^(?:an?|the)\s+(?=\S{2})", "", " ".join(text.split()), flags=re.IGNORECASE).split()
    ).casefold()


def _as_text(text: str) -> Words:
    """Return mathematics to compare as a text: case counts, spaces do not; with words in it, as words."""
    text = text.replace(UPRIGHT, "")
    if len(re.findall(r"(?<![\\A-Za-z])[A-Za-z]{3,}", text)) >= 1:
        text = re.sub(r"[,]|(?<![\\A-Za-z])and(?![A-Za-z])", " ", text)
        return Words(_same_words(text))
    return Words(re.sub(r"(?<![A-Za-z0-9])\s+|\s+(?![A-Za-z0-9])", "", text))


def _clock(text: str) -> Clock | None:
    if named := _NAMED_TIMES.get(text.casefold()):
        return named
    match = _CLOCK.fullmatch(text)
    if match is None or not (match["minute"] or match["half"] or match["oclock"]) or int(match["hour"]) > 24:
        return None
    hour, minute, second = int(match["hour"]), int(match["minute"] or 0), int(match["second"] or 0)
    half = f"{match['half'].lower()}m" if match["half"] else None
    if match["part"]:
        half = "am" if "morning" in match["part"].lower() else "pm"
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "pm" else 0)
    elif hour > 12:
        half = "pm"
    elif hour == 0 and match["minute"]:
        half = "am"
    elif text.startswith("0") and len(match["hour"]) == 2 and match["minute"]:
        half = half or None
    return Clock(hour * 3600 + minute * 60 + second, half)


def _based(text: str) -> Based | None:
    text = text.replace(UPRIGHT, "")
    if match := _PYTHON_BASED.fullmatch(text):
        digits = match["two"] or match["eight"] or match["sixteen"]
        return Based(digits.lstrip("0").upper() or "0", 2 if match["two"] else 8 if match["eight"] else 16)
    match = _BASED.fullmatch(re.sub(r"^\s*[{(]\s*(\w+)\s*[)}]\s*(?=_)", r"\1", text))
    if match is None:
        return None
    written = match["index"] or match["base"]
    base = _BASES.get(written) or int(written)
    digits = match["digits"].replace(" ", "").upper()
    if not 2 <= base <= 36 or any(int(digit, 16) >= base for digit in digits):
        return None
    return Based(digits.lstrip("0") or "0", base)


def _dotted(text: str) -> Form:
    text = _DOTS.sub(" ... ", text.replace(UPRIGHT, "")).strip("()[]{}\\ ")
    items = [re.sub(r"\s+", "", item) for item in re.split(r"\s*,\s*|\s+(?=\.\.\.)|(?<=\.\.\.)\s+", text)]
    return Dotted(tuple(item for item in items if item))


def _condition(text: str) -> Form:
    """Read comparisons joined by "or" and "and"; a text where other words remain."""
    if builder := _BUILDER.fullmatch(text):
        text = builder[1]
    alternatives = []
    for one in _OR.split(text):
        parts = tuple(part.strip(" .$") for part in _AND.split(one))
        alternatives.append(parts)
    for part in (part for parts in alternatives for part in parts):
        stripped = re.sub(r"\\[A-Za-z]+|_\{\w+\}", " ", part.replace(UPRIGHT, ""))
        if not part or any(not may_be_product(word) for word in re.findall(r"[A-Za-z]{2,}", stripped)):
            return _as_text(text)
    whole = ", ".join(part for parts in alternatives for part in parts)
    return Condition(tuple(alternatives), _certain_latex(whole))


def _list(text: str) -> Form:
    """Read values joined by "and" or "or" as one list; a text where they are not values."""
    if _BETWEEN.search(text):
        return _as_text(text)
    items = [_value(item) for item in _JOINT.split(text)]
    values = [item for item in items if isinstance(item, Maths)]
    units = {item.unit for item in values if item.unit}
    if len(values) < len(items) or len(values) < 2 or len(units) > 1:
        return _as_text(text)
    if units and not values[-1].unit:
        return _as_text(text)
    said = [exactly(item.latex) for item in values]
    if said[0] is not None and len(set(said)) == 1:
        return values[-1]  # "1/2 or 0.5" is one number
    return Maths(", ".join(_of_one_name(values)), units.pop() if units else "", all(item.percent for item in values))


def _once(text: str) -> str:
    """Drop repetitions of a number that is written in several ways, `15\\frac{39}{40}, \\frac{639}{40}`."""
    items = text.split(",")
    values = {exactly(item.strip()) for item in items}
    return items[-1] if len(items) > 1 and len(values) == 1 and None not in values else text


def _of_one_name(values: list[Maths]) -> list[str]:
    """Read `x = 5 or x = 7` as 5, 7."""
    named = [re.fullmatch(r"([A-Za-z](?:_\w|_\{\w+\})?)\s*=\s*(.+)", item.latex) for item in values]
    if all(named) and len({match[1] for match in named if match}) == 1 and named[0]:
        return [match[2] for match in named if match]
    return as_coordinates([item.latex for item in values])


def _value(text: str) -> Form:
    """Read one value and its unit, or other mathematics; a text where words remain."""
    if _BETWEEN.search(text):
        return _as_text(text)
    amount = quantity(text)
    if amount is None:
        return _as_text(text)
    latex = solutions(_certain_latex(amount.value))
    return Maths(latex, amount.unit, amount.percent) if latex else _as_text(text)


def _certain_latex(text: str) -> str:
    """Return the text for Math-Verify; empty if it would be misread."""
    text = text.replace(UPRIGHT, "")
    text = text.replace("°", "").strip(" $").removesuffix(".").strip()
    if _UNCERTAIN.search(text) or not text:
        return ""
    if "(" not in text:
        return text
    factors = _GROUP_BEFORE_NUMBER.sub(r" \\cdot ", _NUMBER_BEFORE_GROUP.sub(r"\1 \\cdot ", text))
    return "" if factors != text and "," in text else factors
