"""The frame that measures read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from infogap.measure.load_measures import Measure
from infogap.measure.trace_frames import fork_rates, trace_parts, with_texts
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, GAPS, TASKS, TOKENS, TRACES, Table

_DOCS = Path(__file__).parents[2] / "docs" / "extending.md"


def test_the_frame_has_what_is_documented(tmp_path: Path) -> None:
    generated = {"name": "frame", "tasks": [{"from": "tasks.jsonl"}], "teacher": {"backend": "embedded"}}
    sections = {"generate": {"privileges": ["answer"]}, "measure": {"gap": {"scorer": "teacher"}}}
    run = Run(tmp_path, Recipe.model_validate(generated | sections), tmp_path)
    trace = {"trace_id": "a", "task_id": "t", "privilege": "answer", "teacher": "m"}
    tables: list[tuple[Table, dict[str, Any]]] = [
        (TASKS, {"task_id": "t", "question": "2 + 3?", "answer": "5"}),
        (CONTEXTS, {"context_id": "c", "task_id": "t", "privilege": "answer", "text": "It is 5."}),
        (TRACES, trace | {"context_id": "c", "reasoning": "Hmm, I add.", "response": "So 5", "completion_tokens": 9}),
        (TOKENS, {"trace_id": "a", "logprobs": [-1.0, -1.0], "entropies": [0.1, 1.0]}),
        (GAPS, {"trace_id": "a", "gap": 3.0, "gap_per_token": 0.5, "surprisal": 1.5, "rsr": 4.5}),
    ]
    for table, row in tables:
        with run.rewrite(table) as out:
            out.write(table.frame([dict.fromkeys(table.schema) | row]))
    with trace_parts(run) as parts:
        (frame,) = [with_texts(frame) for part in parts for frame in part.frames(10)]
    assert frame.to_dicts() == [
        {
            **trace,
            "question": "2 + 3?",
            "answer": "5",
            "context": "It is 5.",
            "may_have_seen": None,
            "reasoning": "Hmm, I add.",
            "response": "So 5",
            "text": "Hmm, I add.\nSo 5",
            "finish_reason": None,
            "error": None,
            "completion_tokens": 9,
            "words": 5,
            "reasoning_words": 3,
            "fork_rate": 0.5,
            "gap": 3.0,
            "gap_per_token": 0.5,
            "surprisal": 1.5,
            "rsr": 4.5,
        }
    ]
    described = re.findall(r"^\s*\| (`.*?) \| (\w+) \|", Measure.measure.__doc__ or "", re.MULTILINE)
    types = {name: str(frame.schema[name]) for name in frame.columns}
    assert "turns" not in types  # of runs with traces that call tools alone
    types |= {"turns": "String"}
    assert {name: kind for names, kind in described for name in re.findall(r"`(\w+)`", names)} == types
    (listed,) = re.findall(r"^- The frame has (.*?)\. ", _DOCS.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`(\w+)`", listed)) == set(types)


def test_shares_of_tokens_over_the_threshold(tmp_path: Path) -> None:
    import_ = [{"from": "traces.jsonl", "columns": {"trace": "text"}}]
    run = Run(tmp_path, Recipe.model_validate({"name": "forks", "import": import_}), tmp_path)
    assert fork_rates(run, 0.5).is_empty()
    rows: list[dict[str, Any]] = [
        {"trace_id": "a", "logprobs": [-0.1, -1.0, -0.2, -0.3], "entropies": [0.1, 1.0, 0.6, 0.25]},
        {"trace_id": "b", "logprobs": [-0.1], "entropies": [0.5]},
        {"trace_id": "no tokens", "logprobs": [], "entropies": []},
        {"trace_id": "not recorded", "logprobs": None, "entropies": None},
    ]
    with run.rewrite(TOKENS) as out:
        out.write(TOKENS.frame(rows))
    assert dict(fork_rates(run, 0.5).iter_rows()) == pytest.approx({"a": 0.5, "b": 0.0})
