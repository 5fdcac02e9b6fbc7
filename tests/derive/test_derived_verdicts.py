"""Derived traces and their verdicts: a judge's votes are counted with their cost, and what stays right is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from infogap.derive import STAGE as DERIVE
from infogap.report.teacher_costs import teacher_costs
from infogap.runs import manifest
from infogap.runs.manifest import Manifest
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import DERIVED_VERDICTS, TASKS
from infogap.verify import STAGE as VERIFY
from infogap.verify.judging.vote_counts import forget_failed_votes
from infogap.verify.verifiers.code import VERIFIER
from servers.scripted import Body, Reply, ScriptedServer, failing
from servers.serve import serve
from verify.judging.judged_run import judged_run, text_of, trace, vote, write_traces

OLD, NEW = "generate:", "derive: [{wrong_answer: {}}]\ngenerate:"
DOUBT = "Perhaps it is this. Wait, let me check. "


def made(run: Run, stage: Stage) -> Outcome:
    """Run a stage as the pipeline does, and write the manifest with its counts."""
    outcome = stage.make(replace(run, with_derived=stage.sees_derived))
    path = run.manifest_path(stage.folders[0])
    manifest.write(path, Manifest(stage.name, 1, "print", {}, {}, outcome.rows, outcome.counts))
    return outcome


def test_votes_on_derived_traces_are_counted_where_they_are_given(tmp_path: Path) -> None:
    answers = {"fails": True}

    def script(body: Body, _before: int) -> Reply:
        return failing(500) if answers["fails"] and "Perhaps" not in text_of(body) else vote("right")

    with serve(ScriptedServer(script).app) as url:
        run = judged_run(tmp_path, url, tasks=2, old="generate:", new="derive: [{strip_markers: {}}]\ngenerate:")
        write_traces(run, [trace(n, f"{DOUBT}\n\nSo it is {n}.\n\nIt is {n}.", n) for n in range(2)])
        verified = made(run, VERIFY)
        derived = made(run, DERIVE)
        assert verified.counts["judge"] == {"votes": 6, "right": 6, "prompt_tokens": 66, "completion_tokens": 42}
        assert derived.counts["judge"] == {"votes": 0, "failed": 6}
        assert forget_failed_votes(run) == 6
        answers["fails"] = False
        derived = made(run, DERIVE)
        assert run.scan(DERIVED_VERDICTS).collect()["verdict"].to_list() == ["correct", "correct"]
        assert derived.counts["judge"] == verified.counts["judge"]
        assert "judge: 66 prompt tokens, 42 completion tokens" in " ".join(derived.notes)
        assert made(run, VERIFY).counts["judge"] == verified.counts["judge"]
        costs = teacher_costs(run)
        assert [each.amounts for each in costs.tokens] == [(132, 84)]
        assert costs.cost == verified.counts["cost"] + derived.counts["cost"]


def test_a_wrong_answer_that_is_graded_correct_is_said(tmp_path: Path) -> None:
    with serve(ScriptedServer(lambda _body, _before: vote("right")).app) as url:
        run = judged_run(tmp_path, url, tasks=2, old="generate:", new="derive: [{wrong_answer: {}}]\ngenerate:")
        write_traces(run, [trace(n, f"It is \\boxed{{{n + 5}}}.", n) for n in range(2)])
        made(run, VERIFY)
        derived = made(run, DERIVE)
    assert derived.counts["derived"] == {"wrong_answer": {"traces": 2, "parents": 2}}
    assert any("wrong_answer: 2 traces are graded correct all the same" in note for note in derived.notes)


def test_no_number_of_a_program_is_changed_to_make_it_wrong(tmp_path: Path, sandbox: None) -> None:
    run = judged_run(tmp_path, "", tasks=1, by="{backend: embedded}", old=OLD, new=NEW)
    tasks = (
        run.scan(TASKS)
        .collect()
        .with_columns(
            verifier=pl.lit("code"), answer=pl.lit(VERIFIER.gold_with("assert f(2) == 3", {})), metadata=pl.lit("{}")
        )
    )
    with run.rewrite(TASKS) as out:
        out.write(tasks)
    write_traces(run, [trace(0, "```python\ndef f(n):\n    # version 7\n    return n + 1\n```")])
    made(run, VERIFY)
    derived = made(run, DERIVE)
    assert derived.counts["derived"] == {"wrong_answer": {"traces": 0, "parents": 1}}
    assert any("its answer is a program" in note for note in derived.notes)
