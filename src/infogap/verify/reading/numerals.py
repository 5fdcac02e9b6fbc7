r"""Write numbers, as people write them, in unambiguous LaTeX: `12 500`, `11 5/6`, `3.2e5`, `0.\overline{3}`."""

from __future__ import annotations

import re
from fractions import Fraction

_BY_SPACES = re.compile(r"(?<![\d.,^_{])\d{1,3}(?:,? \d{3})+(?!\d|,\d| \d)")  # 12 500, 10,\!000
_BY_COMMAS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,]|\s\d)")
_BY_LINES = re.compile(r"(?<![\w.,'])\d{1,3}(?:(?:_\d{3})+|(?:['’]\d{3})+)(?![\d_'’])")  # 10_000, 10'000
_IN_LAKHS = re.compile(r"(?<![\d.,])\d{1,2}(?:,\d{2})+,\d{3}(?![\d,]|\s\d)")
_AFTER_POINT = re.compile(r"(?<![\d.,])(\d+\.\d{3}(?: \d{3})+(?: \d{1,2})?)(?![\d/]|[.,]\d| \d)")
_BY_DOTS = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3}){2,}(?![\d.,])")
_MIXED = re.compile(
    r"(?<![\d.^_{}/)\]])(\d{1,18})(?:\s*\\frac\s*\{\s*(\d{1,18})\s*\}\s*\{\s*(\d{1,18})\s*\}|\s+(\d{1,18})\s*/\s*(\d{1,18})(?![\d.]))"
)
_SCIENTIFIC = re.compile(r"(?<![A-Za-z\d\\.^])((?:\d+(?:\.\d*)?|\.\d+))[eE]([+-]?\d{1,4})(?![\dA-Za-z.^])")
_TIMES_TEN = re.compile(
    r"(?:\\times|\\cdot|\*|x)\s*10\s*\^\s*(?:\{\s*([+-]?\d{1,4})\s*\}|\(\s*([+-]?\d{1,4})\s*\)|([+-]?\d{1,4}))"
)
_REPEATING = re.compile(
    r"(?<![\d.])(\d{0,18})\.(\d{0,18})\\(?:overline|bar|overbar)\s*(?:\{\s*(\d{1,18})\s*\}|(\d))(?!\d)"
    r"|(?<![\d.])(\d{0,18})\.(\d{0,18})\\dot\s*\{?(\d)\}?(?:(\d*)\\dot\s*\{?(\d)\}?)?(?!\d)"
)
_IN_PARENTHESES = re.compile(r"([+-]?\s*)(\d{1,18})\.(\d{0,18})\((\d{1,18})\)")
_MAGNITUDES = {
    **{"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "quadrillion": 15},
    **{"lakh": 5, "lac": 5, "crore": 7},
}
_MAGNITUDE = re.compile(rf"(\d+(?:\.\d+)?)\s*({'|'.join(_MAGNITUDES)})s?(?![A-Za-z])", re.IGNORECASE)
_DOZEN = re.compile(r"(\d{1,18})\s*(?:dozens?|(gross))(?![A-Za-z])", re.IGNORECASE)
_RATIONAL = re.compile(
    r"([+-]?)(?:(\d{1,18})(?:\.0+)?|(\d{1,18})\s*/\s*(\d{1,18})|\\[dt]?frac(?:\{(-?\d{1,18})\}\{(\d{1,18})\}|(\d)(\d)))"
)
_DECIMAL = re.compile(r"([+-]?)(\d{0,40})(?:\.(\d{0,40}))?(?:\s*\\times 10\^\{([+-]?\d{1,3})\})?")
_POWER_OF_TEN = re.compile(r"([+-]?)10\s*\^\s*\{?([+-]?\d{1,3})\}?")


def numerals(text: str) -> str:
    r"""Write every numeral of a text in one form: digits without groups, fractions, `a \times 10^{n}`."""
    if not any(sign.isdigit() for sign in text):
        return text
    text = _AFTER_POINT.sub(lambda match: match[0].replace(" ", ""), text)
    text = _REPEATING.sub(_repeating, text)
    if whole := _IN_PARENTHESES.fullmatch(text.strip()):
        text = whole[1] + _recurring(whole[2], whole[3], whole[4])
    text = _MIXED.sub(_mixed, text)
    for grouped in (_BY_LINES, _BY_SPACES, _BY_COMMAS, _IN_LAKHS, _BY_DOTS):
        text = grouped.sub(_digits, text)
    text = _SCIENTIFIC.sub(r"\1 \\times 10^{\2}", text)
    text = _TIMES_TEN.sub(lambda match: rf"\times 10^{{{match[1] or match[2] or match[3]}}}", text)
    text = _DOZEN.sub(lambda match: str((144 if match[2] else 12) * int(match[1])), text)
    return _MAGNITUDE.sub(lambda match: rf"{match[1]} \times 10^{{{_MAGNITUDES[match[2].lower()]}}}", text)


def _digits(match: re.Match[str]) -> str:
    return re.sub(r"\D", "", match[0])


def _mixed(match: re.Match[str]) -> str:
    whole, over, under = int(match[1]), int(match[2] or match[4]), int(match[3] or match[5])
    if over >= under:
        return match[0]
    return rf"\frac{{{whole * under + over}}}{{{under}}}"


def _repeating(match: re.Match[str]) -> str:
    whole, fixed = match[1] or match[5] or "", match[2] or match[6] or ""
    period = match[3] or match[4] or (match[7] + (match[8] or "") + (match[9] or ""))
    return _recurring(whole, fixed, period)


def _recurring(whole: str, fixed: str, period: str) -> str:
    """Write a repeating decimal as a fraction: all of its digits less those before the period, over 9...90...0."""
    under = (10 ** len(period) - 1) * 10 ** len(fixed)
    over = int((whole + fixed + period) or "0") - int((whole + fixed) or "0")
    return rf"\frac{{{over}}}{{{under}}}"


def rational(text: str) -> Fraction | None:
    """Return the exact value of a whole number or a fraction of two; None for everything else."""
    match = _RATIONAL.fullmatch(text)
    if match is None:
        return None
    sign, *parts = (part for part in match.groups() if part is not None)
    over, under = int(parts[0]), int(parts[1]) if len(parts) == 2 else 1
    return None if under == 0 else Fraction(-over if sign == "-" else over, under)


def exactly(text: str) -> Fraction | None:
    """Return the exact value of a decimal, a fraction or a power of ten; None for everything else."""
    simple = rational(text)
    if simple is not None:
        return simple
    if power := _POWER_OF_TEN.fullmatch(text):
        return Fraction(10) ** int(power[2]) * (-1 if power[1] == "-" else 1)
    match = _DECIMAL.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        return None
    value = Fraction(int((match[2] or "") + (match[3] or "") or "0"), 10 ** len(match[3] or ""))
    return value * Fraction(10) ** int(match[4] or 0) * (-1 if match[1] == "-" else 1)
