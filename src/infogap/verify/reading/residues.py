r"""Read residue classes: `x \equiv 7 \pmod{12}`, `19 \bmod 12` and "7 (mod 12)" are one class."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CLASS = re.compile(
    r"(?:(?P<name>[A-Za-z](?:_\w|_\{\w+\})?)\s*(?:\\equiv|≡)\s*)?(?P<residue>[+-]?\s*\d{1,30})\s*"
    r"\(?\s*\\?[pb]?mod\s*\{?\s*(?P<modulus>\d{1,30})\s*\}?\s*\)?\s*\.?"
)


@dataclass(frozen=True)
class Residue:
    """A residue class, with the variable that is said to be in it, if any."""

    residue: int
    modulus: int
    name: str

    def equals(self, other: object) -> bool:
        """Whether both are one class, of one variable if both name one."""
        if not isinstance(other, Residue):
            return False
        same = (self.residue, self.modulus) == (other.residue, other.modulus)
        return same and ("" in (self.name, other.name) or self.name == other.name)


def residue_class(text: str) -> Residue | None:
    """Return the residue class that a text in one notation is; None for anything else."""
    match = _CLASS.fullmatch(text.strip())
    if match is None:
        return None
    modulus = int(match["modulus"])
    if not modulus:
        return None
    return Residue(int(match["residue"].replace(" ", "")) % modulus, modulus, match["name"] or "")
