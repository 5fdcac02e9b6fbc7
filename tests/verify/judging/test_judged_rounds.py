"""Consensus and judges where rounds follow from verdicts, and in sweeps: no vote is asked for twice."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from cli.in_process import infogap
from infogap.runs.run_folder import Run
from infogap.schema import TRACES, VERDICTS
from infogap.verify.judging.vote_journal import VoteJournal, borrow_votes
from servers.scripted import Body, Reply, ScriptedServer, completion, replying
from servers.serve import serve
from verify.judging.judged_run import judged_run, text_of, trace, verdicts, vote

_RECIPE = """\
name: rounds
seed: 3
tasks: [{from: tasks.jsonl, columns: {answer: null}, verifier: %s}]
%s
teacher: {backend: openai, model: teacher, base_url: "%s/v1", concurrency: 2}
generate:
  samples: 4
  privileges: [unguided, {verifier: {turns: 1, verdict: bare}}]
measure: {lexicons: [infogap]}
balance: {leak: keep, verdict: {correct: 1}}
publish: {version: 0.1.0, configs: [traces]}
"""
_JUDGE = 'verify: {judge: {votes: 1, by: {backend: openai, model: judge, base_url: "%s/v1", concurrency: 2}}}'


def _answers(right: str, wrong_ones: int, votes: list[Body]) -> ScriptedServer:
    """A teacher whose first samples of a task are wrong, so many of them, and a judge to whom 7 is right."""
    seeds: defaultdict[str, list[int]] = defaultdict(list)

    def script(body: Body, _before: int) -> Reply:
        asked = text_of(body)
        if body["model"] == "judge":
            votes.append(body)
            return vote("right" if "boxed{7}" in asked else "wrong")
        seeds[asked].append(body["seed"])
        is_wrong = "earlier attempt" not in asked and len(seeds[asked]) <= wrong_ones
        return replying(completion(rf"I add. It is \boxed{{{9 if is_wrong else right}}}. Sample {body['seed']}."))

    return ScriptedServer(script)


def _run(folder: Path, verifier: str, judge: str, url: str) -> Run:
    rows = [{"question": f"How many are {n} and {7 - n}?"} for n in range(1, 4)]
    (folder / "tasks.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "recipe.yaml").write_text(_RECIPE % (verifier, judge % url if judge else "", url))
    done = infogap("run", "recipe.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    return Run.open(folder / "runs" / "rounds")


def _rows(run: Run) -> list[dict[str, Any]]:
    return run.scan(TRACES).join(run.scan(VERDICTS), on="trace_id").sort("trace_id").collect().to_dicts()


def test_attempts_that_the_judge_finds_wrong_are_shown_and_judged_once(tmp_path: Path) -> None:
    votes: list[Body] = []
    with serve(_answers("7", 2, votes).app) as url:
        rows = _rows(_run(tmp_path, "judge", _JUDGE, url))
    wrong = [row for row in rows if row["verdict"] == "wrong"]
    assert {row["round"] for row in rows} == {0, 1}
    assert {row["verdict"] for row in rows} == {"correct", "wrong"}
    assert {row["privilege"] for row in wrong} == {"unguided"}
    assert len(votes) == len({text_of(body) for body in votes}) == len(rows)


def test_attempts_are_graded_by_the_consensus_of_the_first_round(tmp_path: Path) -> None:
    with serve(_answers("7.0", 1, []).app) as url:
        run = _run(tmp_path, "consensus", "", url)
    first, later = ([row for row in _rows(run) if row["round"] == round_] for round_ in (0, 1))
    assert [row["verdict"] for row in first].count("wrong") == 3
    assert {(row["extracted_answer"], row["score"]) for row in first} == {("7.0", 0.75), ("9", 0.0)}
    assert {(row["verdict"], row["score"]) for row in later} == {("correct", 0.75)}


def test_runs_of_a_sweep_share_votes(tmp_path: Path) -> None:
    server = ScriptedServer(lambda _body, _before: vote("right"))
    with serve(server.app) as url:
        first, second = (judged_run(tmp_path / name, url) for name in ("first", "second"))
        verdicts(first, [trace(1, "It is 0.")])
        borrow_votes(second, [first, second])
        assert len(VoteJournal(second)) == 3
        assert verdicts(second, [trace(9, "It is 0.")])["trace009"]["verdict"] == "correct"
    assert len(server.bodies) == 3
