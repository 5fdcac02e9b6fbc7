"""The recipe's section `verify`: the rules of verifiers that need no gold answer."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from infogap.recipe.base import Model, each_once, is_none, refuse, refuse_at
from infogap.recipe.generate_section import Generate
from infogap.recipe.publish_section import OF_GOLD_ANSWERS, Publish
from infogap.recipe.recipe_errors import Contradiction
from infogap.recipe.sources import FileTasks, Source, TraceImport
from infogap.recipe.teacher_section import Teacher

FEWEST_AGREEING = 2
"""Samples that agree, at least: one agrees with nobody."""

DEFAULT_WORDING = (
    "Is the final answer of this response right? Work the question out yourself first, as far as you can. An answer is "
    "right if it means the same as the right one, in whatever form; a response without a final answer is not right."
)


class Consensus(Model):
    """`verifier: consensus`: the answer on which a task's unguided samples agree."""

    minimum: float = Field(
        0.5, gt=0, le=1, description="The share of a task's unguided samples that must have the same answer."
    )


def _not_blank(text: str) -> str:
    if not text.strip():
        raise refuse("is empty: write what the judge is asked, or leave it out")
    return text


class Judge(Model):
    """`verifier: judge`: a model that votes on whether a response is right."""

    by: Teacher = Field(description="The model, with the settings of a `teacher`.")
    votes: int = Field(3, ge=1, le=25, description="Votes on a response; more than half of them give the verdict.")
    shows: Annotated[list[Literal["gold"]], AfterValidator(each_once)] = Field(
        [], description="What it sees besides question and response: `gold`, the gold answer, where a task has one."
    )
    wording: Annotated[str, AfterValidator(_not_blank)] = Field(
        DEFAULT_WORDING, description="What it is asked about the response."
    )

    @model_validator(mode="after")
    def _votes_can_differ(self) -> Self:
        if self.votes > 1 and self.by.sampling.temperature == 0:
            message = f"is 0, at which {self.votes} votes are one vote {self.votes} times; raise it, or set `votes: 1`"
            raise refuse_at(("by", "sampling", "temperature"), message)
        return self

    @model_validator(mode="after")
    def _votes_at_once(self) -> Self:
        if getattr(self.by, "mode", "live") == "batch":
            raise refuse_at(("by", "mode"), "a judge votes while the command waits: `live`")
        return self


class Verify(Model):
    """Who says that an answer is right, where no gold answer does."""

    consensus: Consensus | None = Field(None, exclude_if=is_none, description="The rule of `verifier: consensus`.")
    judge: Judge | None = Field(None, exclude_if=is_none, description="The model of `verifier: judge`.")

    @property
    def consensus_rule(self) -> Consensus:
        """The rule of `verifier: consensus`, defaults filled in."""
        return self.consensus or Consensus()


def verify_contradictions(sections: dict[str, object]) -> list[Contradiction]:
    """Return what keeps verifiers without gold answers from giving verdicts.

    `sections` are those of `contradictions`.
    """
    key = "import" if "import" in sections else "tasks"
    sources, verify, generate = sections.get(key), sections.get("verify"), sections.get("generate")
    if not isinstance(sources, list) or ("verify" in sections and not isinstance(verify, Verify)):
        return []
    named: dict[str, tuple[str | int, ...]] = {}
    for index, source in enumerate(sources):
        if isinstance(source, Source):
            named.setdefault(source.verifier, (key, index, "verifier"))
    settings = verify if isinstance(verify, Verify) else Verify()
    problems: list[Contradiction] = []
    if "judge" in named and settings.judge is None:
        problems.append((named["judge"], "no model is named to judge; add `verify: {judge: {by: {backend: ...}}}`"))
    problems += [
        (("verify", name), f"no source has `verifier: {name}`; add it to one, or remove this")
        for name in ("consensus", "judge")
        if getattr(settings, name) is not None and name not in named
    ]
    if "consensus" in named and isinstance(generate, Generate) and (problem := _no_samples_to_agree(generate)):
        problems.append((named["consensus"], problem))
    return problems + _no_gold_to_publish(sources, sections.get("publish"))


def _no_gold_to_publish(sources: list[object], publish: object) -> list[Contradiction]:
    """Refuse configs that show gold answers if no source has any."""
    if not isinstance(publish, Publish):
        return []
    if not all(isinstance(source, FileTasks | TraceImport) and source.columns.answer is None for source in sources):
        return []
    return [
        (("publish", "configs"), f"`{name}` has the tasks with gold answers, and no source has a column `answer`")
        for name in publish.configs
        if name in OF_GOLD_ANSWERS
    ]


def _no_samples_to_agree(generate: Generate) -> str | None:
    probes = generate.select.samples if generate.select is not None else 0
    samples = generate.samples if generate.unguided.label in {use.label for use in generate.uses} else 0
    most = max(samples, probes)
    if most >= FEWEST_AGREEING:
        return None
    return (
        f"`consensus` needs {FEWEST_AGREEING} unguided samples or more of a task, and the recipe makes {most}; "
        "name `unguided` among the privileges, and raise `samples`"
    )
