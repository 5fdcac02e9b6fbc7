"""The order of rounds: what of a task can be asked now, and what waits for answers of this round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from infogap.generate.cell_requests import Ask, Made, due
from infogap.privileges.contexts import Context, ContextWriter, UnmetNeedError
from infogap.recipe.generate_section import Generate, PrivilegeUse, Select
from infogap.verify.pass_rate_filter import JUDGED, SELECTED, decision


@dataclass(frozen=True)
class Cell:
    """One task under one privilege, with requests to ask; `context` is None where each shows its own attempts."""

    use: PrivilegeUse
    asks: list[Ask]
    made: list[Made]
    context: Context | None


class Schedule:
    """Goes through a recipe's privileges task by task; counts what is left out and why."""

    def __init__(self, generate: Generate, contexts: ContextWriter) -> None:
        self._generate = generate
        self._uses, self._unguided = generate.in_order, generate.unguided
        self._contexts = contexts
        self.skipped: Counter[tuple[str, str]] = Counter()  # (privilege, reason) -> tasks
        self.selected: Counter[str] = Counter()  # "selected" or why not -> tasks

    def begin(self) -> None:
        """Forget the counts of an earlier pass."""
        self.skipped.clear()
        self.selected.clear()

    def cells(self, task: dict[str, Any], made: dict[str, list[Made]]) -> Iterator[Cell]:
        """The task's cells with something to ask in this round, given what earlier rounds made under each privilege.

        A privilege that shows attempts waits until the one that makes them is complete.
        """
        if self._generate.select is not None:
            probe = self._probe(task, made)
            if probe is not None:
                yield probe
                return
            decided = _decision(self._generate.select, made.get(self._unguided.label, []))
            self.selected[decided] += 1
            if decided != SELECTED:
                return
        open_labels: set[str] = set()
        for use in self._uses:
            if use.attempts_from in open_labels:
                open_labels.add(use.label)
                continue
            cell = self._cell(task, use, made)
            if cell is not None:
                open_labels.add(use.label)
                yield cell

    def _probe(self, task: dict[str, Any], made: dict[str, list[Made]]) -> Cell | None:
        """The unguided samples from which the task's pass rate is taken, where they are not made yet."""
        assert self._generate.select is not None
        use, before = self._unguided, made.get(self._unguided.label, [])
        asks = due(use, self._generate.select.samples, None, before)
        return Cell(use, asks, before, self._contexts.write(task, use)) if asks else None

    def _cell(self, task: dict[str, Any], use: PrivilegeUse, made: dict[str, list[Made]]) -> Cell | None:
        """The cell, or None where it is complete or cannot be asked at all."""
        before = made.get(use.label, [])
        attempts = made.get(use.attempts_from or "", [])
        asks = due(use, self._generate.samples, self._generate.until, before, attempts)
        if not asks:
            return None
        try:
            # Attempts or not, a context that can be written without them is the same for all samples.
            context = self._contexts.write(task, use)
        except UnmetNeedError as reason:
            if asks[0].shown and all(task[need] for need in use.needs):
                return Cell(use, asks, before, None)
            self.skipped[use.label, str(reason)] += 1
            return None
        return Cell(use, [replace(ask, shown=()) for ask in asks], before, context)


def _decision(select: Select, probes: list[Made]) -> str:
    judged = [made for made in probes if made.sample < select.samples and made.verdict in JUDGED]
    return decision(select, sum(made.verdict == "correct" for made in judged), len(judged))
