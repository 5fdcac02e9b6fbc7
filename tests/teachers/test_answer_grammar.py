"""The grammar of answers in JSON: what is allowed, and that the small model keeps to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infogap.errors import InputError
from infogap.recipe.teacher_section import Sampling
from infogap.teachers import Request
from infogap.teachers.embedded.answer_grammar import grammar_of
from infogap.teachers.embedded.embedded_backend import BACKEND, EmbeddedTeacher

_SCHEMA = {"properties": {"colour": {"type": "string", "enum": ["red", "blue"]}, "why": {"type": "string"}}}


def test_each_property_has_its_rule_in_order() -> None:
    root = grammar_of(_SCHEMA).splitlines()[0]
    assert root == r'root ::= "{" "\"colour\"" ": " ("\"red\"" | "\"blue\"") ", " "\"why\"" ": " text "}"'


def test_what_has_no_grammar_is_refused() -> None:
    with pytest.raises(InputError, match="'n' is of type number"):
        grammar_of({"properties": {"n": {"type": "number"}}})


@pytest.mark.model
def test_the_small_model_writes_what_the_grammar_allows() -> None:
    settings = EmbeddedTeacher(backend="embedded", threads=1, sampling=Sampling(temperature=1.5, max_tokens=80))
    assert BACKEND.in_json(settings, _SCHEMA).answer_settings == settings.answer_settings
    teacher = BACKEND.open(BACKEND.in_json(settings, _SCHEMA), Path)
    requests = [Request(str(seed), [{"role": "user", "content": "Tell me a colour."}], seed) for seed in range(4)]
    answers = [json.loads(completion.response) for completion in teacher.answer(requests)]
    teacher.close()
    assert all(answer.keys() == {"colour", "why"} and answer["colour"] in ("red", "blue") for answer in answers)
