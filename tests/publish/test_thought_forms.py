"""`publish.thinking`: where the thoughts of published answers are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset

from infogap.publish import STAGE
from infogap.publish.configs.base import MESSAGES
from infogap.recipe import RecipeError
from infogap.recipe.publish_section import Publish
from infogap.runs.run_folder import Run
from infogap.schema import TRACES, features
from publish.small_run import RECIPE, Build

CONFIGS = "version: 0.1.0, configs: [sft, preference, rl]"


def published(run: Run, config: str, folder: Path) -> Any:
    STAGE.make(run)
    return load_dataset(str(run.path / "dataset"), config, split="train", cache_dir=str(folder))


def with_thinking(thinking: str) -> str:
    return RECIPE.replace("version: 0.1.0", f"{CONFIGS}, {thinking}")


@pytest.mark.parametrize("name", ["reasoning_content", "thinking"])
@pytest.mark.parametrize("config", ["sft", "preference"])
def test_a_thought_in_a_field(build: Build, tmp_path: Path, config: str, name: str) -> None:
    run = build(recipe=with_thinking(f"thinking: field, thinking_field: {name}"))
    traces = {row["trace_id"]: row for row in run.scan(TRACES).collect().iter_rows(named=True)}
    rows = published(run, config, tmp_path / "cache")
    thoughts = 0
    for row in rows:
        for column, key in (("messages", "trace_id"), ("chosen", "chosen_trace_id"), ("rejected", "rejected_trace_id")):
            if column not in row:
                continue
            *prompt, answer = row[column]
            trace = traces[row[key]]
            expected = {"content": trace["response"], name: trace["reasoning"] or None}
            assert answer == {"role": "assistant", **expected}
            assert all(turn[name] is None for turn in prompt)
            thoughts += bool(trace["reasoning"])
    assert thoughts
    if config == "preference":
        assert rows.features["prompt"] == features({"prompt": MESSAGES})["prompt"]  # type: ignore[arg-type]
    card = (run.path / "dataset" / "README.md").read_text()
    assert card.count(f"The thought is in the answer's field `{name}`") == 2


@pytest.mark.parametrize("config", ["sft", "preference"])
def test_the_answer_alone(build: Build, tmp_path: Path, config: str) -> None:
    run = build(recipe=with_thinking("thinking: drop"))
    responses = dict(run.scan(TRACES).select("trace_id", "response").collect().iter_rows())
    for row in published(run, config, tmp_path / "cache"):
        for column, key in (("messages", "trace_id"), ("chosen", "chosen_trace_id"), ("rejected", "rejected_trace_id")):
            if column in row:
                assert row[column][-1] == {"role": "assistant", "content": responses[row[key]]}
    card = (run.path / "dataset" / "README.md").read_text()
    assert card.count("The thoughts are left out") == 2


def test_what_a_recipe_does_not_say_leaves_no_trace(build: Build) -> None:
    run = build(recipe=with_thinking("thinking: inline, thinking_field: reasoning_content"))
    assert STAGE.part(run) == STAGE.part(build("other", recipe=RECIPE.replace("version: 0.1.0", CONFIGS)))
    assert not {"thinking", "thinking_field", "tokenizer"} & set(Publish().model_dump())


def test_a_field_that_is_not_used_is_refused(build: Build) -> None:
    with pytest.raises(RecipeError, match="it names the field of `thinking: field`"):
        build(recipe=with_thinking("thinking: drop, thinking_field: thinking"))
    with pytest.raises(RecipeError, match="thinking"):
        build(recipe=with_thinking("thinking: tags"))
