"""Decoys for the controls: a wrong answer of the same form, and another task's solution."""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any

from infogap.ids import derived_seed, digest
from infogap.privileges.wrong_answers import form, plainly_differ, same, variants
from infogap.text.option_parser import options
from infogap.verify.custom_verifier import is_function
from infogap.verify.grading_pool import grade_all
from infogap.verify.grading_types import Item
from infogap.verify.verifiers import grade, needs_worker

_SIBLINGS = 3  # answers of other tasks that are tried before the gold answer is changed
_TRIES = 6  # candidates graded per task, at most
_AT_ONCE = 500  # tasks whose decoys are looked for together: processes that grade take half a second to start
_NEAR = 16  # other solutions among which the one nearest in length is taken


class Decoys:
    """Finds decoys among the other tasks, the same ones for the same seed whatever the tasks' order."""

    def __init__(self, seed: int, tasks: list[dict[str, Any]], folder: Path = Path()) -> None:
        """`tasks`: rows of the tasks table; `folder`: the recipe's, where the user's own verifiers are."""
        self._seed = seed
        self._folder = folder
        self._tasks = tasks
        self._row = {task["task_id"]: row for row, task in enumerate(tasks)}
        self._answers: dict[str, str | None] = {}
        self._families: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for task in sorted(tasks, key=lambda task: digest(("decoy", seed, task["task_id"]))):
            self._families[task["family"]].append(task)
        self._place = {
            task["task_id"]: index for family in self._families.values() for index, task in enumerate(family)
        }

    def answer(self, task: dict[str, Any]) -> str | None:
        """An answer of the same form that the task's verifier calls wrong: a sibling's, or the gold answer changed.

        None where none is found. Answers that only a library can compare are graded in processes of their own, those
        of this task and of the tasks after it together.
        """
        if task["task_id"] not in self._answers:
            start = self._row[task["task_id"]]
            unknown = (each for each in self._tasks[start:] if each["task_id"] not in self._answers)
            self._settle(list(islice(unknown, _AT_ONCE)))
        return self._answers[task["task_id"]]

    def solution(self, task: dict[str, Any]) -> str | None:
        """The worked solution of another task of the family whose answer differs, as near in length as there is.

        Not of all tasks: of the first few in the order that the seed gives.
        """
        others = (
            str(sibling["solution"])
            for sibling in self._siblings(task)
            if sibling["solution"] and not same(sibling["answer"] or "", task["answer"] or "")
        )
        length = len(task["solution"] or "")
        return min(islice(others, _NEAR), key=lambda solution: abs(len(solution) - length), default=None)

    def _settle(self, tasks: list[dict[str, Any]]) -> None:
        """Find the decoy answers of some tasks: the first candidate of each, the next ones where it is not wrong."""
        waiting = [(task, self._candidates(task)) for task in tasks]
        for most in (1, _TRIES - 1):
            asked = [(task, candidate) for task, more in waiting for candidate in islice(more, most)]
            for (task, candidate), wrong in zip(asked, _graded_wrong(asked, self._folder), strict=True):
                if wrong:
                    self._answers.setdefault(task["task_id"], candidate)
            waiting = [(task, more) for task, more in waiting if task["task_id"] not in self._answers]
        for task, _ in waiting:
            self._answers[task["task_id"]] = None

    def _candidates(self, task: dict[str, Any]) -> Iterator[str]:
        """Answers of the gold one's form that are not plainly the same, each once."""
        gold, seen = (task["answer"] or "").strip(), set[str]()
        if not gold:
            return
        for candidate in self._in_order(task, gold):
            if candidate not in seen and not same(candidate, gold):
                seen.add(candidate)
                yield candidate

    def _in_order(self, task: dict[str, Any], gold: str) -> Iterator[str]:
        changed = variants(gold, task["question"], derived_seed("decoy", self._seed, task["task_id"]))
        alike = (other["answer"].strip() for other in self._alike(task, form(gold)))
        if task["verifier"] == "choice" and options(task["question"]):
            yield from changed
        elif form(gold).lower() == "words":  # other names of the question, and opposites, before others' words
            yield from changed
            yield from alike
        else:
            yield from islice(alike, _SIBLINGS)
            yield from changed

    def _siblings(self, task: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The family's other tasks, from the one after this one and round."""
        family, place = self._families[task["family"]], self._place[task["task_id"]]
        return (family[(place + step) % len(family)] for step in range(1, len(family)))

    def _alike(self, task: dict[str, Any], wanted: str) -> Iterator[dict[str, Any]]:
        """Those of them whose answer has this form, in the same order."""
        family, place = self._families[task["family"]], self._place[task["task_id"]]
        places = self._by_form.get((task["family"], wanted), [])
        start = bisect(places, place)
        return (family[other] for other in chain(places[start:], places[:start]) if other != place)

    @cached_property
    def _by_form(self) -> dict[tuple[str, str], list[int]]:
        """Places in the family, in order, by family and form of the answer: families can be large."""
        places: dict[tuple[str, str], list[int]] = defaultdict(list)
        for name, family in self._families.items():
            for place, task in enumerate(family):
                if answer := (task["answer"] or "").strip():
                    places[name, form(answer)].append(place)
        return places


def _graded_wrong(pairs: list[tuple[dict[str, Any], str]], folder: Path) -> list[bool]:
    """Whether the task's verifier calls the answer beside it wrong, for each."""
    items = [_item(task, answer) for task, answer in pairs]
    plainly = [item.verifier == "math" and plainly_differ(item.answer, item.gold or "") for item in items]
    hard = [(str(at), item) for at, item in enumerate(items) if needs_worker(item.verifier) and not plainly[at]]
    grades = dict(grade_all(hard, verifiers={item.verifier for _, item in hard}, folder=folder)) if hard else {}
    return [
        plain or (grades.get(str(place)) or grade(item)).verdict == "wrong"
        for place, (item, plain) in enumerate(zip(items, plainly, strict=True))
    ]


def _item(task: dict[str, Any], answer: str) -> Item:
    """An answer to grade; a user's function, which reads whole responses, gets one that states it."""
    item = Item(task["verifier"], task["question"], task["answer"], task.get("metadata"), answer)
    return replace(item, response=f"\\boxed{{{answer}}}", task=task) if is_function(item.verifier) else item
