"""Rounds against a server: attempts become contexts, tasks are selected, and asking ends when enough is right."""

from pathlib import Path

import orjson
import polars as pl
import pytest

from generate.solving import LADDER, TASK_COUNT, Serving, graded_traces, make_run, solver
from infogap.errors import StoppedError
from infogap.generate import STAGE
from infogap.generate.show_prompt import prompt_of
from infogap.runs.budget import Budget
from infogap.runs.pipeline import stages
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, MIX, TRACES
from infogap.verify.pass_rate_filter import not_selected
from servers.scripted import ScriptedServer, saying


def test_attempts_become_contexts_in_the_order_that_the_privileges_need(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, serving(solver()), LADDER)
    outcome = STAGE.make(run)
    traces = graded_traces(run)
    assert traces["trace_id"].n_unique() == traces.height == outcome.rows
    rounds = dict(traces.group_by("privilege").agg(pl.col("round").unique()).iter_rows())
    assert rounds == {
        "unguided": [0],
        "solution": [0],
        "verifier": [1],
        "peers": [1],
        "solution_no_think": [1],
        "regenerated": [1],
    }
    contexts = {row["context_id"]: row["text"] for row in run.scan(CONTEXTS).collect().iter_rows(named=True)}
    assert len(contexts) == run.rows(CONTEXTS)
    for label, source, verdict in (("verifier", "unguided", "wrong"), ("regenerated", "solution", "correct")):
        for row in traces.filter(privilege=label).iter_rows(named=True):
            attempts = traces.filter(privilege=source, task_id=row["task_id"], verdict=verdict)["response"]
            assert any(attempt in contexts[row["context_id"]] for attempt in attempts)


def test_a_task_without_a_usable_attempt_is_skipped_and_counted(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, serving(solver()), LADDER)
    outcome = STAGE.make(run)
    traces = graded_traces(run)
    for label, source, verdict, reason in (
        ("verifier", "unguided", "wrong", "no wrong attempt under unguided"),
        ("peers", "unguided", "correct", "no right attempt under unguided"),
        ("regenerated", "solution", "correct", "no right attempt under solution"),
    ):
        usable = traces.filter(privilege=source, verdict=verdict)["task_id"].unique()
        assert set(traces.filter(privilege=label)["task_id"]) == set(usable)
        assert outcome.counts["skipped"].get(f"{label}: {reason}", 0) == TASK_COUNT - len(usable)


def test_a_verifiers_teacher_tries_again_until_it_is_right(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, serving(solver()), "{samples: 3, privileges: [unguided, {verifier: {turns: 3}}]}")
    STAGE.make(run)
    traces = graded_traces(run).filter(privilege="verifier")
    assert traces["round"].max() in (2, 3)
    for chain in traces.partition_by("task_id", "sample"):
        assert chain["round"].to_list() == list(range(1, chain.height + 1))
        verdicts = chain["verdict"].to_list()
        assert set(verdicts[:-1]) <= {"wrong"}
        assert verdicts[-1] == "correct" or chain.height == 3
    contexts = {row["context_id"]: row["text"] for row in run.scan(CONTEXTS).collect().iter_rows(named=True)}
    for row in traces.filter(pl.col("round") == 2).iter_rows(named=True):
        assert contexts[row["context_id"]].count("Attempt ") == 2


def test_asking_ends_when_enough_is_correct(tmp_path: Path, serving: Serving) -> None:
    server = solver("It is what it is")
    rejection = "{samples: 2, until: {correct: 3, max_attempts: 7}, privileges: [unguided, solution]}"
    run = make_run(tmp_path, serving(server), rejection)
    outcome = STAGE.make(run)
    traces = graded_traces(run)
    assert len(server.bodies) == traces.height
    given_up = 0
    for cell in traces.partition_by("task_id", "privilege"):
        correct = cell.filter(verdict="correct").height
        assert correct >= 3 or cell.height == 7
        before = cell.filter(pl.col("round") < cell["round"].max())
        assert before.filter(verdict="correct").height < 3  # no round more than needed
        given_up += correct < 3
    assert outcome.counts["until"]["given_up"] == given_up
    assert outcome.counts["until"]["attempts"] == traces.height
    assert set(traces.filter(privilege="solution").group_by("task_id").len()["len"]) == {4}


