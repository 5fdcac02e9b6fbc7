r"""LaTeX without its looks: colours, fonts, sizes and spacing go, each command is written in one way."""

from __future__ import annotations

import re

from infogap.text.math_unicode import closing

_FUNCTION_NAMES = "arccos arccot arcsin arctan cos cosh cot csc det exp gcd lcm lg ln log max min sec sin sinh tan tanh"
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
"""Functions that LaTeX has commands for."""

UPRIGHT = "\x01"
"""Stands before a single upright letter, which after a number is a unit and elsewhere a letter."""

_BRACED = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"  # braces within braces within braces
_COLOURS = re.compile(
    r"\\(?:textcolor|color|colorbox)\s*(?:\[[^\]]*\])?\s*\{[^{}]*\}|\\(?:color)\s+(?:red|blue|green|black)\b"
)
_FONTS = re.compile(
    r"\\(?:bm|boldsymbol|mathbf|pmb|mathit|mathsf|mathtt|mathnormal|bold|bf|it|sf|tt|underline|ensuremath|mathord"
    rf"|displaystyle|textstyle|scriptstyle|mathopen|mathclose|boxed|fbox|emph|textcolor)\s*{_BRACED}"
)
_SWITCHES = re.compile(
    r"\\(?:displaystyle|textstyle|scriptstyle|limits|nolimits|left|right|middle|bigl?|bigr|Bigl?|Bigr|biggl?|biggr"
    r"|Biggl?|Biggr|strut|mathstrut|bf|it|rm|sf|tt|bfseries|itshape|large|Large|small|centering|nonumber|notag"
    r"|allowbreak|protect|null)(?![a-zA-Z])\.?"
)
_NOTHING = re.compile(r"\\(?:tag|label|phantom|hphantom|vphantom|hspace|vspace|mspace|kern)\*?\s*\{[^{}]*\}|\\!|\{\}")
_SPACING = re.compile(
    r"(?<!\\)\\[,;:> ]|(?<!\\)~|\\(?:quad|qquad|enspace|enskip|thinspace|medspace|thickspace|space)(?![a-zA-Z])"
)
_TEXT = re.compile(
    r"\\(?P<command>text(?:rm|bf|it|sf|tt|normal|up|md)?|mathrm|mbox|hbox|operatorname\*?|textsc|mathop)\s*"
    rf"(?:{_BRACED}|(?P<bare>[A-Za-z]))|\{{\\(?:rm|bf|it)\s+(?P<switched>[^{{}}]*)\}}"
)


def _command(names: str) -> re.Pattern[str]:
    """One of some commands, given as alternatives, and no longer one that begins like it."""
    return re.compile(rf"\\(?:{names})(?![a-zA-Z])")


_SAME = [
    (_command("[dtc]frac"), r"\\frac"),
    (_command("[dt]binom"), r"\\binom"),
    (re.compile(r"\\frac\s*(\d)\s*(\d)"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\frac\s*(\d)\s*\{"), r"\\frac{\1}{"),
    (re.compile(rf"\\frac\s*{_BRACED}\s*(\d|[A-Za-z])"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\sqrt\s*(\d|[A-Za-z])"), r"\\sqrt{\1}"),
    (_command("leqslant|leq|leqq"), r"\\le "),
    (_command("geqslant|geq|geqq"), r"\\ge "),
    (_command(r"neq|not\s*="), r"\\ne "),
    (_command("lt"), "<"),
    (_command("gt"), ">"),
    (_command("varnothing|O"), r"\\emptyset "),
    (re.compile(r"\\\{\s*\\\}"), r"\\emptyset "),
    (_command("dots|cdots|dotsc|dotsb|dotso|hdots"), r"\\ldots "),
    (_command("bigcup"), r"\\cup "),
    (_command("lbrace"), r"\\{"),
    (_command("rbrace"), r"\\}"),
    (_command("lbrack"), "["),
    (_command("rbrack"), "]"),
    (_command("langle|lparen"), "("),
    (_command("rangle|rparen"), ")"),
    (_command("ast|star"), r"\\cdot "),
    (_command("div"), "/"),
    (_command("imath|jmath"), "i"),
    (_command("var(epsilon|theta|phi|rho|sigma|pi)"), r"\\\1"),
    (re.compile(r"\^\s*\{?\s*\\(?:circ|degree)\s*\}?|\\(?:degree|textdegree)(?![a-zA-Z])"), "° "),
    (_command("euro|texteuro"), "€"),
    (_command("pounds"), "£"),
]


def plain(latex: str) -> str:
    r"""LaTeX without its looks, in one way of writing, and with words in the open: `\text{ or }` is `or`.

    An upright `\mathrm{e}` or `\mathrm{i}` is that constant; another upright letter a letter, words are words. A degree
    is `°`.
    """
    if "\\" in latex:
        if "\\\\" in latex and "matrix" not in latex and "array" not in latex and "cases" not in latex:
            latex = latex.replace("\\\\", "\\")  # escaped once too often, as in JSON
        latex = _COLOURS.sub(" ", latex)
        for _ in range(4):
            before = latex
            latex = _TEXT.sub(_in_the_open, _FONTS.sub(r"{\1}", latex))
            if latex == before:
                break
        latex = _NOTHING.sub("", latex)
        latex = _SPACING.sub(" ", _SWITCHES.sub(" ", latex))
        for pattern, written in _SAME:
            latex = pattern.sub(written, latex)
    elif "^" in latex:
        latex = latex.replace("^°", "°")
    return _bare(latex)


def _in_the_open(match: re.Match[str]) -> str:
    words = next((group for group in (match[2], match["bare"], match["switched"]) if group is not None), "")
    name = words.strip()
    if name in FUNCTIONS:
        return rf"\{name} "
    if len(name) == 1:
        return f" {name} " if name in "ei" else f" {UPRIGHT}{name} "
    return f" {words} "


def _bare(latex: str) -> str:
    """Without braces around the whole, or around a number that no command or index asks for: `{,}` and `{42}`."""
    latex = latex.strip()
    while latex.startswith("{") and closing(latex, 0) == len(latex) - 1:
        latex = latex[1:-1].strip()
    latex = latex.replace("{,}", ",").replace("{.}", ".")
    return re.sub(r"(?<![\w}\]^_\\])\{(\d[\d.,]*|[A-Za-z])\}(?!\{)", r"\1", latex)
