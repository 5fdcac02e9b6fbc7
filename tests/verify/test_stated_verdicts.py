"""A file's own labels beside the verdicts given here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.imports.stage import STAGE as IMPORT
from infogap.schema import VERDICTS
from infogap.tasks import STAGE as TASKS
from infogap.verify import STAGE as VERIFY
from infogap.verify.stated_verdicts import DISAGREEMENTS, reading_of
from tasks.small_recipes import import_run, write_jsonl


@pytest.mark.parametrize(
    ("stated", "reading"),
    [
        *((word, "correct") for word in ("true", "Correct", " C ", "1", "1.0", "yes", "pass")),
        *((word, "wrong") for word in ("false", "INCORRECT", "I", "0", "-1", "0.5", "no")),
        *((word, None) for word in ("5", "100", "maybe", "", "[1, 0]", "nan")),
    ],
)
def test_what_a_label_says(stated: str, reading: str | None) -> None:
    assert reading_of(stated) == reading


@given(st.floats(0, 1))
def test_a_score_is_right_at_one_alone(score: float) -> None:
    assert reading_of(str(score)) == ("correct" if score == 1 else "wrong")


def test_agreement_is_counted_and_every_disagreement_listed(tmp_path: Path) -> None:
    labels = ["true", "false", "false", "true", "false", "seven", "true"]
    texts = ["\\boxed{2}", "\\boxed{3}", "\\boxed{2}", "\\boxed{4}", "", "\\boxed{2}", "So."]
    rows = [
        {"question": f"What is 1 + 1? ({n})", "answer": "2" if n < 6 else None, "t": text or "<think>Hm", "ok": label}
        for n, (label, text) in enumerate(zip(labels, texts, strict=True))
    ]
    write_jsonl(tmp_path / "a.jsonl", rows)
    source = "{from: a.jsonl, columns: {trace: t, stated_verdict: ok}, verifier: exact}"
    run = import_run(tmp_path, f"  - {source}")
    for stage in (TASKS, IMPORT):
        stage.make(run)
    outcome = VERIFY.make(run)
    assert outcome.counts["stated_verdicts"] == {"compared": 5, "agree": 3, "unread": 1, "ungraded": 1}
    listed = pl.read_parquet(run.path / VERDICTS.name / DISAGREEMENTS)
    assert sorted(listed.select("stated_verdict", "verdict", "extracted_answer", "answer").rows()) == [
        ("false", "correct", "2", "2"),
        ("true", "wrong", "4", "2"),
    ]
    said = "\n".join(outcome.notes)
    assert "stated verdicts: 3 of 5 agree (60.0%); 1 more are of traces that could not be graded" in said
    assert f"; the others are in verdicts/{DISAGREEMENTS}" in said
    assert "stated true, graded wrong; its answer 4, the gold answer 2" in said
    assert "stated verdicts that say neither correct nor wrong, not compared: 'seven' (1)" in said


def test_without_a_gold_answer_a_whole_trace_is_ungradable_and_a_cut_one_truncated(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"question": "Why?", "t": "<think>Hm.</think>Because.", "end": "stop"},
        {"question": "Why?", "t": "It is \\boxed{2}, and", "end": "length"},
        {"question": "Why?", "t": "<think>Hm", "end": None},
    ]
    write_jsonl(tmp_path / "a.jsonl", rows)
    run = import_run(tmp_path, "  - {from: a.jsonl, columns: {trace: t, finish_reason: end, answer: null}}")
    for stage in (TASKS, IMPORT):
        stage.make(run)
    outcome = VERIFY.make(run)
    assert {name: count for name, count in outcome.counts.items() if count} == {"ungradable": 1, "truncated": 2}
    graded = pl.concat(run.parts(VERDICTS)).filter(verdict="ungradable")
    assert graded["detail"].to_list() == ["no gold answer"]
