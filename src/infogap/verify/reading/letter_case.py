"""Capitals under other names: Math-Verify takes A for a, and I for the imaginary unit."""

from __future__ import annotations

import re

_COMMAND = re.compile(r"(\\(?:begin|end|mathbb|mathcal|operatorname)\s*\{[A-Za-z*]*\}|\\[A-Za-z]+)")
_FREE = [
    *"abchjklmnopqrstuvwxyz",
    *(rf"\{name} " for name in ("alpha", "beta", "delta", "eta", "kappa", "rho", "tau", "psi")),
]


def told_apart(one: str, other: str) -> tuple[str, str]:
    """Two texts in LaTeX in which every capital variable has the name of a letter that neither of them has."""
    used = set(_letters(one) + _letters(other))
    capitals = sorted(letter for letter in used if letter.isupper())
    if not capitals:
        return one, other
    free = [name for name in _FREE if name not in used and name.strip() not in one + other]
    if len(free) < len(capitals):
        return one, other
    renamed = dict(zip(capitals, free, strict=False))
    return _renamed(one, renamed), _renamed(other, renamed)


def _letters(latex: str) -> str:
    return "".join(re.findall(r"[A-Za-z]", _COMMAND.sub(" ", latex)))


def _renamed(latex: str, renamed: dict[str, str]) -> str:
    parts = _COMMAND.split(latex)  # commands stand at odd places
    for place in range(0, len(parts), 2):
        parts[place] = re.sub(r"[A-Z]", lambda letter: renamed[letter[0]], parts[place])
    return "".join(parts)
