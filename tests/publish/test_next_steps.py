"""The config `steps`: a row per step of each correct trace of the mix, after the steps before it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from datasets import load_dataset

from balance.mix_runs import chosen, make_mix, make_run, trace
from infogap.errors import ShortfallError
from infogap.publish import STAGE
from infogap.publish.configs.next_steps import NEXT, trace_steps
from infogap.schema import TASKS, TRACES

THOUGHT = "First add.\n\nThen check: $2 + 3 = 5$."


def test_each_step_follows_the_question_and_the_steps_before(tmp_path: Path) -> None:
    traces = [trace(f"t{n}", verdict="wrong" if n == 3 else "correct") for n in range(4)]
    run = make_run(tmp_path, "{verdict: {correct: 0.75, wrong: 0.25}}\npublish: {configs: [sft, steps]}", traces)
    stored = run.scan(TRACES).collect()
    with run.rewrite(TRACES) as out:
        out.write(stored.with_columns(reasoning=pl.lit(THOUGHT)))
    tasks = run.scan(TASKS).collect()
    with run.rewrite(TASKS) as out:
        out.write(tasks.with_columns(question=pl.lit("What is 2 + 3?")))
    make_mix(run)
    STAGE.make(run)
    rows = load_dataset(str(run.path / "dataset"), "steps", split="train", cache_dir=str(tmp_path / "cache"))
    selected = chosen(run)
    right = selected.filter(verdict="correct")["trace_id"].sort().to_list()
    assert selected.height == 4 and len(right) == 3
    assert [(row["trace_id"], row["step"], row["steps"]) for row in rows] == [
        (trace_id, step, 3) for trace_id in right for step in range(3)
    ]
    first, second, last = rows.select(range(3))
    assert first["completion"] == [{"role": "assistant", "content": "First add."}]
    question = {"role": "user", "content": "What is 2 + 3?"}
    assert first["prompt"] == [question]
    again = {"role": "user", "content": NEXT}
    assert second["prompt"] == [question, {"role": "assistant", "content": "First add."}, again]
    assert last["prompt"] == [question, {"role": "assistant", "content": THOUGHT}, again]
    response = stored.filter(trace_id=last["trace_id"])["response"][0]
    assert last["completion"][0]["content"] == response.strip()


@pytest.mark.parametrize(
    ("reasoning", "response", "expected"),
    [
        ("", "One.\n\nTwo.", ["One.", "Two."]),
        ("One. Two.", "Three.\n\nFour.", ["One.", "Two.", "Three.\n\nFour."]),
        ("One.", "", ["One."]),
        ("", "", []),
    ],
)
def test_the_text_after_a_thought_is_the_last_step(reasoning: str, response: str, expected: list[str]) -> None:
    assert trace_steps(reasoning, response) == expected


def test_a_mix_without_correct_traces_has_no_steps(tmp_path: Path) -> None:
    run = make_run(tmp_path, "{verdict: {wrong: 1}}\npublish: {configs: [steps]}", [trace("a", verdict="wrong")])
    make_mix(run)
    with pytest.raises(ShortfallError, match="nothing to publish as `steps`: the mix has no correct traces"):
        STAGE.make(run)


def test_a_mix_without_a_share_of_correct_traces_lacks_no_steps_beside_one_that_has(tmp_path: Path) -> None:
    mixes = "{mixes: {right: {}, wrong: {verdict: {wrong: 1}}}}\npublish: {configs: [steps]}"
    make_mix(run := make_run(tmp_path, mixes, [trace("a"), trace("b", verdict="wrong")]))
    outcome = STAGE.make(run)
    assert (sorted(outcome.counts), outcome.shortfall) == (["right-steps"], None)
    assert "no config `wrong-steps`: the mix has no share of correct traces" in outcome.notes
