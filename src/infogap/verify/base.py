"""What a verifier is: it grades one answer against its task, and says which gold answers it can use."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal

from infogap.text.stated_answers import MAX_ANSWER, stated

Verdict = Literal["correct", "wrong", "no_answer", "truncated", "ungradable"]

TOO_LONG = f"the answer has more than {MAX_ANSWER:,} characters"


@dataclass(frozen=True)
class Item:
    """An answer to grade against its task.

    `stated`: the response states this as its answer; otherwise it is the response's last line, in which a verifier may
    find an answer or none. Verifiers with `whole_response` also get the `response` and the task's row; for them
    `answer` is empty where none is stated.
    """

    verifier: str
    question: str
    gold: str | None
    metadata: str | None  # the task's, JSON
    answer: str
    stated: bool = True
    response: str | None = None
    task: dict[str, Any] | None = None


@dataclass(frozen=True)
class Grade:
    """A verdict; `score` is 0..1, and None where the trace could not be graded."""

    verdict: Verdict
    answer: str | None = None
    score: float | None = 0.0
    detail: str | None = None


class Verifier:
    """Grades final answers against gold answers. Subclass it, and register an instance.

    The attributes say what the verifier needs; the defaults are the cautious ones.
    """

    needs_worker: ClassVar[bool] = True
    """Grade in worker processes, which are ended at the time limit. Turn it off if no text can make `grade` slow."""

    needs_gold: ClassVar[bool] = True
    """Call a trace `ungradable` where its task has no gold answer."""

    needs_options: ClassVar[bool] = False
    """Grade by the options that the question offers."""

    compares_values: ClassVar[bool] = False
    """Compare numbers by their values alone: two that differ by more than a thousandth are never equal."""

    takes_tolerance: ClassVar[bool] = False
    """Read `tolerance` from the task's metadata: a source of the recipe may set it."""

    reads_last_line: ClassVar[bool] = False
    """Take a response's last line where no answer is stated; otherwise only a response of one short line counts."""

    whole_response: ClassVar[bool] = False
    """Grade the whole response, with or without a stated answer."""

    gold_columns: ClassVar[tuple[str, ...]] = ()
    """Columns of a source that become part of the gold answer, by `gold_with`."""

    names_failing_test: ClassVar[bool] = False
    """Name in `detail` what is wrong with a wrong answer, such as a failing test, so that a teacher can be shown it."""

    answer_is_program: ClassVar[bool] = False
    """The final answer is a program: with another number or word in it, it may still be right."""

    deadline: ClassVar[float] = 60.0
    """Seconds by the clock for one answer, for verifiers that wait."""

    is_equality: ClassVar[bool] = False
    """Compare two answers: what one response states can be the gold answer of another."""

    takes_equality: ClassVar[bool] = False
    """Read `equality` from the task's metadata: a source of the recipe may name the verifier that compares answers."""

    takes_check: ClassVar[bool] = False
    """Give verdicts without the gold answer: a source may name, with `check_with`, a verifier to check them by it."""

    grades_alone: ClassVar[bool] = True
    """Grade a response without other traces or a model; otherwise the verify stage has to, in the run."""

    instruction: ClassVar[str | None] = None
    """What prompts have to ask for, where the default instruction, a final answer in a box, does not fit."""

    modules: ClassVar[tuple[str, ...]] = ()
    """Slow imports that `grade` needs: made when a worker starts, so that no answer's time is spent on them."""

    def grade(self, item: Item) -> Grade:
        """Grade one answer. An exception makes the trace `ungradable`."""
        raise NotImplementedError

    def check_gold(self, question: str, gold: str) -> str | None:
        """Say why a gold answer cannot be used, for the row's rejection; None where it can."""
        return too_long(gold)

    def check_golds(self, pairs: list[tuple[str, str]]) -> list[str | None]:
        """Check the gold answers of many tasks, given as (question, gold answer): a reason or None for each."""
        return [self.check_gold(question, gold) for question, gold in pairs]

    def gold_answer(self, question: str, gold: str) -> str:
        """Return the gold answer in the form that the tasks table stores."""
        return gold

    def gold_with(self, gold: str, columns: dict[str, str | None]) -> str:
        """Return the gold answer with a row's values of `gold_columns`."""
        return gold

    def shown_gold(self, gold: str) -> str:
        """Return the gold answer as a teacher is shown it."""
        return gold

    def final_answer(self, response: str, question: str, *, cut: bool) -> str | None:
        """Return the answer that a response states, None where it states none; `cut`: it stopped at its limit."""
        return stated(response, cut=cut)

    def problem(self) -> str | None:
        """Say why nothing can be graded on this machine, and what to do; None where it can."""
        return None

    def programs(self) -> dict[str, str]:
        """Return the versions of programs outside of Python packages that verdicts depend on, by name."""
        return {}

    def start_worker(self, folder: Path) -> None:
        """Prepare a worker process, before any answer's time runs; `folder` is the recipe's."""
        for module in self.modules:
            import_module(module)


def too_long(gold: str) -> str | None:
    """Return a reason if a gold answer is longer than any answer that is graded."""
    return TOO_LONG if len(gold) > MAX_ANSWER else None


def right_or_wrong(right: bool, item: Item, detail: str | None = None) -> Grade:
    """Return the verdict on an item's answer; the detail says so if the answer was read from the last line."""
    if not item.stated:
        detail = "no answer is stated; the last line was read" + (f"; {detail}" if detail else "")
    return Grade("correct" if right else "wrong", item.answer, float(right), detail)


def no_answer() -> Grade:
    """Return the verdict on a response that holds no answer."""
    return Grade("no_answer")


def ungradable(reason: str, answer: str | None = None) -> Grade:
    """Return the verdict on a trace that cannot be graded, and why."""
    return Grade("ungradable", answer or None, None, reason)
