"""A run's gaps by vLLM, token by token, against the same weights in another implementation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from infogap.privileges.contexts import teacher_prompt
from infogap.recipe import load_recipe
from infogap.runs.pipeline import run_one
from infogap.runs.run_folder import Run
from with_vllm.reference import Reference

QUESTION, CONTEXT = "What is 2+3?", "The answer to this question: 5"
TRACES: list[dict[str, str | None]] = [
    {"privilege": "unguided", "context": None, "trace": r"Wait, is it five? 2+3=5, perhaps. So \boxed{5}."},
    {"privilege": "answer", "context": CONTEXT, "trace": r"2+3 is 5. The answer is \boxed{5}."},
]
RECIPE = """\
name: demo
import:
  - from: traces.jsonl
    columns: {{question: question, answer: answer, privilege: privilege, trace: trace, context: context}}
measure:
  gap:
    scorer:
      backend: vllm
      model: {model}
      engine: {{dtype: float32, max_model_len: 512, max_num_seqs: 4, enforce_eager: true}}
    contexts: [decoy_answer, reference_only]
    per_token: true
dedupe: null
"""


def prompted(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


def test_every_tokens_gap_is_that_of_another_implementation(tmp_path: Path, model_folder: Path) -> None:
    rows = [trace | {"question": QUESTION, "answer": "5"} for trace in TRACES]
    (tmp_path / "traces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(model=model_folder))
    run = Run.create(load_recipe(tmp_path / "recipe.yaml"), tmp_path / "run")
    run.save_recipe()
    for stage in ("tasks", "import", "verify", "gap"):
        run_one(run, stage)
    unguided, guided = pl.read_parquet(run.path / "gaps" / "*.parquet").to_dicts()
    _, tokens = pl.read_parquet(run.path / "token_gaps" / "*.parquet").to_dicts()

    reference, text = Reference(model_folder), str(TRACES[1]["trace"])
    prompts = (teacher_prompt(QUESTION, CONTEXT, "", "infogap").rstrip(), QUESTION)
    told, plain = (np.array(reference.score(prompted(prompt), text)) for prompt in prompts)
    assert tokens["gaps"] == pytest.approx((told - plain).tolist(), abs=1e-3)
    assert guided["gap"] == pytest.approx((told - plain).sum(), abs=1e-3 * len(told))
    assert guided["gap"] > 0
    assert guided["surprisal"] == pytest.approx(-plain.mean(), abs=1e-3)
    alone = np.array(reference.score(None, text))
    assert guided["ifd"] == pytest.approx(np.exp(alone.mean() - plain.mean()), rel=1e-2)
    held = [place for place, piece in enumerate(tokens["tokens"]) if piece == "5"][-1]
    assert guided["answer_confidence"] == pytest.approx(np.exp(plain[held]), rel=1e-2)
    assert unguided["gap"] == 0
    assert [each["context"] for each in guided["other_contexts"]] == ["decoy_answer", "reference_only"]
    assert guided["other_contexts"][1]["gap"] == pytest.approx(
        (np.array(reference.score(prompted(CONTEXT), text)) - plain).sum(), abs=1e-3 * len(plain)
    )
