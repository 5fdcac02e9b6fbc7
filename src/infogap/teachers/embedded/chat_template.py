"""Render a prompt from messages by the model's own chat template."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, NoReturn

# The date for templates that print one: prompts must not change overnight.
_TODAY = datetime.date(2025, 1, 1)


def chat_template(source: str, begin: str, end: str) -> Callable[[list[dict[str, str]]], str]:
    """Compile a template as Transformers does, in Jinja's sandbox: it comes with the model, not from the user.

    `begin` and `end` are the texts of the model's begin-of-text and end-of-text tokens. Rendering raises whatever the
    template raises. Raises jinja2.TemplateSyntaxError where it is none.
    """
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _as_json
    template = environment.from_string(source)

    def render(messages: list[dict[str, str]]) -> str:
        return template.render(
            messages=messages,
            add_generation_prompt=True,
            bos_token=begin,
            eos_token=end,
            raise_exception=_refuse,
            strftime_now=_TODAY.strftime,
        )

    return render


def _refuse(message: str) -> NoReturn:
    raise ValueError(message)


def _as_json(value: Any, indent: int | None = None) -> str:
    """Write plain JSON: Jinja's own filter escapes characters for HTML."""
    import json

    return json.dumps(value, ensure_ascii=False, indent=indent)
