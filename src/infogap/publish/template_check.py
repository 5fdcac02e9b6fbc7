"""Check whether a tokenizer's chat template keeps thoughts, by rendering some answers with it.

Templates differ: DeepSeek-R1-Distill's removes everything up to `</think>`, Qwen3's reads the tags and a field of its
own, gpt-oss's reads only the field `thinking`. A trainer never sees what the template drops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson

from infogap.errors import InputError
from infogap.recipe.publish_section import ThinkingField, ThinkingForm
from infogap.text.thoughts import CLOSING, OPENING

if TYPE_CHECKING:
    from infogap.text.chat_template import Messages

SAMPLE = 20
"""The number of answers that are rendered."""

Unit = Literal["conversation", "message"]
Form = tuple[ThinkingForm, ThinkingField]
_TEMPLATE, _SETTINGS = "chat_template.jinja", "tokenizer_config.json"
_KEEPING: dict[Form, str] = {
    ("inline", "reasoning_content"): "thinking: inline",
    ("field", "reasoning_content"): "thinking: field",
    ("field", "thinking"): "thinking: field, thinking_field: thinking",
}


@dataclass(frozen=True)
class Answer:
    """An answer to render: its prompt, its thought (not empty) and its text."""

    trace_id: str
    prompt: list[dict[str, str]]
    thought: str
    response: str

    def messages(self, form: Form, unit: Unit) -> Messages:
        """Return the messages that a trainer would render."""
        thinking, field = form
        answer = {"role": "assistant", "content": self.response}
        if thinking == "inline":
            answer["content"] = f"{OPENING}\n{self.thought}\n{CLOSING}\n\n{self.response}"
        elif thinking == "field":
            answer[field] = self.thought
        return [answer] if unit == "message" else [*self.prompt, answer]


def find_chat_template(tokenizer: str, resolve: Callable[[str], Path] = Path) -> Callable[[Messages], str] | None:
    """Compile the chat template of a folder, a .jinja file or a model in the local Hub cache; None if it has none.

    Nothing is downloaded. Raises InputError if a template exists but cannot be read.
    """
    place = resolve(tokenizer)
    if place.is_file():
        source, settings = place.read_text(encoding="utf-8"), {}
    else:
        found = {name: _file(place, tokenizer, name) for name in (_TEMPLATE, _SETTINGS)}
        settings = _settings(found[_SETTINGS])
        own = found[_TEMPLATE]
        source = own.read_text(encoding="utf-8") if own else _default(settings.get("chat_template"))
    if not source:
        return None
    from jinja2 import TemplateError

    from infogap.text.chat_template import chat_template

    begin, end = (_token(settings.get(name)) for name in ("bos_token", "eos_token"))
    try:
        return chat_template(source, begin, end, prompts=False)
    except TemplateError as error:
        raise InputError(f"the chat template of {tokenizer} cannot be read: {error}") from error


def _file(folder: Path, tokenizer: str, name: str) -> Path | None:
    if folder.is_dir():
        return folder / name if (folder / name).is_file() else None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(tokenizer, name)
    except HFValidationError:  # neither a folder nor org/name
        return None
    return Path(cached) if isinstance(cached, str) else None


def _settings(file: Path | None) -> dict[str, Any]:
    try:
        read = orjson.loads(file.read_bytes()) if file else {}
    except orjson.JSONDecodeError as error:
        raise InputError(f"{file} is not JSON: {error}") from error
    return read if isinstance(read, dict) else {}


def _default(templates: Any) -> str:
    """Return the template; if there are several named ones, the one called `default`."""
    if isinstance(templates, list):
        named = {each["name"]: each["template"] for each in templates}
        return str(named.get("default", ""))
    return templates if isinstance(templates, str) else ""


def _token(token: Any) -> str:
    return str(token.get("content", "")) if isinstance(token, Mapping) else str(token or "")


def template_notes(
    answers: list[Answer], tokenizer: str, render: Callable[[Messages], str] | None, form: Form, unit: Unit
) -> list[str]:
    """Return notes for the user on thoughts or answers that a tokenizer's chat template drops.

    Args:
        answers: Answers with thoughts.
        tokenizer: The name of the tokenizer, for the notes.
        render: Its chat template, from `find_chat_template`.
        form: Where the thoughts are.
        unit: What the trainer renders at a time.
    """
    if not answers:
        return []
    if render is None:
        return [f"the chat template of {tokenizer} was not tried: it is neither in a folder nor in the Hub's cache"]
    lost, broken = _lost(answers, render, form, unit)
    whole = " (each message is rendered by itself)" if unit == "message" else ""
    if broken:
        return [f"the chat template of {tokenizer} fails on trace {answers[0].trace_id}{whole}: {broken}"]
    if not lost:
        return []
    keeping = [
        spelled
        for other, spelled in _KEEPING.items()
        if other != form and _lost(answers, render, other, unit) == ([], "")
    ]
    what = "answer" if form[0] == "drop" else "thought"
    advice = (
        f"it keeps them with `{'` or `'.join(keeping)}`"
        if keeping
        else "no form keeps them: train with another chat template, or publish only the answers (thinking: drop)"
    )
    return [
        f"the chat template of {tokenizer} drops the {what} of {len(lost)} of {len(answers)} traces tried{whole}, "
        f"{lost[0]} among them; {advice}"
    ]


def null_field_notes(
    answer: Answer | None, tokenizer: str, render: Callable[[Messages], str] | None, form: Form, unit: Unit
) -> list[str]:
    """Return a note if a chat template cannot render an answer without a thought as Parquet holds it.

    There every message has the field of thoughts, which is null without one. `answer` is one of these, None if there is
    none.
    """
    thinking, field = form
    if answer is None or render is None or thinking != "field":
        return []
    turns = [*([] if unit == "message" else answer.prompt), {"role": "assistant", "content": answer.response}]
    try:
        without, with_null = render(turns), render([{**turn, field: None} for turn in turns])
    except Exception as error:  # a template may raise anything
        problem = f"fails on it ({str(error) or type(error).__name__})"
    else:
        if "None" in without or "None" not in with_null:
            return []
        problem = "prints it as None"
    return [
        f"in Parquet the field `{field}` of an answer without a thought is null, and the chat template of {tokenizer} "
        f"{problem}: remove null fields when you load the rows, or export .jsonl, which has none"
    ]


def _lost(answers: list[Answer], render: Callable[[Messages], str], form: Form, unit: Unit) -> tuple[list[str], str]:
    """Return the traces whose rendered text lacks the thought or the answer, and the template's error if it fails."""
    lost = []
    for answer in answers:
        try:
            rendered = _letters(render(answer.messages(form, unit)))
        except Exception as error:  # a template may raise anything
            return [], str(error) or type(error).__name__
        wanted = [answer.response] if form[0] == "drop" else [answer.response, answer.thought]
        if any(_letters(text) not in rendered for text in wanted):
            lost.append(answer.trace_id)
    return lost, ""


def _letters(text: str) -> str:
    """Remove white space, as templates strip some of it."""
    return "".join(text.split())
