r"""Reduce LaTeX to its content: no colours, fonts, sizes or spacing, and one spelling of each command."""

from __future__ import annotations

import re

from infogap.text.characters import closing

_FUNCTION_NAMES = "arccos arccot arcsin arctan cos cosh cot csc det exp gcd lcm lg ln log max min sec sin sinh tan tanh"
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
"""Functions that LaTeX has commands for."""

UPRIGHT = "\x01"
"""Marks a single upright letter, which is a unit after a number and a letter elsewhere."""

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
    """Match one of some commands, given as alternatives, but no longer command that begins like it."""
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
    (re.compile(r"\\(?:colon|ratio)(?![a-zA-Z])|\\mathbin\s*\{:\}|\{:\}"), ":"),
    (re.compile(r"\{\s*([^{}\\]+?)\s*\\choose(?![a-zA-Z])\s*([^{}\\]+?)\s*\}"), r"\\binom{\1}{\2}"),
    (re.compile(r"\\up(alpha|beta|gamma|delta|theta|lambda|mu|pi|rho|sigma|tau|phi|omega)(?![a-zA-Z])"), r"\\\1 "),
]
_TAKES_ARGUMENTS = re.compile(
    r"\\(?:[dtc]?frac|[dt]?binom)(?![A-Za-z])|(?P<root>\\sqrt(?![A-Za-z])(?:\s*\[[^\[\]{}]*\])?)"
)
_TIE = re.compile(r"(?<=[\w}])~")
_TOKEN = re.compile(r"\\[A-Za-z]+|[A-Za-z\d]")


def plain(latex: str) -> str:
    r"""Reduce LaTeX to its content, in one spelling, with words outside of commands: `\text{ or }` is `or`.

    An upright `\mathrm{e}` or `\mathrm{i}` is that constant; another upright letter a letter, words are words. A degree
    is `°`.
    """
    latex = _TIE.sub(" ", latex) if "~" in latex else latex
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
        latex = _with_braces(latex)
        for pattern, written in _SAME:
            latex = pattern.sub(written, latex)
    elif "^" in latex:
        latex = latex.replace("^°", "°")
    return _bare(latex)


def _with_braces(latex: str) -> str:
    r"""Add braces to fractions, roots and binomials that TeX takes without: `\frac x2` is `\frac{x}{2}`."""
    for command in reversed(list(_TAKES_ARGUMENTS.finditer(latex))):  # the inner ones stand behind the outer ones
        arguments, end = _arguments(latex, command)
        if arguments:
            whole = command[0].rstrip() + "".join(arguments)
            raised = latex[: command.start()].rstrip()[-1:] in ("^", "_")
            latex = latex[: command.start()] + (f"{{{whole}}}" if raised else whole) + latex[end:]
    return latex


def _arguments(latex: str, command: re.Match[str]) -> tuple[list[str], int]:
    """Return the arguments of a command, each in braces, and where they end; none if one is missing."""
    place, arguments = command.end(), []
    for _ in range(1 if command["root"] else 2):
        place += len(latex[place:]) - len(latex[place:].lstrip())
        inner = _TAKES_ARGUMENTS.match(latex, place)
        token = _TOKEN.match(latex, place)
        if latex[place : place + 1] == "{":
            end = closing(latex, place) + 1
            arguments.append(latex[place:end])
        elif inner:
            end = _end_of_braces(latex, inner)
            arguments.append(f"{{{latex[place:end]}}}")
        else:
            end = token.end() if token else 0
            arguments.append(f"{{{latex[place:end]}}}")
        if end <= place:
            return [], 0
        place = end
    return arguments, place


def _end_of_braces(latex: str, command: re.Match[str]) -> int:
    """Return where a command ends whose arguments have braces; 0 if they have none."""
    end = command.end()
    for _ in range(1 if command["root"] else 2):
        if latex[end : end + 1] != "{":
            return 0
        end = closing(latex, end) + 1
    return end


def _in_the_open(match: re.Match[str]) -> str:
    words = next((group for group in (match[2], match["bare"], match["switched"]) if group is not None), "")
    name = words.strip()
    if name in FUNCTIONS:
        return rf"\{name} "
    if len(name) == 1 and name.isascii():
        return f" {name} " if name in "ei" else f" {UPRIGHT}{name} "
    return f" {words} "


def _bare(latex: str) -> str:
    """Remove braces around the whole, and needless ones around numbers and separators: `{,}` and `{42}`."""
    latex = latex.strip()
    while latex.startswith("{") and closing(latex, 0) == len(latex) - 1:
        latex = latex[1:-1].strip()
    latex = latex.replace("{,}", ",").replace("{.}", ".")
    return re.sub(r"(?<![\w}\]^_\\])\{(\d[\d.,]*|[A-Za-z])\}(?!\{)", r"\1", latex)
