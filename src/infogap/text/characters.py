"""Handle characters: Chinese and Japanese, invisible, full-width and unstorable ones, mathematics in Unicode."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from infogap.text.deferred_patterns import deferred

IDEOGRAPH_RANGES = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF))
"""Code points of Chinese characters and kana, with the last one of each range."""
IDEOGRAPH = "".join(f"{chr(first)}-{chr(last)}" for first, last in IDEOGRAPH_RANGES)  # inside [...]
_ONE = deferred(f"[{IDEOGRAPH}]")

_FULL_WIDTH = {0x3000: " "} | {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # Ａ is A, but ⁵ is not 5
_INVISIBLE = deferred(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff]"
)
_SPACES = deferred("[\u00a0\u1680\u2000-\u200a\u202f\u205f]")
# Tokens with which models end a turn or a text: <|im_end|>, <|eot_id|>, </s>, <end_of_turn>, <｜end▁of▁sentence｜>.
_END_TOKEN = (
    r"(?:<[|｜](?:im_end|eot_id|end_of_text|endoftext|end|eom_id|eos|return|im_sep|end_of_solution|user|assistant"
    r"|END_OF_TURN_TOKEN|end▁of▁sentence|end_of_sentence)[|｜]>"
    r"|</s>|<eos>|<end_of_turn>|<end_of_utterance>|<EOS>|\[EOS\]|<pad>|\[PAD\])"
)
_END_TOKENS = deferred(_END_TOKEN)
# The text after one of these is another text.
_LAST_TOKEN = deferred(
    r"<[|｜](?:im_end|eot_id|end_of_text|endoftext|eom_id|eos|end▁of▁sentence|end_of_sentence)[|｜]>|</s>|<eos>|<end_of_turn>"
)
_ENDING_TOKEN = deferred(rf"{_END_TOKEN}\Z")
_LONGEST_TOKEN, _MOST_TOKENS = 40, 100


def has_ideograph(text: str) -> bool:
    """Whether a text holds Chinese characters or kana."""
    return _ONE.search(text) is not None


def without_ideographs(text: str) -> str:
    """Replace each Chinese character or kana by a full stop."""
    return _ONE.sub(".", text)


def half_width(text: str) -> str:
    """Replace full-width characters by ordinary ones; superscripts and fractions stay as they are."""
    return text if text.isascii() else unicodedata.normalize("NFC", text).translate(_FULL_WIDTH)


# What the same text may be written with: letters and accents apart (as macOS names files), full-width letters, and
# signs that Unicode has twice.
VARIANTS = "[\u0300-\u036f\u1100-\u11ff\u3099\u309a\u2126\u212a\u212b\uf900-\ufaff\uff01-\uff5e]"
_VARIANTS = deferred(VARIANTS)
_MARKED_WORD = deferred(rf"[{IDEOGRAPH}][\u3099\u309a]?|(?:[^\W_{IDEOGRAPH}][\u0300-\u036f]*)+")


def has_variants(text: str) -> bool:
    """Whether a text has characters that `half_width` writes in another way."""
    return not text.isascii() and _VARIANTS.search(text) is not None


def marked_words(text: str) -> Iterator[re.Match[str]]:
    """Yield the words of a text that may have letters and accents apart, at their places."""
    return _MARKED_WORD.finditer(text)


def visible(text: str) -> str:
    """Remove invisible characters (zero-width spaces, direction marks), and make all spaces ordinary ones.

    Tokens that end a turn are removed, too.
    """
    if not text.isascii():
        text = _SPACES.sub(" ", _INVISIBLE.sub("", text))
    return _END_TOKENS.sub("", text) if "<" in text or "[" in text else text


def without_end_tokens(text: str) -> str:
    """Remove the tokens that end a response, and what follows them."""
    done = 0
    for last in _LAST_TOKEN.finditer(text) if "<" in text else ():
        if text[done : last.start()].strip() and not (last[0] == "</s>" and "<s>" in text):
            return text[: last.start()]
        done = last.end()
    for _ in range(_MOST_TOKENS):
        end = text.rstrip()
        token = _ENDING_TOKEN.search(end[-_LONGEST_TOKEN:]) if end.endswith((">", "]")) else None
        if token is None:
            return text
        text = end[: -len(token[0])]
    return text


def utf8(text: str) -> str:
    """Replace every lone surrogate by a question mark: JSON may hold half a pair, but no UTF-8 file can."""
    return text.encode("utf-8", "replace").decode("utf-8")


_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱˣ", "0123456789+-()nix", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₙₓ", "0123456789+-()nx", strict=True))
_SUPERSCRIPT = deferred(f"[{''.join(_SUPERSCRIPTS)}]+")
_SUBSCRIPT = deferred(f"[{''.join(_SUBSCRIPTS)}]+")
_ROOT = deferred(r"([√∛∜])\s*(?:\(|(\d+(?:\.\d+)?|\\[A-Za-z]+|[A-Za-z])|\{)?")
_ROOTS = {"√": r"\sqrt", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]"}
_DASH_BEFORE = deferred(
    r"(?:(?<=[(\[{,=<>])|(?<=^))\s*[–—‐‑﹣](?=\s?[\d.\\A-Za-zπ√])"
)  # a dash for a minus: –5, but not 3–4
_VULGAR = deferred("[¼½¾⅐-⅞↉]")
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
    """Write `√` with what it covers: a parenthesis, a number or a name. `√2x` is read as `√2 x`."""
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
