"""Where tasks and existing traces come from, as a recipe says it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from infogap.recipe.base import Model, refuse, refuse_at
from infogap.recipe.problems import show
from infogap.recipe.spelling import nearest
from infogap.recipe.thinking import Thinking

VERIFIERS = ("math", "choice", "exact", "numeric", "regex")  # of a file's tasks; reasoning-gym's have `gym`
_FUNCTION = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"

ColumnPath = Annotated[
    str,
    Field(
        min_length=1,
        description="A column, or a path into it: `extra_info.solution`, `prompt[0].content`; "
        "strings that hold JSON are read on the way.",
    ),
]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


OneOrMore = Annotated[
    list[str],
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


def _known_verifier(name: str) -> str:
    if name in VERIFIERS or (re.fullmatch(_FUNCTION, name) and ".py:" not in name):
        return name
    allowed = f"{', '.join(VERIFIERS)}, or a function of yours as module:function"
    hint = " (no .py, and dots between packages)" if ":" in name else nearest(name, VERIFIERS)
    raise refuse(f"found {show(name)}; allowed: {allowed}{hint}")


VerifierName = Annotated[
    str,
    AfterValidator(_known_verifier),
    WithJsonSchema({"anyOf": [{"enum": list(VERIFIERS)}, {"type": "string", "pattern": f"^{_FUNCTION}$"}]}),
]


class TaskColumns(Model):
    """Which column of the source is which part of a task."""

    question: ColumnPath = "question"
    answer: ColumnPath = "answer"
    solution: ColumnPath | None = None
    family: ColumnPath | None = None
    difficulty: ColumnPath | None = None


class RowSource(Model):
    """Rows of a file or of a dataset."""

    from_: str = Field(
        alias="from",
        min_length=1,
        description="A file (.jsonl, .json, .csv, .parquet) or whatever `datasets.load_dataset` takes: org/name.",
    )
    config: str | None = Field(None, description="The dataset's configuration; for datasets, not files.")
    split: str = Field("train", description="The dataset's split; for datasets, not files.")
    revision: str | None = Field(
        None,
        description="The dataset's tag, branch or commit; without a tag or commit, a dataset of the Hub may "
        "change between two runs of the recipe.",
    )


class Source(RowSource):
    """What both task and trace sources say of their rows."""

    family: str | None = Field(None, description="The family of every row, where no column says it.")
    difficulty: str | int | float | None = Field(None, description="The difficulty of every row.")
    strip_suffix: OneOrMore = Field([], description="Texts removed from the end of questions, such as an instruction.")
    verifier: VerifierName = Field(
        "math",
        description="How final answers are compared with the gold answer; a function of yours as module:function.",
    )
    tolerance: float | None = Field(
        None, ge=0, lt=1, description="numeric: how far an answer may be off, as a share of the gold answer."
    )
    where: str | None = Field(
        None,
        description="An SQL condition over question, answer, solution, family, difficulty: "
        "`family = 'Algebra' AND CAST(difficulty AS INT) >= 3`.",
    )
    limit: int | None = Field(None, ge=1, description="At most so many tasks, drawn by the recipe's seed.")
    invalid: Literal["skip", "error"] = Field(
        "skip", description="Rows without a question or a usable gold answer: skipped and counted, or an error."
    )

    @model_validator(mode="after")
    def _tolerance_is_for_numbers(self) -> Self:
        if self.tolerance is not None and self.verifier != "numeric":
            raise refuse_at(("tolerance",), f"is for `verifier: numeric`; this source has `verifier: {self.verifier}`")
        return self


class FileTasks(Source):
    """Tasks from a file or a dataset."""

    columns: TaskColumns = TaskColumns()


class GymTasks(Model):
    """Procedural tasks of reasoning-gym; each dataset's name is a family."""

    from_: Literal["reasoning_gym"] = Field(alias="from")
    names: list[str] = Field(min_length=1)
    count: int = Field(ge=1, description="Tasks per name.")
    seed: int | None = Field(None, ge=0, description="By default derived from the recipe's seed.")
    level: int | None = Field(
        None, ge=0, description="The difficulty: a level of reasoning-gym's curriculum for the dataset."
    )
    config: dict[str, dict[str, Any]] = Field(
        {}, description="Per name: settings of the dataset, such as {chain_sum: {max_terms: 3}}."
    )


def _task_source_kind(value: Any) -> str:
    origin = value.get("from") if isinstance(value, dict) else getattr(value, "from_", None)
    return "gym" if origin == "reasoning_gym" else "file"


TaskSource = Annotated[
    Annotated[FileTasks, Tag("file")] | Annotated[GymTasks, Tag("gym")],
    Discriminator(_task_source_kind),
]


class TraceColumns(TaskColumns):
    """Which column is which part of an existing trace and of the task it answers."""

    trace: ColumnPath | None = Field(
        None, description="The whole text, thinking included; a list of texts counts as samples."
    )
    reasoning: ColumnPath | None = Field(None, description="The thinking part, where it has a column of its own.")
    response: ColumnPath | None = Field(None, description="The part after the thinking.")
    teacher: ColumnPath | None = None
    privilege: ColumnPath | None = None
    context: ColumnPath | None = Field(None, description="What the teacher was shown besides the question.")
    finish_reason: ColumnPath | None = None
    completion_tokens: ColumnPath | None = None


class TraceImport(Source):
    """Traces that exist already, with the tasks they answer."""

    columns: TraceColumns = TraceColumns()
    teacher: str = Field("unknown", description="The teacher of every row, where no column says it.")
    privilege: str = Field("unknown", description="The privilege of every row, where no column says it.")
    thinking: Thinking | None = Field(
        None,
        description="`opened`: the prompt's template opened the thought, so that traces begin inside it. A trace "
        "without tags is then a thought that was cut off. Or the tags around thoughts, where they are none of the "
        "known ones: {open: <ponder>, close: </ponder>}.",
    )
