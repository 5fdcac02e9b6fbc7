"""The recipe's section `publish.recovery`: what is said between a wrong attempt and the corrected one."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from infogap.recipe.base import Model, is_none, refuse

DOUBT = "Wait, that is not right."


def _some_words(text: str) -> str:
    if not text.strip():
        raise refuse("should say something")
    return text.strip()


_Words = Annotated[str, AfterValidator(_some_words)]


class Recovery(Model):
    """What is said between a wrong and the corrected attempt: the same for all tasks, so that it holds no answer."""

    verdict: _Words | None = Field(
        None,
        exclude_if=is_none,
        description="What the user says of the wrong attempt in `recovery`, by default the verdict in the words of "
        "`generate.wording`.",
    )
    doubt: _Words = Field(
        DOUBT,
        exclude_if=lambda value: value == DOUBT,
        description="What follows the thought of the wrong attempt in `recovery_trace`.",
    )
