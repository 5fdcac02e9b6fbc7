"""The recipe's section `dedupe`: what counts as a near-duplicate, and which one is kept."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from infogap.recipe.base import Model, refuse_at

Compare = Literal["both", "reasoning", "response", "question"]
Keep = Literal["first", "longest", "most_uncertain", "correct_first"]


class Dedupe(Model):
    """Near-duplicates: MinHash candidates over word n-grams, confirmed by their exact Jaccard similarity."""

    scope: Literal["task", "family", "all"] = Field(
        "task", description="Where to look for duplicates; never between two privileges of one task."
    )
    compare: Compare = Field(
        "both",
        description="both (reasoning and response), one, or question, which removes a task with all its traces.",
    )
    keep: Keep = Field(
        "first",
        description="Which of two duplicates is kept: the first (by task, privilege and sample), the longest, the most "
        "uncertain (markers per 1,000), or one that is correct; ties: the first.",
    )
    threshold: float = Field(0.8, gt=0, le=1, description="The Jaccard similarity at which two texts are duplicates.")
    ngram: int = Field(5, ge=1, le=1_000, description="Words per n-gram.")
    num_perm: int = Field(128, ge=16, le=1024, description="Permutations per signature.")
    verify: bool = Field(
        True,
        description="Check every candidate's exact similarity; otherwise the signatures' estimate decides.",
    )

    @model_validator(mode="after")
    def _questions_are_of_tasks(self) -> Self:
        if self.compare != "question":
            return self
        if self.scope == "task":
            raise refuse_at(("scope",), "a task has one question; with `compare: question` write family or all")
        if self.keep not in ("first", "longest"):
            raise refuse_at(("keep",), f"`{self.keep}` is for traces; with `compare: question` write first or longest")
        return self
