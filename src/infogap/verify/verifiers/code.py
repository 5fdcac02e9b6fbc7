"""Grade programs by their task's tests, run in a sandbox: `verify/programs/`."""

from __future__ import annotations

import platform
from functools import lru_cache

from infogap.text.stated_answers import MAX_ANSWER
from infogap.verify.base import Grade, Item, Verifier, no_answer, ungradable
from infogap.verify.programs import bubblewrap
from infogap.verify.programs.bubblewrap import EndedError, SandboxError
from infogap.verify.programs.program_text import continued, preamble, program_in
from infogap.verify.programs.run_tests import COMMON_IMPORTS, Program, run_tests
from infogap.verify.programs.sandboxed.plain_values import UnsendableError
from infogap.verify.programs.task_tests import (
    TaskTests,
    TestsProblemError,
    as_gold,
    as_people_read,
    read_tests,
)


class Code(Verifier):
    """Correct where the program passes all tests; the score is the share that it passes.

    The gold answer is the tests (`verify/programs/task_tests.py`). `detail` names the first failing one.
    """

    whole_response = True
    gold_columns = ("more_tests", "entry_point", "starter", "setup")
    deadline = bubblewrap.ALL_TESTS + 60
    names_failing_test = True
    answer_is_program = True
    instruction = "Please reason step by step, and end with the whole program in one Markdown block of Python code."

    def grade(self, item: Item) -> Grade:
        response = item.answer if item.response is None else item.response
        try:
            tests = _tests(item.gold or "")
        except TestsProblemError as error:
            return ungradable(str(error), item.answer)
        program = _program(response, tests)
        if program is None:
            return no_answer()
        answer = program.source[:MAX_ANSWER]
        try:
            outcome = run_tests(program, tests)
        except (SandboxError, UnsendableError) as error:
            return ungradable(str(error), answer)
        except EndedError as error:
            return Grade("wrong", answer, 0.0, str(error))
        return Grade("correct" if outcome.failing is None else "wrong", answer, outcome.score, outcome.failing)

    def check_gold(self, question: str, gold: str) -> str | None:
        try:
            read_tests(gold)
        except TestsProblemError as error:
            return str(error)
        return None

    def gold_with(self, gold: str, columns: dict[str, str | None]) -> str:
        return as_gold(gold, columns)

    def shown_gold(self, gold: str) -> str:
        return as_people_read(gold)

    def final_answer(self, response: str, question: str, *, cut: bool) -> str | None:
        return program_in(response, cut=cut)

    def problem(self) -> str | None:
        return bubblewrap.problem()

    def programs(self) -> dict[str, str]:
        return {"python": platform.python_version(), "bubblewrap": bubblewrap.version() or "none"}


@lru_cache(maxsize=16)  # a task's traces follow each other
def _tests(gold: str) -> TaskTests:
    return read_tests(gold)


def _program(response: str, tests: TaskTests) -> Program | None:
    """Return the program of a response: a continuation of the task's beginning, or a program of its own."""
    stated = program_in(response)
    text = response if stated is None else stated
    whole = continued(text, tests.starter, tests.entry_point)
    if whole is not None:
        return Program(whole, (tests.setup,))
    if stated is None:
        return None
    imports = () if tests.code is not None else (COMMON_IMPORTS,)
    return Program(stated, (*imports, tests.setup, preamble(tests.starter, tests.entry_point)))


VERIFIER = Code()
