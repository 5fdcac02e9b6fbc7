"""The controls that show a wrong answer or another task's solution: they change style, not knowledge."""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any

from infogap.ids import derived_seed, digest
from infogap.privileges.base import Attempt, Privilege, Task, or_unmet
from infogap.privileges.wrong_answers import form, plainly_differ, same_answer, variants
from infogap.text.option_parser import options
from infogap.verify.base import Item
from infogap.verify.grading_pool import grade_all
from infogap.verify.verifiers import gold_verifier, verifier

_SIBLINGS = 3  # answers of other tasks that are tried before the gold answer is changed
_TRIES = 6  # candidates graded per task, at most
_AT_ONCE = 500  # tasks whose decoys are graded together: worker processes take half a second to start
_COMPARED = 16  # other solutions, of which the one closest in length is taken


class Decoys:
    """Finds decoys among the other tasks; the seed decides which, and not the order of the tasks."""

    def __init__(self, seed: int, tasks: list[dict[str, Any]], folder: Path = Path()) -> None:
        """`tasks` are rows of the tasks table; `folder` is the recipe's, where the user's own verifiers are."""
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
        """Return a wrong answer of the gold answer's form: of another task of the family, or the gold answer changed.

        The task's verifier finds it wrong. None if there is none. Answers that only a library can compare are graded in
        worker processes, those of this task together with those of the tasks after it.
        """
        if task["task_id"] not in self._answers:
            start = self._row[task["task_id"]]
            unknown = (each for each in self._tasks[start:] if each["task_id"] not in self._answers)
            self._settle(list(islice(unknown, _AT_ONCE)))
        return self._answers[task["task_id"]]

    def solution(self, task: dict[str, Any]) -> str | None:
        """Return the worked solution of another task of the family with another answer; None if there is none.

        It is the closest in length among the first few tasks in the order that the seed gives.
        """
        others = (
            str(sibling["solution"])
            for sibling in self._siblings(task)
            if sibling["solution"] and not same_answer(sibling["answer"] or "", task["answer"] or "")
        )
        length = len(task["solution"] or "")
        return min(islice(others, _COMPARED), key=lambda solution: abs(len(solution) - length), default=None)

    def _settle(self, tasks: list[dict[str, Any]]) -> None:
        """Find the decoy answers of some tasks: the first candidate of each that is wrong."""
        waiting = [(task, self._candidates(task)) for task in tasks]
        for most in (1, _TRIES - 1):
            tried = [(task, candidate) for task, more in waiting for candidate in islice(more, most)]
            for (task, candidate), wrong in zip(tried, _graded_wrong(tried, self._folder), strict=True):
                if wrong:
                    self._answers.setdefault(task["task_id"], candidate)
            waiting = [(task, more) for task, more in waiting if task["task_id"] not in self._answers]
        for task, _ in waiting:
            self._answers[task["task_id"]] = None

    def _candidates(self, task: dict[str, Any]) -> Iterator[str]:
        """Yield answers of the gold answer's form that are not obviously equal to it, each once."""
        gold, earlier = (task["answer"] or "").strip(), set[str]()
        if not gold:
            return
        for candidate in self._in_order(task, gold):
            if candidate not in earlier and not same_answer(candidate, gold):
                earlier.add(candidate)
                yield candidate

    def _in_order(self, task: dict[str, Any], gold: str) -> Iterator[str]:
        changed = variants(gold, task["question"], derived_seed("decoy", self._seed, task["task_id"]))
        alike = (other["answer"].strip() for other in self._alike(task, form(gold)))
        if verifier(gold_verifier(task)).needs_options and options(task["question"]):
            yield from changed
        elif form(gold).lower() == "words":  # other names of the question, and opposites, before others' words
            yield from changed
            yield from alike
        else:
            yield from islice(alike, _SIBLINGS)
            yield from changed

    def _siblings(self, task: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Iterate over the family's other tasks, from the one after this one around to the one before it."""
        family, place = self._families[task["family"]], self._place[task["task_id"]]
        return (family[(place + step) % len(family)] for step in range(1, len(family)))

    def _alike(self, task: dict[str, Any], wanted: str) -> Iterator[dict[str, Any]]:
        """Iterate over the siblings whose answer has this form, in the same order."""
        family, place = self._families[task["family"]], self._place[task["task_id"]]
        places = self._by_form.get((task["family"], wanted), [])
        start = bisect(places, place)
        return (family[other] for other in chain(places[start:], places[:start]) if other != place)

    @cached_property
    def _by_form(self) -> dict[tuple[str, str], list[int]]:
        """Places in the family by family and form of the answer, ascending: families can be large."""
        places: dict[tuple[str, str], list[int]] = defaultdict(list)
        for name, family in self._families.items():
            for place, task in enumerate(family):
                if answer := (task["answer"] or "").strip():
                    places[name, form(answer)].append(place)
        return places


def _graded_wrong(pairs: list[tuple[dict[str, Any], str]], folder: Path) -> list[bool]:
    """Return, for each task and answer, whether the task's verifier finds the answer wrong."""
    items = [_item(task, answer) for task, answer in pairs]
    graders = [verifier(item.verifier) for item in items]
    plainly = [
        grader.compares_values and plainly_differ(item.answer, item.gold or "")
        for item, grader in zip(items, graders, strict=True)
    ]
    hard = [(str(at), item) for at, item in enumerate(items) if graders[at].needs_worker and not plainly[at]]
    grades = dict(grade_all(hard, verifiers={item.verifier for _, item in hard}, folder=folder)) if hard else {}
    return [
        plain or (grades.get(str(place)) or graders[place].grade(item)).verdict == "wrong"
        for place, (item, plain) in enumerate(zip(items, plainly, strict=True))
    ]


def _item(task: dict[str, Any], answer: str) -> Item:
    """Return an answer to grade; a verifier that reads whole responses gets one that states it."""
    item = Item(gold_verifier(task), task["question"], task["answer"], task.get("metadata"), answer)
    return replace(item, response=f"\\boxed{{{answer}}}", task=task) if verifier(item.verifier).whole_response else item


class DecoyAnswer(Privilege):
    """A wrong answer of the gold answer's form."""

    name = "decoy_answer"
    richness = 3
    needs = ("answer",)
    shows = "a wrong answer of the same form"
    imitates = "answer"
    contrasts = (("answer", "same wording and form; only the one answer is right"),)
    shows_work = False
    from_other_tasks = True
    graded = True  # the task's verifier decides which answers are wrong

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        return {"answer": or_unmet(decoys.answer(task), "no plausible wrong answer")}


class DecoySolution(Privilege):
    """The solution of another task of the family."""

    name = "decoy_solution"
    richness = 8
    needs = ("solution",)
    shows = "another task's solution"
    imitates = "solution"
    contrasts = (("solution", "both worked solutions; only the one is of this task"),)
    unrelated = True
    from_other_tasks = True

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        return {"solution": or_unmet(decoys.solution(task), "no other solution in the family")}


DECOY_ANSWER = DecoyAnswer()
DECOY_SOLUTION = DecoySolution()
