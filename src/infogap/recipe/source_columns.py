"""The columns of a source that hold the parts of tasks and of traces."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from infogap.recipe.base import Model, is_none

ColumnPath = Annotated[
    str,
    Field(
        min_length=1,
        description="A column; a path into it, `extra_info.solution`, `prompt[-1].content`, `solutions[*].text` (every "
        "item); or a template over several, `{{ body }} {{ question }}`. Strings that hold JSON are read on the way.",
    ),
]


class TaskColumns(Model):
    """The columns of a source that hold the parts of a task."""

    question: ColumnPath = Field(
        "question", description="A text; or a list of messages, of which all before the last answer are the prompt."
    )
    answer: ColumnPath | None = Field("answer", description="The gold answer; imported traces may do without: null.")
    solution: ColumnPath | None = None
    family: ColumnPath | None = None
    difficulty: ColumnPath | None = None
    options: ColumnPath | None = Field(
        None,
        description="choice: the options, a list of texts or a mapping of letters to texts; put into the question.",
    )
    more_tests: ColumnPath | None = Field(
        None,
        exclude_if=is_none,
        description="code: further tests, such as hidden ones beside the public ones in `answer`.",
    )
    entry_point: ColumnPath | None = Field(
        None, exclude_if=is_none, description="code: the function that the tests, which are the gold answer, call."
    )
    starter: ColumnPath | None = Field(
        None, exclude_if=is_none, description="code: the beginning of the program, which an answer may continue."
    )
    setup: ColumnPath | None = Field(
        None, exclude_if=is_none, description="code: code that is executed before the answer."
    )

    @model_serializer(mode="wrap")
    def _keep_nulls(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write a column that the recipe sets to null, since its default is a name."""
        nulls = {name: None for name in sorted(self.model_fields_set) if getattr(self, name) is None}
        return {**nulls, **handler(self)}


GOLD_COLUMNS = ("more_tests", "entry_point", "starter", "setup")
"""Columns that become part of the gold answer, under a verifier that takes them."""


class TraceColumns(TaskColumns):
    """The columns of a source that hold the parts of existing traces and of their tasks."""

    trace: ColumnPath | None = Field(
        None,
        description="The whole text, thinking included; a list of texts counts as samples, a list of messages as a "
        "conversation.",
    )
    tools: ColumnPath | None = Field(
        None,
        exclude_if=is_none,
        description="The definitions of the tools that a conversation can call: a list, or JSON.",
    )
    reasoning: ColumnPath | None = Field(None, description="The thinking part, if it has a column of its own.")
    response: ColumnPath | None = Field(None, description="The part after the thinking.")
    teacher: ColumnPath | None = None
    privilege: ColumnPath | None = None
    context: ColumnPath | None = Field(None, description="What the teacher was shown besides the question.")
    finish_reason: ColumnPath | None = None
    completion_tokens: ColumnPath | None = None
    stated_verdict: ColumnPath | None = Field(
        None, description="The file's own label: is_correct, a score, a grader's verdict. Kept, and compared by verify."
    )