def test_tasks_are_selected_by_their_unguided_pass_rate_and_the_probes_kept(tmp_path: Path, serving: Serving) -> None:
    select = "{samples: 1, select: {pass_rate: [0.3, 0.7], samples: 4}, privileges: [answer]}"
    run = make_run(tmp_path, serving(solver()), select)
    outcome = STAGE.make(run)
    traces = graded_traces(run)
    probes = traces.filter(privilege="unguided")
    assert probes.height == 4 * TASK_COUNT
    rates = dict(probes.group_by("task_id").agg((pl.col("verdict") == "correct").mean()).iter_rows())
    kept = {task_id for task_id, rate in rates.items() if 0.3 <= rate <= 0.7}
    assert 0 < len(kept) < TASK_COUNT
    assert set(traces.filter(privilege="answer")["task_id"]) == kept
    assert outcome.counts["selected"]["selected"] == len(kept)
    assert sum(outcome.counts["selected"].values()) == TASK_COUNT
    assert set(not_selected(run).collect()["task_id"]) == rates.keys() - kept


def test_a_budget_of_tokens_is_kept_to_within_what_is_in_flight(tmp_path: Path, serving: Serving) -> None:
    server = solver()  # 18 tokens an answer
    run = make_run(tmp_path, serving(server), "{samples: 4, privileges: [unguided, answer]}")
    with pytest.raises(StoppedError, match="budget of 180 tokens"):
        STAGE.make(Run(run.path, run.recipe, run.base, Budget(tokens=180)))
    assert 10 <= len(server.bodies) <= 10 + 4


def test_an_answer_without_a_token_count_counts_as_the_longest(tmp_path: Path, serving: Serving) -> None:
    reply = orjson.dumps({"choices": [{"message": {"content": "\\boxed{1}"}, "finish_reason": "stop"}]})
    server = ScriptedServer(lambda *_: saying(reply))
    run = make_run(tmp_path, serving(server), "{samples: 4, privileges: [unguided]}", "teacher.sampling.max_tokens=100")
    with pytest.raises(StoppedError, match="budget of 1,000 tokens"):
        STAGE.make(Run(run.path, run.recipe, run.base, Budget(tokens=1_000)))
    assert 10 <= len(server.bodies) <= 10 + 4


def test_the_prompt_with_an_attempt_can_be_looked_at(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, serving(solver()), LADDER)
    STAGE.make(run)
    traces = graded_traces(run)
    row = traces.filter(privilege="peers", sample=0).row(0, named=True)
    context = run.scan(CONTEXTS).filter(pl.col("context_id") == row["context_id"]).collect()["text"][0]
    assert context in prompt_of(run, "peers", row["task_id"])


def test_traces_of_tasks_that_were_not_selected_stay_out_of_the_mix(tmp_path: Path, serving: Serving) -> None:
    select = "{samples: 1, select: {pass_rate: [0.3, 0.7], samples: 4}, privileges: [answer]}"
    run = make_run(tmp_path, serving(solver()), select, "dedupe=null")
    STAGE.make(run)
    for stage in stages(run.recipe):
        if stage.name in ("verify", "measure", "balance"):
            stage.make(run)
    mix = run.scan(MIX).join(run.scan(TRACES).select("trace_id", "task_id"), on="trace_id").collect()
    left_out = not_selected(run).collect()["task_id"]
    assert set(mix.filter(reason="task_not_selected")["task_id"]) == set(left_out)
    assert set(mix.filter("selected")["task_id"]).isdisjoint(left_out)
    assert mix.filter("selected").height


def test_tokens_and_their_cost_are_counted(tmp_path: Path, serving: Serving) -> None:
    recipe = "{samples: 2, privileges: [unguided]}"
    run = make_run(tmp_path, serving(solver()), recipe, "teacher.price={prompt: 2.0, completion: 10.0}")
    outcome = STAGE.make(run)
    asked = 2 * TASK_COUNT
    assert outcome.counts["prompt_tokens"] == 11 * asked
    assert outcome.counts["completion_tokens"] == 7 * asked
    assert outcome.counts["cost"] == pytest.approx((11 * 2 + 7 * 10) * asked / 1e6)


def test_until_counts_the_cells_that_it_was_meant_for(tmp_path: Path, serving: Serving) -> None:
    recipe = (
        "{samples: 2, select: {pass_rate: [0.3, 0.7], samples: 4}, until: {correct: 1, max_attempts: 4}, "
        "privileges: [solution, {verifier: {turns: 2}}]}"
    )
    run = make_run(tmp_path, serving(solver("It is what it is")), recipe)
    outcome = STAGE.make(run)
    traces = graded_traces(run).join(not_selected(run).collect(), on="task_id", how="anti").filter(privilege="unguided")
    selected = traces["task_id"].n_unique()
    cells = graded_traces(run).filter(pl.col("privilege") != "unguided").partition_by("task_id", "privilege")
    assert 0 < selected < TASK_COUNT
    until = outcome.counts["until"]
    assert until["reached"] + until["given_up"] == len(cells)
    assert until["attempts"] == sum(cell.height for cell in cells)
    assert until["given_up"] == sum(not cell.filter(verdict="correct").height for cell in cells)
