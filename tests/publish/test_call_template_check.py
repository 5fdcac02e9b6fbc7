"""What chat templates do to calls of tools, in the ways in which those of known models do it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.in_process import infogap
from imports.agent_rows import conversation, row
from infogap.publish.call_template_check import call_notes
from infogap.publish.configs.sft import thought_notes, traces_with_calls
from infogap.schema import MIX
from infogap.text.chat_template import chat_template
from publish.test_turn_messages import published

HEAD = "{% for message in messages %}<{{ message.role }}>{{ message.content }}"
END = "{% endfor %}"
AS_TEXT = "{{ arguments if arguments is string else arguments | tojson }}"


def calls(arguments: str) -> str:
    name = "{{ call.function.name }}{% set arguments = call.function.arguments %}"
    return "{% for call in message.tool_calls or [] %}" + name + arguments + "{% endfor %}"


TEMPLATES = {
    "keeps": HEAD + calls(AS_TEXT) + END,
    "encodes": HEAD + calls("{{ arguments | tojson }}") + END,
    "drops": HEAD + END,
    "no_results": HEAD.replace("{{ message.content }}", "{{ message.content if message.role != 'tool' }}")
    + calls(AS_TEXT)
    + END,
    "counts": HEAD
    + "{% if 'tool_calls' in message %}{{ message.tool_calls | length }}{% endif %}"
    + calls(AS_TEXT)
    + END,
}
MESSAGES: list[dict[str, Any]] = [
    {"tool_calls": None, "tool_call_id": None, "name": None} | message for message in conversation()
]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("keeps", []),
        ("encodes", ["encodes the arguments of calls once more", "read them as objects"]),
        ("drops", ["drops calls of tools in 1 of 1 traces tried, abc among them"]),
        ("no_results", ["drops results of tools"]),
        ("counts", ["in Parquet the field `tool_calls` of a message without calls is null", "fails on it"]),
    ],
)
def test_what_a_template_does_to_calls(template: str, said: list[str]) -> None:
    notes = call_notes([("abc", MESSAGES)], "some-model", chat_template(TEMPLATES[template], "", "", prompts=False))
    assert len(notes) == bool(said)
    assert all(part in notes[0] for part in said)


def test_a_template_that_fails_is_named() -> None:
    fails = chat_template("{{ raise_exception('only two turns') }}", "", "", prompts=False)
    assert call_notes([("abc", MESSAGES)], "some-model", fails) == [
        "the chat template of some-model fails on trace abc: only two turns"
    ]


def test_the_recipes_tokenizer_is_tried_when_publishing_and_another_when_exporting(tmp_path: Path) -> None:
    for name in ("drops", "encodes"):
        (tmp_path / f"{name}.jinja").write_text(TEMPLATES[name])
    run = published(tmp_path, [row(conversation())], "publish: {tokenizer: drops.jinja}")
    selected = run.scan(MIX).filter("selected").collect()
    assert [trace for trace, _ in traces_with_calls(run, selected)] == selected["trace_id"].to_list()
    assert any("drops calls of tools" in note for note in thought_notes(run, selected))
    tokenizer = ("--tokenizer", tmp_path / "encodes.jinja")
    done = infogap("export", run.path, tmp_path / "mix.jsonl", "--format", "trl-sft", *tokenizer, cwd=tmp_path)
    assert done.returncode == 0
    assert "encodes the arguments of calls once more" in " ".join(done.stderr.split())
