"""What chat templates make of thoughts, found by rendering."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.console import speaking
from infogap.errors import InputError
from infogap.publish import STAGE
from infogap.publish.export import export
from infogap.publish.template_check import Answer, Form, find_chat_template, template_notes
from infogap.text.chat_template import chat_template
from publish.small_run import RECIPE, Build

TURN = "{{ '<' + message.role + '>' }}"
PLAIN = "{% for message in messages %}" + TURN + "{{ message.content | trim }}{{ eos_token }}{% endfor %}"
# As DeepSeek-R1-Distill's: what stands before the closing tag is cut off.
CUTS = PLAIN.replace("message.content | trim", "message.content.split('</think>')[-1]")
# As Qwen3's: a field of its own, or what stands between the tags.
READS = PLAIN.replace(
    "{{ message.content | trim }}",
    "{% if message.reasoning_content is string %}{{ '<think>' + message.reasoning_content + '</think>' }}{% endif %}"
    "{{ message.content | trim }}",
)
# As gpt-oss's: the field has another name, and the tags are refused.
OTHER_FIELD = PLAIN.replace(
    "{{ message.content | trim }}",
    "{% if '<think>' in message.content %}{{ raise_exception('no tags') }}{% endif %}"
    "{% if 'thinking' in message %}{{ message.thinking }}{% endif %}{{ message.content }}",
)
# Where a question must come first, and the thought is that of the last turn alone.
NEEDS_A_QUESTION = "{% if messages[0].role != 'user' %}{{ raise_exception('no question') }}{% endif %}" + PLAIN

INLINE: Form = ("inline", "reasoning_content")
FIELD: Form = ("field", "reasoning_content")
THINKING: Form = ("field", "thinking")
DROP: Form = ("drop", "reasoning_content")
ANSWERS = [
    Answer(f"t{n}", [{"role": "user", "content": "2 + 2?"}], f"Wait, {n}.\n\nYes.", "\\boxed{4}") for n in (0, 1)
]


def notes(source: str, form: Form, unit: str = "conversation") -> list[str]:
    return template_notes(ANSWERS, "a/b", chat_template(source, "", "</s>", prompts=False), form, unit)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "form"),
    [(PLAIN, INLINE), (READS, INLINE), (READS, FIELD), (OTHER_FIELD, THINKING)]
    + [(source, DROP) for source in (PLAIN, CUTS, READS, OTHER_FIELD)],
)
def test_what_is_kept_needs_no_words(source: str, form: Form) -> None:
    assert notes(source, form) == []


@pytest.mark.parametrize(
    ("source", "form", "advice"),
    [
        (CUTS, INLINE, "no form keeps them: train with another chat template, or publish only the answers"),
        (CUTS, FIELD, "no form keeps them"),
        (PLAIN, FIELD, "it keeps them with `thinking: inline`"),
        (READS, THINKING, "it keeps them with `thinking: inline` or `thinking: field`"),
        (OTHER_FIELD, FIELD, "it keeps them with `thinking: field, thinking_field: thinking`"),
    ],
)
def test_what_is_dropped_is_counted_and_what_keeps_it_is_named(source: str, form: Form, advice: str) -> None:
    (note,) = notes(source, form)
    assert "the chat template of a/b drops the thought of 2 of 2 traces tried, t0 among them; " in note
    assert advice in note


def test_a_template_that_refuses_is_quoted() -> None:
    assert notes(OTHER_FIELD, INLINE) == ["the chat template of a/b fails on trace t0: no tags"]
    assert notes(NEEDS_A_QUESTION, INLINE) == []
    (note,) = notes(NEEDS_A_QUESTION, INLINE, "message")
    assert note == "the chat template of a/b fails on trace t0 (each message is rendered by itself): no question"


@given(st.text(min_size=1).filter(str.strip), st.text())
def test_a_template_that_copies_all_keeps_any_text(thought: str, response: str) -> None:
    answers = [Answer("t", [], thought, response)]
    copies = chat_template("{{ messages[-1].content }}", "", "", prompts=False)
    assert template_notes(answers, "a/b", copies, INLINE, "conversation") == []


def test_it_is_found_where_tokenizers_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    messages = [{"role": "user", "content": "Hi"}]
    (tmp_path / "file.jinja").write_text(PLAIN)
    old, new, named = (tmp_path / name for name in ("old", "new", "named"))
    for folder in (old, new, named):
        folder.mkdir()
    settings = {"eos_token": {"content": "</s>"}, "chat_template": PLAIN}
    (old / "tokenizer_config.json").write_text(json.dumps(settings))
    (new / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>"}))
    (new / "chat_template.jinja").write_text(PLAIN)
    several = [{"name": "rag", "template": "no"}, {"name": "default", "template": PLAIN}]
    (named / "tokenizer_config.json").write_text(json.dumps(settings | {"chat_template": several}))
    rendered = []
    for place in (tmp_path / "file.jinja", old, new, named):
        render = find_chat_template(str(place))
        assert render is not None
        rendered.append(render(messages))
    assert rendered == ["<user>Hi", *["<user>Hi</s>"] * 3]


def test_the_hubs_cache_is_read_and_nothing_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    assert find_chat_template("org/model") is None
    snapshot = tmp_path / "models--org--model" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "chat_template.jinja").write_text(PLAIN)
    refs = tmp_path / "models--org--model" / "refs"
    refs.mkdir()
    (refs / "main").write_text("abc")
    render = find_chat_template("org/model")
    assert render is not None and render([{"role": "user", "content": "Hi"}]) == "<user>Hi"
    assert find_chat_template("no such/../model") is None


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "chat_template.jinja").write_text("{% for %}")
    with pytest.raises(InputError, match=r"the chat template of .* cannot be read"):
        find_chat_template(str(tmp_path))
    (tmp_path / "tokenizer_config.json").write_text("{")
    with pytest.raises(InputError, match=r"tokenizer_config\.json is not JSON"):
        find_chat_template(str(tmp_path))


def test_an_export_is_tried_on_the_tokenizer_that_is_named(
    build: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = build()
    (tmp_path / "cuts.jinja").write_text(CUTS)

    def said(form: str, **asked: object) -> str:
        with speaking(quiet=False):
            export(run, tmp_path / "mix.jsonl", form, tokenizer=str(tmp_path / "cuts.jinja"), **asked)  # type: ignore[arg-type]
        return " ".join(capsys.readouterr().err.split())

    assert "drops the thought of 9 of 9 traces tried" in said("messages")
    assert "drops the" not in said("messages", thinking="drop")
    assert "was not tried" in said("llamafactory-alpaca")


# As gpt-oss's: a thought is added to a text, whatever it is.
ADDS = PLAIN.replace(
    "{{ message.content | trim }}", "{% if 'thinking' in message %}{{ '' + message.thinking }}{% endif %}"
)


@pytest.mark.parametrize(
    ("source", "problem"), [(ADDS, "fails on it ("), (OTHER_FIELD, "prints it as None"), (READS, ""), (PLAIN, "")]
)
def test_a_null_field_that_a_template_cannot_render_is_said(
    build: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, problem: str
) -> None:
    run = build()  # half of its answers have no thought
    (tmp_path / "own.jinja").write_text(source)
    for suffix, expected in ((".parquet", problem), (".jsonl", "")):
        with speaking(quiet=False):
            tried = {"thinking_field": "thinking", "tokenizer": str(tmp_path / "own.jinja")}
            export(run, tmp_path / f"mix{suffix}", "messages", **tried)  # type: ignore[arg-type]
        said = " ".join(capsys.readouterr().err.split())
        assert ("without a thought is null" in said) == bool(expected) and expected in said


def test_a_publish_is_tried_on_the_recipes_tokenizer(build: Build, tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "cuts.jinja").write_text(CUTS)
    inline = build(recipe=RECIPE.replace("version: 0.1.0}", "version: 0.1.0, tokenizer: cuts.jinja}"))
    notes = [note for note in STAGE.make(inline).notes if "chat template" in note]
    assert len(notes) == 1 and "chat template of cuts.jinja drops the thought of 9 of 9" in notes[0]
    recipe = RECIPE.replace("version: 0.1.0}", "version: 0.1.0, tokenizer: org/nowhere}")
    (note,) = [note for note in STAGE.make(build("second", recipe=recipe)).notes if "chat template" in note]
    assert "neither in a folder nor in the Hub's cache" in note
