"""The recipe's section `decontaminate`: the evaluation sets that data is compared with, and how."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from infogap.recipe.base import Model, OneOrMore, each_once, refuse_at
from infogap.recipe.source_columns import ColumnPath
from infogap.recipe.sources import RowSource

What = Literal["question", "trace", "context"]
_HALF = 0.5  # of an evaluation question's words, as Tulu 3 (arXiv 2411.15124) takes it


class EvaluationSet(RowSource):
    """An evaluation set: a file or a dataset, and the column with its questions."""

    column: ColumnPath = "question"
    name: str | None = Field(
        None, min_length=1, description="Its name in tables and the card; by default the file's or the dataset's."
    )

    @property
    def label(self) -> str:
        """Its name in tables and the card."""
        return self.name or self.stem


class Decontaminate(Model):
    """Which evaluation sets tasks and traces are compared with, by which rule, and what happens to matches."""

    against: list[EvaluationSet] = Field(min_length=1)
    rule: Literal["overlap", "coverage"] = Field(
        "overlap",
        description="overlap: one n-gram shared with an evaluation question is enough; coverage: n-grams shared with "
        "it must cover a share of its words. A question shorter than n words must be the same as a whole.",
    )
    ngram: int = Field(8, ge=1, le=1_000, description="Words per n-gram; a character, in scripts without spaces.")
    coverage: float | None = Field(
        None, gt=0, le=1, description="rule coverage: the least share of an evaluation question's words; 0.5 if unset."
    )
    on: Annotated[list[What], AfterValidator(each_once)] = Field(
        ["question"],
        min_length=1,
        description="What is compared: the tasks' questions, the traces, the privileged contexts.",
    )
    ignore: OneOrMore = Field(
        [], description="Phrases removed from both sides before they are compared, such as a common instruction."
    )
    policy: Literal["drop", "report"] = Field(
        "drop", description="drop: matches are listed, and balance excludes them from the mix; report: listed only."
    )

    @property
    def least_share(self) -> float:
        """The share of an evaluation question's words at which a text is contaminated; 0: any n-gram is enough."""
        return (self.coverage or _HALF) if self.rule == "coverage" else 0.0

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.coverage is not None and self.rule != "coverage":
            raise refuse_at(("coverage",), f"is for `rule: coverage`; this recipe has `rule: {self.rule}`")
        labels = [entry.label for entry in self.against]
        for index, label in enumerate(labels):
            if label in labels[:index]:
                raise refuse_at(("against", index), f"a second set is called '{label}'; give it a `name` of its own")
        return self
