"""Decoys for the controls: a wrong answer of the same form, and another task's solution."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

from infogap.ids import derived_seed, digest
from infogap.verify.choices import options

_PLAIN = re.compile(r"[-+]?\d{1,100}(\.\d{1,100}|/\d{1,100})?")
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")


class Decoys:
    """Finds decoys among the other tasks, the same ones for the same seed whatever the tasks' order."""

    def __init__(self, seed: int, tasks: list[dict[str, Any]]) -> None:
        self._seed = seed
        self._families: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for task in sorted(tasks, key=lambda task: digest(("decoy", seed, task["task_id"]))):
            self._families[task["family"]].append(task)
        self._place = {
            task["task_id"]: index for family in self._families.values() for index, task in enumerate(family)
        }

    def answer(self, task: dict[str, Any]) -> str | None:
        """A wrong answer of the same form: another option, a near number, or a sibling's answer."""
        gold = task["answer"].strip()
        letters = options(task["question"]) if task["verifier"] == "choice" else {}
        if letters:
            others = [letter for letter in letters if letter != gold.strip("().").upper()]
            return others[self._draw(task, len(others))] if others else None
        form = _form(gold)
        for sibling in self._siblings(task):
            candidate = (sibling["answer"] or "").strip()
            if candidate and _form(candidate) == form and not _same(candidate, gold):
                return candidate
        return self._near_number(task, gold) if _NUMBER.fullmatch(gold) else None

    def solution(self, task: dict[str, Any]) -> str | None:
        """The worked solution of another task of the family whose answer differs."""
        for sibling in self._siblings(task):
            if sibling["solution"] and not _same(sibling["answer"] or "", task["answer"] or ""):
                return str(sibling["solution"])
        return None

    def _siblings(self, task: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The family's other tasks, from the one after this one and round."""
        family, place = self._families[task["family"]], self._place[task["task_id"]]
        yield from family[place + 1 :]
        yield from family[:place]

    def _near_number(self, task: dict[str, Any], gold: str) -> str:
        """The number moved up by 1 to 20 units of its last place, at most by a fifth of itself or by one unit."""
        decimals = len(gold.partition(".")[2])
        units = int(gold.replace(".", ""))  # whole, so that a number of any length moves exactly
        moved = units + 1 + self._draw(task, min(max(1, abs(units) // 5), 20))
        return f"{Decimal(f'{moved}E-{decimals}'):f}"

    def _draw(self, task: dict[str, Any], choices: int) -> int:
        return derived_seed("decoy", self._seed, task["task_id"]) % choices


def _form(answer: str) -> str:
    """The answer with every number reduced to `0`: `\\frac{1}{2}` and `\\frac{3}{7}` have one form."""
    return _NUMBER.sub(lambda match: "0.0" if match[1] else "0", answer) if answer else ""


def _same(one: str, other: str) -> bool:
    """Whether two answers are equal but for the case of letters, or are the same number.

    Numbers may be fractions (`1/2`), decimals, with commas or a dollar sign; other notations (LaTeX) are only
    compared as text.
    """
    if one.casefold() == other.casefold():
        return True
    values = _value(one), _value(other)
    return values[0] is not None and values[0] == values[1]


def _value(answer: str) -> Fraction | None:
    """The number or fraction that an answer is; no powers of ten, as `1e999999999` would take for ever."""
    plain = answer.replace(",", "").replace("$", "").strip()
    try:
        return Fraction(plain) if _PLAIN.fullmatch(plain) else None
    except ZeroDivisionError:
        return None
