"""Render what a teacher reads under a privilege."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from infogap.errors import InputError

if TYPE_CHECKING:
    from infogap.recipe.generate_section import Generate
    from infogap.recipe.privilege_entries import PrivilegeUse


def render(
    task: Mapping[str, Any],
    privilege: str | Mapping[str, Mapping[str, Any]],
    wording: str = "infogap",
    *,
    instruction: str | None = None,
) -> str:
    """Render the prompt that a teacher reads for a task under a privilege.

    Args:
        task: `question`, and what the privilege shows: `answer`, `solution`. `verifier` (by default `math`) decides
            which decoy answers are wrong.
        privilege: A name of the ladder; or, as in a recipe, a name with its options: `{"hint": {"fraction": 0.3}}`.
        wording: The template set, `infogap` or `kim2026`.
        instruction: The text after the question; by default that of recipes.

    Raises:
        InputError: The privilege or the wording is unknown, or the task lacks what the privilege needs. Privileges
            that show attempts need a run: `infogap privileges show NAME --run RUN`.
    """
    from infogap.ids import stable_id
    from infogap.privileges.base import UnmetNeedError
    from infogap.privileges.contexts import ContextWriter
    from infogap.privileges.decoys import Decoys
    from infogap.privileges.prompt_messages import teacher_messages
    from infogap.rows.message_turns import transcript

    use, settings = _checked(privilege, wording, instruction)
    if not task.get("question"):
        raise InputError("the task has no question")
    row: dict[str, Any] = {"task_id": stable_id(task["question"]), "family": "", "difficulty": None, "metadata": None}
    row |= {"answer": None, "solution": None, "verifier": "math"} | dict(task)
    try:
        context = ContextWriter(settings.wording, Decoys(0, [row])).write(row, use)
    except UnmetNeedError as error:
        raise InputError(f"the task has no context under {use.label}: {error}") from error
    return transcript(teacher_messages(row, context.text, settings.instruction, settings.wording))


def _checked(
    privilege: str | Mapping[str, Any], wording: str, instruction: str | None
) -> tuple[PrivilegeUse, Generate]:
    """Validate the privilege and the settings around it. Raises InputError if a recipe would be refused."""
    from pydantic import TypeAdapter, ValidationError

    from infogap.recipe.generate_section import Generate
    from infogap.recipe.privilege_entries import PrivilegeEntry, privilege_use
    from infogap.recipe.recipe_errors import messages, spell_path

    entry = privilege if isinstance(privilege, str) else {name: dict(options) for name, options in privilege.items()}
    given: dict[str, Any] = {"privileges": ["unguided"], "wording": wording}
    given |= {} if instruction is None else {"instruction": instruction}
    data: Any = entry
    try:
        use = privilege_use(TypeAdapter[Any](PrivilegeEntry).validate_python(entry, strict=True))
        data = given
        return use, Generate.model_validate(given)
    except ValidationError as error:
        problems = messages(error, data)
        raise InputError(
            "; ".join(f"{spell_path(path)}: {text}" if path else text for path, text in problems)
        ) from None
