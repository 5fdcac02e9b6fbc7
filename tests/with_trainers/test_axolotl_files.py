"""axolotl's prompt strategies read its files, by the part of a config that is written beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from publish.recovery_run import response_of
from with_trainers.conftest import Export, inline

Written = dict[str, tuple[str, str, str]]


def config_of(file: Path) -> Any:
    from axolotl.utils.dict import DictDefault

    settings = YAML(typ="safe").load(file.with_name(f"{file.name}.axolotl.yaml").read_text())
    return DictDefault(settings | {"sequence_len": 2048, "chat_template": "tokenizer_default"})


def rows_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize("thinking", ["inline", "field", "drop"])
def test_the_answer_with_its_thought_is_trained_on(
    exported: Export, written: Written, tokenizer: Any, thinking: str
) -> None:
    from axolotl.prompt_strategies.chat_template import load

    file = exported("axolotl", thinking=thinking)
    config = config_of(file)
    strategy = load(tokenizer, config, ds_cfg=dict(config["datasets"][0]))
    for row in rows_of(file):
        _, thought, response = written[row["trace_id"]]
        labels = strategy.tokenize_prompt(row)["labels"]
        trained = tokenizer.decode([label for label in labels if label != -100])
        assert trained.startswith(inline("" if thinking == "drop" else thought, response))
        assert trained.rstrip().endswith("<|im_end|>")


def test_of_two_attempts_the_corrected_one_is_trained_on(exported: Export, tokenizer: Any) -> None:
    from axolotl.prompt_strategies.chat_template import load

    file = exported("axolotl-recovery")
    config = config_of(file)
    strategy = load(tokenizer, config, ds_cfg=dict(config["datasets"][0]))
    for row in rows_of(file):
        number = int(row["right_id"].removeprefix("trace"))
        labels = strategy.tokenize_prompt(row)["labels"]
        trained = tokenizer.decode([label for label in labels if label != -100])
        answer = inline("No, it is not.", response_of(number, {}))
        assert trained.rstrip() == f"{answer}<|im_end|>"


def test_both_sides_of_a_pair(exported: Export, written: Written, tokenizer: Any) -> None:
    from axolotl.prompt_strategies.dpo.chat_template import default

    file = exported("axolotl-dpo")
    transform, _ = default(config_of(file))
    for row in rows_of(file):
        made = transform(row, tokenizer=tokenizer)
        for side in ("chosen", "rejected"):
            prompt, thought, response = written[row[f"{side}_trace_id"]]
            assert made["prompt"] == f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"
            assert made[side] == inline(thought, response) + "<|im_end|>"


def test_a_labelled_answer(exported: Export, written: Written) -> None:
    from axolotl.prompt_strategies.kto.chatml import ultra

    file = exported("axolotl-kto")
    config = config_of(file)
    assert config["datasets"][0]["type"] == "chatml.ultra"
    for row in rows_of(file):
        prompt, thought, response = written[row["trace_id"]]
        made = ultra(config)(dict(row))
        assert made["prompt"] == f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"
        assert made["completion"] == inline(thought, response) + "<|im_end|>"
        assert made["label"] is row["label"]
