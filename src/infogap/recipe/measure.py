"""What measure takes from a recipe: lexicons and cut points."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from infogap.recipe.base import Model, refuse


class Bands(Model):
    """Cut points of the confidence bands, in markers per 1,000 tokens: below `mixed` is confident."""

    mixed: float = Field(2.0, gt=0, description="From here on a trace is mixed.")
    uncertain: float = Field(8.0, gt=0, description="From here on a trace is uncertain.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.mixed >= self.uncertain:
            raise refuse(f"`mixed` ({self.mixed:g}) must be below `uncertain` ({self.uncertain:g})")
        return self


def _each_once(names: list[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise refuse(f"'{twice[0]}' is named twice")
    return names


class Measure(Model):
    """By which lexicons markers are counted, where the bands are cut, and what counts as a fork."""

    lexicons: Annotated[list[str], AfterValidator(_each_once)] = Field(
        ["infogap", "kim2026"],
        min_length=1,
        description="infogap, kim2026, or a YAML file of your own; the first one gives the band.",
    )
    bands: Bands = Bands()
    fork_entropy: float = Field(
        0.672,
        gt=0,
        description="Entropy, in nats, from which a token counts as a fork; the default is the 80th percentile that "
        "Wang et al. 2025 (arXiv 2506.01939) report for Qwen3-8B. Needs `teacher.logprobs`.",
    )
