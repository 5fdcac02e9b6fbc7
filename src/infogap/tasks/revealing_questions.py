"""Find questions that hold what only a teacher may see: their own gold answer or worked solution."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from infogap.ids import digest
from infogap.leaks.answer_patterns import answer_pattern, same_answer
from infogap.leaks.copying import find_copies
from infogap.leaks.scanned_trace import ScannedTrace
from infogap.runs.block_cache import BlockCache
from infogap.tasks.select_tasks import Task
from infogap.text.stated_answers import every_stated, is_denied, stated

_HELD = 0.8  # share of a solution's 8-grams: many solutions begin with a part of the question
_CALLED = re.compile(r"\b(?:answer|solution|result)\b[^.!?\n]{0,20}?(?:[:：=]|\b(?:is|are)\b)[\s$*_`\\({\"']*$", re.I)
_NAMES = re.compile(r"answer|solution|result", re.I)  # without one of these, no value is called the answer
_BEFORE = 60  # characters before a value that can call it the answer
_SHOWN = 80  # characters of a question that is quoted
_AT_ONCE = 2_000  # tasks
VERSION = 1  # raised when the same task is judged otherwise
_LONG = 5  # words of an answer, or of a short solution, that no question has by chance


@dataclass(frozen=True)
class RevealingQuestions:
    """The questions of some tasks that hold their answer, or their solution; of each kind one is shown."""

    answers: list[str]
    solutions: list[str]

    @classmethod
    def among(cls, tasks: Sequence[Task], known: BlockCache) -> RevealingQuestions:
        """Find them; `known` are the results of earlier runs, block by block."""
        answers, solutions = [], []
        for start in range(0, len(tasks), _AT_ONCE):
            block = tasks[start : start + _AT_ONCE]
            for task, answer, solution in zip(block, *_held(block, known), strict=True):
                answers += [task.question] if answer else []
                solutions += [task.question] if solution else []
        return cls(answers, solutions)

    def note(self) -> str | None:
        """Say how many there are, and quote one; None without any."""
        counts = [f"{len(self.answers):,} their gold answer"] if self.answers else []
        counts += [f"{len(self.solutions):,} their worked solution"] if self.solutions else []
        if not counts:
            return None
        first = " ".join((self.answers + self.solutions)[0].split())
        shown = first if len(first) <= _SHOWN else f"{first[: _SHOWN - 3]}..."
        return (
            f"questions that hold what only a teacher may see: {', '.join(counts)}; the student sees it in the prompt, "
            f"and a trace that repeats it is no leak: {shown!r}"
        )


def _held(tasks: Sequence[Task], known: BlockCache) -> tuple[list[bool], list[bool]]:
    """Return of each task whether its question holds its answer, and whether it holds its solution."""
    texts = [(task.question, task.answer, task.solution) for task in tasks]
    block = digest(texts)
    before = known.get(block)
    if before is None:
        answers = [bool(answer and holds_answer(question, answer)) for question, answer, _ in texts]
        solutions = [bool(solution and holds_solution(question, solution)) for question, _, solution in texts]
        known.put(block, pl.DataFrame({"answer": answers, "solution": solutions}))
        return answers, solutions
    return before[0]["answer"].to_list(), before[0]["solution"].to_list()


def holds_answer(question: str, answer: str) -> bool:
    """Whether a question states its gold answer as one, in a box or a sentence, or has it word for word if it is long.

    That the answer's number or name occurs in it says nothing: those of choices always do.
    """
    if len(answer.split()) >= _LONG:
        return " ".join(answer.split()) in " ".join(question.split())
    said = [each for each in (*every_stated(question), stated(question)) if each is not None]
    if not said and not _NAMES.search(question):
        return False  # before the pattern is compiled, which takes a millisecond
    pattern = answer_pattern(answer)
    if pattern is None:
        return False
    if any(same_answer(pattern, each) for each in said):
        return True
    return any(_called_answer(question[: match.start()]) for match in pattern.finditer(question))


def _called_answer(before: str) -> bool:
    clause = _CALLED.search(before[-_BEFORE:])
    return clause is not None and not is_denied(before)


def holds_solution(question: str, solution: str) -> bool:
    """Whether a question has nearly all of its worked solution, word for word."""
    share = find_copies(ScannedTrace(solution, "", question)).share
    if share is None:
        words = solution.split()
        return len(words) >= _LONG and " ".join(words) in " ".join(question.split())
    return share >= _HELD
