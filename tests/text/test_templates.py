"""Templates of anybody's recipe: one text for one input, in bounded time, memory and length."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import StrictUndefined, TemplateError

from infogap.text import templates
from infogap.text.templates import TemplateSet

VALUES = {"question": "What is 2?", "answer": "4"}


def _render_here(asked: tuple[str, Mapping[str, Any]]) -> str:
    return SET.render_here(*asked)


SET = TemplateSet(StrictUndefined, _render_here)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ question }}{% if answer is defined and answer %}: {{ answer|trim }}{% endif %}", "What is 2?: 4"),
        ("{% for n in range(2) %}{{ n }}{{ answer|replace('4', '5') }} {% endfor %}", "05 15 "),
        ("{{ 2 ** 10 }} {{ answer * 3 }}", "1024 444"),
        ("{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}{{ twice(answer) }}", "44"),
    ],
)
def test_a_template_is_filled(template: str, text: str) -> None:
    assert SET.render(template, VALUES) == text


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "too long"),
        ("{{ 7 ** (9 ** 9) }}", "too long"),
        ("{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}", "too long"),
        ("{{ question|center(10 ** 10) }}", "too much memory"),
        ("{{ answer * 10 ** 7 }}", "10,000,000 characters"),
        ("{{ '%1000000d'|format(1) }}" * 3, "3,000,000 characters"),
        ("x" * 200_000, "200,000 characters"),
        ("{{ lipsum() }}", "may not use `lipsum`"),
        ("{{ [1, 2]|random }}", "may not use `random`"),
        ("{{ question.upper }}", "prints an object"),
        ("{{ " + "(" * 300 + "1" + ")" * 300 + " }}", "nested too deeply"),
        ("{% for n in range(2) %}" * 25 + "x" + "{% endfor %}" * 25, "nested too deeply"),
    ],
)
def test_what_would_not_end_or_not_repeat_is_refused(template: str, why: str) -> None:
    began = time.process_time()
    with pytest.raises(TemplateError, match=why):
        SET.render(template, VALUES)
    assert time.process_time() - began < templates.TIME_LIMIT  # the worker's time, not ours
    assert SET.render("{% for n in range(2) %}{{ n }}{% endfor %}", VALUES) == "01"  # the next one is not affected


def test_looking_at_a_template_computes_nothing() -> None:
    assert SET.variables("{{ 7 ** (9 ** 9) }}{{ question|center(10 ** 10) }}{{ name }}") == {"question", "name"}


PIECES = st.sampled_from(
    ["{{ question }}", "{{ answer|upper }}", "{% if answer %}", "{% endif %}", "text", "{{ x }}", "{{ answer == '4' }}"]
)


@settings(max_examples=50)
@given(pieces=st.lists(PIECES, max_size=6))
def test_both_ways_of_rendering_give_the_same(pieces: list[str]) -> None:
    template = "".join(pieces)
    try:
        here = SET.render(template, VALUES)
    except TemplateError as error:
        with pytest.raises(type(error)):
            SET.render(f"{template}{{% for n in [] %}}{{% endfor %}}", VALUES)
    else:
        assert SET.render(f"{template}{{% for n in [] %}}{{% endfor %}}", VALUES) == here
