"""A model's chat template: Jinja that comes with the model, compiled as Transformers does."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

Messages = Sequence[Mapping[str, Any]]
# Some templates write the date into the prompt: one that stays makes equal prompts equal.
_TODAY = datetime.date(2025, 1, 1)


class _Generation(Extension):
    """The block with which Transformers marks what an assistant wrote; its contents are rendered as they are."""

    tags = {"generation"}  # noqa: RUF012  # as Jinja declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def chat_template(source: str, begin: str, end: str, prompts: bool = True) -> Callable[[Messages], str]:
    """Compile a template in Jinja's sandbox: it comes with the model, not from the user.

    `begin` and `end` are the texts of the model's begin-of-text and end-of-text tokens. With `prompts`, a rendered text
    ends where the model's answer begins. Rendering raises whatever the template raises. Raises
    jinja2.TemplateSyntaxError where it is none.
    """
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _Generation]
    )
    environment.filters["tojson"] = _as_json
    template = environment.from_string(source)

    def render(messages: Messages) -> str:
        return template.render(
            messages=messages,
            add_generation_prompt=prompts,
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
    return json.dumps(value, ensure_ascii=False, indent=indent)
