"""TRL's own code on exported files: its trainers take a step on each, and its templates do what the check says."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from infogap.publish.export import export
from infogap.publish.template_check import Answer, Form, template_notes
from infogap.runs import manifest
from infogap.schema import MIX
from infogap.text.chat_template import chat_template
from publish.pair_run import run_of
from publish.recovery_run import recovery_run, response_of
from publish.small_run import build_run

FORMATS = ("trl-sft", "trl-sft-completion", "trl-recovery", "trl-dpo", "trl-kto", "trl-sdft")


@pytest.fixture(scope="module")
def trained(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("exports")
    run = build_run(folder / "small")
    pairs = run_of(folder / "pairs", [{"task": n, "verdict": each} for n in range(3) for each in ("correct", "wrong")])
    files = manifest.describe_files(pairs.path, pairs.part_paths(MIX))
    manifest.write(pairs.manifest_path("mix"), manifest.Manifest("mix", 1, "print", {}, {}, 1, {}, files))
    attempts = [cell | {"task": task} for task in range(3) for cell in ({"verdict": "wrong"}, {})]
    of_form = {"trl-dpo": pairs, "trl-recovery": recovery_run(folder / "recovery", attempts)}
    for form in FORMATS:
        export(of_form.get(form, run), folder / f"{form}.jsonl", form)
    script = Path(__file__).with_name("train_on_exports.py")
    command = [sys.executable, str(script), str(folder), str(model_folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith('{"format"')]
    return {line["format"]: line for line in lines}


@pytest.mark.parametrize("form", FORMATS)
def test_a_trainer_takes_a_step(trained: dict[str, Any], form: str) -> None:
    assert trained[form]["rows"] > 1
    assert math.isfinite(trained[form]["loss"])
    if form != "trl-sdft":  # it samples, and may find nothing to learn
        assert trained[form]["loss"] > 0


def test_the_loss_is_on_the_corrected_attempt_alone(trained: dict[str, Any]) -> None:
    trained_on = trained["trl-recovery"]["trained"]
    assert trained_on.strip().removesuffix("<|im_end|>") in {response_of(number, {}) for number in (1, 3, 5)}


INLINE: Form = ("inline", "reasoning_content")
FIELD: Form = ("field", "reasoning_content")
THINKING: Form = ("field", "thinking")
ANSWER = Answer("t", [{"role": "user", "content": "What is 2 + 2?"}], "Wait, is it 5? No.", "It is \\boxed{4}.")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("deepseek_r1_distill", []),
        ("deepseek_r1_distill_training", [INLINE]),
        ("qwen3", [INLINE, FIELD]),
        ("qwen2_5", [INLINE]),
        ("gptoss", [INLINE, THINKING]),
    ],
)
def test_models_templates_keep_what_the_page_says(name: str, kept: list[Form]) -> None:
    source = (resources.files("trl") / "chat_templates" / f"{name}.jinja").read_text()
    render = chat_template(source, "", "", prompts=False)
    found = [
        form for form in (INLINE, FIELD, THINKING) if not template_notes([ANSWER], name, render, form, "conversation")
    ]
    assert found == kept


def test_qwens_template_drops_the_thought_of_a_message_alone() -> None:
    source = (resources.files("trl") / "chat_templates" / "qwen3.jinja").read_text()
    (note,) = template_notes([ANSWER], "Qwen3", chat_template(source, "", "", prompts=False), INLINE, "message")
    assert "each message is rendered by itself" in note
