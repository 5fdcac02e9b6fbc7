"""A judge's votes on derived traces: counted with their cost, apart from those on the run's own, and sent again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from infogap.derive import STAGE as DERIVE
from infogap.report.teacher_costs import teacher_costs
from infogap.runs import manifest
from infogap.runs.manifest import Manifest
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import DERIVED_VERDICTS
from infogap.verify import STAGE as VERIFY
from infogap.verify.judging.vote_counts import forget_failed_votes
from servers.scripted import Body, Reply, ScriptedServer, failing
from servers.serve import serve
from verify.judging.judged_run import judged_run, text_of, trace, vote, write_traces

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
