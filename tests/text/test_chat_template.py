"""Chat templates, rendered as Transformers renders them."""

from __future__ import annotations

import pytest
from jinja2 import TemplateSyntaxError
from jinja2.exceptions import SecurityError

from infogap.text.chat_template import chat_template

MESSAGES = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Wie heißt <du>?"}]


def test_messages_become_a_prompt_that_the_model_goes_on_from() -> None:
    source = (
        "{{ bos_token }}"
        "{% for message in messages %}\n"
        "    {% if message.role == 'system' %}{% continue %}{% endif %}\n"
        "[{{ message.role }}]{{ message.content }}{{ eos_token }}\n"
        "{% endfor %}\n"
        "{% if add_generation_prompt %}[assistant]{% endif %}"
    )
    assert chat_template(source, "<s>", "</s>")(MESSAGES) == "<s>[user]Wie heißt <du>?</s>\n[assistant]"


def test_templates_that_print_the_date_print_the_same_one_every_day() -> None:
    assert chat_template("{{ strftime_now('%d %b %Y') }}", "", "")([]) == "01 Jan 2025"


def test_json_is_not_escaped_for_html() -> None:
    assert chat_template("{{ messages[1].content | tojson }}", "", "")(MESSAGES) == '"Wie heißt <du>?"'


def test_template_may_refuse_messages() -> None:
    with pytest.raises(ValueError, match="no system role"):
        chat_template("{{ raise_exception('no system role') }}", "", "")(MESSAGES)


def test_template_is_kept_in_a_sandbox() -> None:
    with pytest.raises(SecurityError):
        chat_template("{{ messages.__class__.__mro__ }}", "", "")(MESSAGES)


def test_what_is_no_template_is_an_error() -> None:
    with pytest.raises(TemplateSyntaxError):
        chat_template("{% for %}", "", "")


def test_what_marks_an_assistants_words_is_not_rendered() -> None:
    source = (
        "{% for each in messages %}{% generation %}{{ each.content }}{% endgeneration %}{{ eos_token }}{% endfor %}"
    )
    assert chat_template(source, "", "</s>", prompts=False)(MESSAGES) == "Be kind.</s>Wie heißt <du>?</s>"
