"""The sources of tasks and of existing traces in a recipe."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    field_serializer,
    model_validator,
)

from infogap.errors import nearest
from infogap.recipe.base import Model, OneOrMore, is_none, refuse, refuse_at
from infogap.recipe.named_formats import filled_in
from infogap.recipe.recipe_errors import show
from infogap.recipe.source_columns import GOLD_COLUMNS, TaskColumns, TraceColumns
from infogap.recipe.teacher_section import Thinking
from infogap.recipe.verifier_names import (
    DEFAULT_VERIFIER,
    VerifierName,
    can_do_without_gold,
    checks,
    equalities,
    file_verifiers,
    gold_columns,
    takes_check,
    takes_equality,
    takes_tolerance,
)

GYM_WITH_SOLUTION = "gsm_symbolic"  # the only dataset of reasoning-gym with worked solutions in prose


def _not_empty(entries: list[str]) -> list[str]:
    if not entries or not all(entries):
        raise refuse("names no file")
    return entries


def _one_group(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise refuse(f"not a regular expression: {error}") from error
    if groups != 1:
        raise refuse(f"should have one group in parentheses, found {groups}; write any others as (?:...)")
    return pattern


class RowSource(Model):
    """Rows of files or of a dataset."""

    files: Annotated[OneOrMore, AfterValidator(_not_empty)] = Field(
        alias="from",
        description="A file (.jsonl, .json, .csv, .parquet, .eval, also compressed: .gz, .bz2, .zst), a pattern such "
        "as part-*.jsonl, a folder, a list of these, each also behind hf://, s3://, https://; or anything that "
        "`datasets.load_dataset` loads: org/name.",
    )
    rows: str | None = Field(
        None, min_length=1, description="The list of rows inside a JSON file that is an object: `results`."
    )
    config: str | None = Field(None, description="The dataset's configuration; for datasets, not files.")
    split: str = Field("train", description="The dataset's split; for datasets, not files.")
    revision: str | None = Field(
        None,
        description="The dataset's tag, branch or commit; without a tag or commit, a dataset of the Hub may "
        "change between two runs of the recipe.",
    )

    @property
    def from_(self) -> str:
        """The name of the source in messages and tables."""
        return ", ".join(self.files)

    @property
    def stem(self) -> str:
        """Its name without folders, suffixes and wildcards."""
        return "+".join(dict.fromkeys(_stem(entry) for entry in self.files))

    @field_serializer("files")
    def _one_as_text(self, files: list[str]) -> str | list[str]:
        return files[0] if len(files) == 1 else files


def _stem(entry: str) -> str:
    path = PurePath(re.split(r"[?#]", entry)[0] if "://" in entry else entry)
    name = re.sub(r"\.(jsonl|json|csv|parquet|eval)(\.(gz|bz2|zst))?$", "", path.name, flags=re.IGNORECASE)
    return re.sub(r"[*?\[\]]+", "", name).strip("-_. ") or path.parent.name or entry


class Join(RowSource):
    """A second file whose rows complete the rows of the first with the same key."""

    on: Annotated[str, Field(min_length=1)] | Annotated[dict[str, str], Field(min_length=1, max_length=1)] = Field(
        description="The key's column in both files; or, if their names differ, {this file's: the other's}."
    )

    @property
    def key(self) -> str:
        """The key's column path in the source's own rows."""
        return self.on if isinstance(self.on, str) else next(iter(self.on))

    @property
    def other_key(self) -> str:
        """The key's column path in the second file's rows."""
        return self.on if isinstance(self.on, str) else next(iter(self.on.values()))


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise refuse("should be a license's id on one line, such as cc-by-4.0")
    return text


def _web_address(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s<>\"|]+", url):
        raise refuse(f"should be an address that starts with https://; found {show(url)}")
    return url


SourceLicense = Annotated[
    Annotated[str, AfterValidator(_one_line)] | None,
    Field(exclude_if=is_none, description="The source's license, an SPDX id in the Hub's spelling; shown in the card."),
]
SourceLink = Annotated[
    Annotated[str, AfterValidator(_web_address)] | None,
    Field(exclude_if=is_none, description="Where the source is found, https://...; shown in the card."),
]
CREDITS = {"license", "url"}
"""Keys of a source that are for the card alone: nothing is read again when they change."""


class Source(RowSource):
    """The settings that sources of tasks and of traces share."""

    license: SourceLicense = None
    url: SourceLink = None

    family: str | None = Field(None, description="The family of every row, if no column gives it.")
    difficulty: str | int | float | None = Field(None, description="The difficulty of every row.")
    format: str | None = Field(
        None, description="A named mapping of columns: `infogap formats` lists them. Keys written here take precedence."
    )
    join: Join | None = Field(
        None, description="A second file with columns that this one lacks: {from: questions.jsonl, on: custom_id}."
    )
    pattern: Annotated[str, AfterValidator(_one_group)] | None = Field(
        None, description="A regular expression with one group: the question is what the group matches."
    )
    strip_prefix: OneOrMore = Field(
        [], description="Texts removed from the beginning of questions, such as an instruction."
    )
    strip_suffix: OneOrMore = Field([], description="Texts removed from the end of questions, such as an instruction.")
    verifier: VerifierName = Field(
        DEFAULT_VERIFIER,
        description="How final answers are graded against the gold answer; your own function as module:function.",
    )
    tolerance: float | None = Field(
        None, ge=0, lt=1, description="numeric: how far an answer may be off, as a share of the gold answer."
    )
    equality: str | None = Field(
        None,
        exclude_if=is_none,
        description="consensus: the verifier by which two answers are the same, `math` by default.",
    )
    check_with: str | None = Field(
        None,
        exclude_if=is_none,
        description="judge: the verifier that its verdicts are compared with, where the task has a gold answer.",
    )
    where: str | None = Field(
        None,
        description="An SQL condition over the mapped columns, which are text, and the file's own: "
        "`family = 'Algebra' AND CAST(difficulty AS INT) >= 3`.",
    )
    limit: int | None = Field(None, ge=1, description="The most tasks to take, drawn by the recipe's seed.")
    invalid: Literal["skip", "error"] = Field(
        "skip", description="Rows without a question or a usable gold answer: skipped and counted, or an error."
    )

    @model_validator(mode="after")
    def _verifier_takes_tolerance(self) -> Self:
        if self.tolerance is not None and not takes_tolerance(self.verifier):
            takers = " or ".join(f"`verifier: {name}`" for name in file_verifiers() if takes_tolerance(name))
            raise refuse_at(("tolerance",), f"is for {takers}; this source has `verifier: {self.verifier}`")
        return self

    @model_validator(mode="after")
    def _verifier_takes_another(self) -> Self:
        for key, takes, others in (("equality", takes_equality, equalities), ("check_with", takes_check, checks)):
            other = getattr(self, key)
            if other is None:
                continue
            takers = [name for name in file_verifiers() if takes(name)]
            if self.verifier not in takers:
                named = " or ".join(f"`verifier: {name}`" for name in takers)
                raise refuse_at((key,), f"is for {named}; this source has `verifier: {self.verifier}`")
            allowed = others()
            if other not in allowed:
                raise refuse_at((key,), f"found {show(other)}; allowed: {', '.join(allowed)}{nearest(other, allowed)}")
        return self

    @property
    def gold_verifier(self) -> str:
        """The verifier that reads its gold answers, which may be another than the one that gives the verdicts."""
        if self.equality is not None or self.check_with is not None:
            return self.equality or self.check_with or self.verifier
        return DEFAULT_VERIFIER if takes_equality(self.verifier) else self.verifier

    @model_validator(mode="after")
    def _verifier_takes_columns(self) -> Self:
        columns: TaskColumns = getattr(self, "columns", TaskColumns())
        for name in GOLD_COLUMNS:
            if getattr(columns, name) is not None and name not in gold_columns(self.verifier):
                takers = [each for each in file_verifiers() if name in gold_columns(each)]
                message = f"is for `verifier: {' or '.join(takers)}`; this source has `verifier: {self.verifier}`"
                raise refuse_at(("columns", name), message)
        return self


class FileTasks(Source):
    """Tasks from a file or a dataset."""

    columns: TaskColumns = TaskColumns()

    @model_validator(mode="before")
    @classmethod
    def _fill_in_format(cls, data: Any) -> Any:
        return filled_in(data, _keys(cls), set(TaskColumns.model_fields))

    @model_validator(mode="after")
    def _has_gold_answers(self) -> Self:
        if self.columns.answer is None and not can_do_without_gold(self.verifier):
            raise refuse_at(
                ("columns", "answer"),
                "generated answers are graded against a gold answer: name its column",
            )
        return self


class GymTasks(Model):
    """Procedural tasks of reasoning-gym; each dataset's name is a family."""

    from_: Literal["reasoning_gym"] = Field(alias="from")
    license: SourceLicense = None
    url: SourceLink = None
    names: list[str] = Field(min_length=1)
    count: int = Field(ge=1, le=10_000_000, description="Tasks per name.")
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


class TraceImport(Source):
    """Traces that exist already, with the tasks they answer."""

    columns: TraceColumns = TraceColumns()
    teacher: str = Field("unknown", description="The teacher of every row, if no column gives it.")
    privilege: str = Field("unknown", description="The privilege of every row, if no column gives it.")
    thinking: Thinking | None = Field(
        None,
        description="`opened`: the prompt's template opens the thought, so traces begin inside it, and a trace "
        "without tags is a truncated thought. Or the tags around thoughts, if they are not among the known ones: "
        "{open: <ponder>, close: </ponder>}.",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in_format(cls, data: Any) -> Any:
        return filled_in(data, _keys(cls), set(TraceColumns.model_fields))


def _keys(section: type[Source]) -> set[str]:
    """Return the keys of a source's section that a named mapping may set."""
    return set(section.allowed_keys()) - {"from", "format", "columns"}
