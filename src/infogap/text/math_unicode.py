r"""Mathematics in Unicode, written as LaTeX: `2√3` is `2\sqrt{3}`."""

from __future__ import annotations

import re
import unicodedata

_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱˣ", "0123456789+-()nix", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₙₓ", "0123456789+-()nx", strict=True))
_SUPERSCRIPT = re.compile(f"[{''.join(_SUPERSCRIPTS)}]+")
_SUBSCRIPT = re.compile(f"[{''.join(_SUBSCRIPTS)}]+")
_ROOT = re.compile(r"([√∛∜])\s*(?:\(|(\d+(?:\.\d+)?|\\[A-Za-z]+|[A-Za-z])|\{)?")
_ROOTS = {"√": r"\sqrt", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]"}
_DASH_BEFORE = re.compile(
    r"(?:(?<=[(\[{,=<>])|(?<=^))\s*[–—‐‑﹣](?=\s?[\d.\\A-Za-zπ√])"
)  # a dash for a minus: –5, but 3–4 is none
_VULGAR = re.compile("[¼½¾⅐-⅞↉]")
_SYMBOLS = {
    "−": "-", "×": r"\times ", "✕": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ", "÷": "/", "⁄": "/",
    "∕": "/", "∗": "*", "≤": r"\le ", "⩽": r"\le ", "≥": r"\ge ", "⩾": r"\ge ", "≠": r"\ne ", "≈": r"\approx ",
    "±": r"\pm ", "∓": r"\mp ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "∉": r"\notin ", "∅": r"\emptyset ",
    "∖": r"\setminus ", "∞": r"\infty ", "°": r"^\circ ", "º": r"^\circ ", "℃": r"^\circ C", "℉": r"^\circ F",
    "…": r"\ldots ", "⋯": r"\ldots ", "′": "'", "’": "'", "″": "''", "∠": r"\angle ", "→": r"\to ", "∨": r"\lor ",
    "∧": r"\land ", "¬": r"\neg ", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}",
    "ℂ": r"\mathbb{C}", "Ø": r"\emptyset ", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ",
    "⟨": "(", "⟩": ")", "∶": ":", "∑": r"\sum ", "∫": r"\int ",
}  # fmt: skip
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon", "ζ": "zeta", "η": "eta",
    "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho",
    "σ": "sigma", "τ": "tau", "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta",
    "Θ": "Theta", "Λ": "Lambda", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_ALPHABET = str.maketrans(_SYMBOLS | {letter: rf"\{name} " for letter, name in _GREEK.items()})


def as_latex(text: str) -> str:
    """Write mathematical characters of Unicode in LaTeX: `2√3` as `2\\sqrt{3}`."""
    if text.isascii():
        return text
    text = _DASH_BEFORE.sub("-", text)
    text = _VULGAR.sub(_fraction, text)
    text = _SUPERSCRIPT.sub(lambda run: "^{" + "".join(_SUPERSCRIPTS[sign] for sign in run[0]) + "}", text)
    text = _SUBSCRIPT.sub(lambda run: "_{" + "".join(_SUBSCRIPTS[sign] for sign in run[0]) + "}", text)
    return _roots(text.translate(_ALPHABET))


def _fraction(match: re.Match[str]) -> str:
    over, _, under = unicodedata.normalize("NFKC", match[0]).partition("⁄")
    return rf"\frac{{{over}}}{{{under}}}" if under else match[0]


def _roots(text: str) -> str:
    """`√` and what it covers: a parenthesis, a number, a name; `√2x` covers the 2, as everybody reads `√2 x`."""
    while match := _ROOT.search(text):
        root, place = _ROOTS[match[1]], match.end()
        if match[0].endswith(("(", "{")):
            end = closing(text, place - 1)
            if end < 0:
                return text[: match.start()] + root + text[match.end(1) :]
            text = text[: match.start()] + f"{root}{{{text[place:end]}}}" + text[end + 1 :]
        elif match[2]:
            text = text[: match.start()] + f"{root}{{{match[2]}}}" + text[place:]
        else:
            text = text[: match.start()] + root + text[match.end(1) :]
    return text


_CLOSING = {"(": ")", "{": "}", "[": "]"}


def closing(text: str, opening: int) -> int:
    """Return where the bracket at `opening` closes; -1 where it does not."""
    sign = text[opening]
    depth = 0
    for place in range(opening, len(text)):
        if text[place] == sign:
            depth += 1
        elif text[place] == _CLOSING[sign]:
            depth -= 1
            if not depth:
                return place
    return -1
