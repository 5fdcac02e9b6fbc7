"""Grade the final answers of responses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import polars as pl

from infogap import plugins
from infogap.errors import InputError, nearest
from infogap.recipe.verifier_names import GYM_VERIFIER, grades_alone
from infogap.schema import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infogap.verify.base import Grade


@overload
def grade(response: str, gold: str | None, verifier: str = "math", *, question: str = "") -> Grade: ...


@overload
def grade(
    response: pl.Series, gold: pl.Series, verifier: str = "math", *, question: pl.Series | None = None
) -> pl.DataFrame: ...


def grade(
    response: str | pl.Series,
    gold: str | pl.Series | None,
    verifier: str = "math",
    *,
    question: str | pl.Series | None = None,
) -> Grade | pl.DataFrame:
    """Grade the final answer of a response, or of a column of responses.

    Answers are graded in worker processes with limits of time and memory: one that hangs is `ungradable`, and
    no other is affected.

    Args:
        response: What the model wrote; an answer inside a truncated thought does not count.
        gold: The right answer.
        verifier: `math`, `choice`, `exact`, `numeric`, `regex` (docs/verifiers.md), or your own function as
            `module:function`, from a module in the working directory or an installed one.
        question: `choice` reads the options from it; a function of your own receives it.

    Returns:
        For one response its `verdict` (correct, wrong, no_answer, truncated, ungradable), the `answer` that was read,
        the `score` (0 to 1; None if ungradable) and a `detail`. For columns a frame with a row each: `verdict`,
        `extracted_answer`, `score`, `detail`.

    Raises:
        InputError: There is no such verifier or function, the columns differ in length, or one of them is not a Series.
        ExternalError: Worker processes do not start.
    """
    if isinstance(response, str):
        return _grades([response], [gold], [question or ""], verifier)[0]
    if not isinstance(response, pl.Series):
        raise InputError(
            f"pass a response as text, or a column of them as a polars Series; found {type(response).__name__}"
        )
    if not isinstance(gold, pl.Series):
        raise InputError("a column of responses needs a column of gold answers, a polars Series")
    golds = gold.to_list()
    questions = [""] * len(response) if question is None else list(question)
    if not len(response) == len(golds) == len(questions):
        raise InputError(f"{len(response):,} responses and {len(golds):,} gold answers cannot be paired")
    grades = _grades(response.to_list(), golds, questions, verifier)
    rows = [("", each.verdict, each.answer, each.score, each.detail) for each in grades]
    return pl.DataFrame(rows, schema=VERDICTS.schema, orient="row").drop("trace_id")


def _grades(responses: list[Any], golds: list[Any], questions: list[Any], verifier: str) -> list[Grade]:
    """Grade the responses in order, prepared as in the verify stage."""
    from infogap.text.thoughts import split
    from infogap.verify.grade_traces import prepared
    from infogap.verify.grading_pool import grade_all
    from infogap.verify.verifiers import is_known

    if not is_known(verifier):
        known = [name for name in plugins.names("verifiers") if name != GYM_VERIFIER and grades_alone(name)]
        listed = ", ".join(known)
        raise InputError(
            f"there is no verifier '{verifier}'{nearest(verifier, known)}; use {listed}, or your own as module:function"
        )
    if not grades_alone(verifier):
        raise InputError(f"`verifier: {verifier}` grades the traces of a run; name another one for a single response")

    def work() -> Iterator[Any]:
        for response, gold, question in zip(responses, golds, questions, strict=True):
            task = {"task_id": "", "question": question or "", "answer": gold, "verifier": verifier, "metadata": None}
            reasoning, said = split(response or "")
            trace = {"reasoning": reasoning, "response": said, "finish_reason": None, "error": None}
            yield "", prepared(task, trace)

    return [graded for _, graded in grade_all(work(), verifiers=[verifier], folder=Path.cwd())]
