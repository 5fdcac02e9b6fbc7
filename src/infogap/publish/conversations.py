"""Traces as conversations: the student's prompt, and what it is to answer."""

from __future__ import annotations

import polars as pl

from infogap.run import Run
from infogap.teachers.thinking import ANSWER_TAGS

MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))


def prompts(run: Run, questions: pl.Series) -> pl.Series:
    """A message of the user's each: what an unguided teacher sees, whatever a trace's own teacher saw.

    For imported traces it is the question alone: with which instruction they were made is not known.
    """
    texts = questions.to_list()
    if run.recipe.generate is not None:
        from infogap.privilege.render import student_prompt

        texts = [student_prompt(question, run.recipe.generate.instruction) for question in texts]
    return pl.select(prompt=pl.concat_list(_message("user", pl.lit(pl.Series(texts, dtype=pl.String))))).to_series()


def answers(run: Run) -> pl.Expr:
    """A message of the assistant's each, from the columns of traces and tasks: its thought in tags, then the response.

    The response is without the tags of `<answer>...</answer>`, unless the student's prompt asks for them.
    """
    asked = pl.col("question").str.contains("<answer>", literal=True)
    if run.recipe.generate is not None and "<answer>" in run.recipe.generate.instruction:
        asked = pl.lit(True)
    response = pl.when(asked).then("response").otherwise(pl.col("response").str.replace_all(ANSWER_TAGS, "$1"))
    thought = pl.format("<think>\n{}\n</think>\n\n{}", "reasoning", response)
    whole = pl.when(pl.col("reasoning").str.len_bytes() > 0).then(thought).otherwise(response)
    return pl.concat_list(_message("assistant", whole))


def _message(role: str, content: pl.Expr) -> pl.Expr:
    return pl.struct(role=pl.lit(role), content=content)
