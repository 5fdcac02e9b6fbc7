"""Rounds against a server: attempts become contexts, tasks are selected, and asking ends when enough is right."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infogap.budget import Budget
from infogap.errors import StoppedError
from infogap.generate import STAGE, forget_failed
from infogap.generate.prompt import prompt_of
from infogap.generate.store import TraceStore
from infogap.pipeline import stages
from infogap.recipe import load_recipe
from infogap.run import Run
from infogap.schema import CONTEXTS, MIX, TASKS, TRACES, VERDICTS
from infogap.selection import not_selected
from infogap.verify import STAGE as VERIFY
from infogap.verify.judged import write_judged
from servers.scripted import Body, Reply, ScriptedServer, completion, failing, replying

Serving = Callable[[ScriptedServer], str]
TASK_COUNT = 8


def solver(*right: str) -> ScriptedServer:
    """Answers `What is N?` rightly where the prompt holds a text of `right`, or the seed is even; else with 0."""

    def script(body: Body, _before: int) -> Reply | None:
        prompt = body["messages"][0]["content"]
        number = int(re.findall(r"What is (\d+)\?", prompt)[0])
        knows = any(text in prompt for text in right) or body["seed"] % 2 == 0
        return replying(completion(rf"Attempt {body['seed']}. So it is \boxed{{{number if knows else 0}}}"))

    return ScriptedServer(script)


def make_run(folder: Path, url: str, generate: str, *overrides: str) -> Run:
    file = folder / "recipe.yaml"
    file.write_text(
        "name: demo\nseed: 3\n"
        "tasks: [{from: tasks.jsonl, columns: {solution: solution}}]\n"
        f"teacher: {{backend: openai, model: m, base_url: {url}, concurrency: 4, attempts: 1}}\n"
        f"generate: {generate}\n"
    )
    run = Run.create(load_recipe(file, list(overrides)), folder / "run")
    if not run.part_paths(TASKS):
        with run.rewrite(TASKS) as out:
            out.write(TASKS.frame([task(number) for number in range(1, TASK_COUNT + 1)]))
    return run


def task(number: int) -> dict[str, Any]:
    return dict.fromkeys(TASKS.schema.names()) | {
        "task_id": f"t{number}",
        "family": "f",
        "question": f"What is {number}?",
        "answer": str(number),
        "solution": f"It is what it is. It is {number}.",
        "verifier": "math",
    }


def judged(run: Run) -> pl.DataFrame:
    """The traces with the verdicts that the verify stage gives, in the table's order."""
    VERIFY.make(run)
    traces = pl.concat(list(run.parts(TRACES)))
    verdicts = run.scan(VERDICTS).select("trace_id", "verdict").collect()
    return traces.join(verdicts, on="trace_id", how="left", maintain_order="left")


LADDER = "{samples: 2, privileges: [unguided, verifier, peers, solution_no_think, solution, regenerated]}"


def test_attempts_become_contexts_in_the_order_that_the_privileges_need(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, serving(solver()), LADDER)
    outcome = STAGE.make(run)
    traces = judged(run)
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
    traces = judged(run)
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
    traces = judged(run).filter(privilege="verifier")
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
    traces = judged(run)
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
    traces = judged(run)
    probes = traces.filter(privilege="unguided")
    assert probes.height == 4 * TASK_COUNT
    rates = dict(probes.group_by("task_id").agg((pl.col("verdict") == "correct").mean()).iter_rows())
    kept = {task_id for task_id, rate in rates.items() if 0.3 <= rate <= 0.7}
    assert 0 < len(kept) < TASK_COUNT
    assert set(traces.filter(privilege="answer")["task_id"]) == kept
    assert outcome.counts["selected"]["selected"] == len(kept)
    assert sum(outcome.counts["selected"].values()) == TASK_COUNT
    assert set(not_selected(run).collect()["task_id"]) == rates.keys() - kept


def test_a_budget_ends_the_command_and_the_next_one_goes_on(tmp_path: Path, serving: Serving) -> None:
    server = solver()
    url = serving(server)
    (tmp_path / "plain").mkdir()
    plain = make_run(tmp_path / "plain", url, LADDER)
    STAGE.make(plain)
    asked = len(server.bodies)
    run = make_run(tmp_path, url, LADDER)
    stops = 0
    while True:
        before = len(server.bodies)
        try:
            STAGE.make(Run(run.path, run.recipe, run.base, Budget(requests=5)))
            break
        except StoppedError as stopped:
            stops += 1
            assert "budget of 5 requests" in str(stopped)
            assert len(server.bodies) == before + 5
    assert stops == (asked - 1) // 5
    assert len(server.bodies) == 2 * asked
    assert tables(run) == tables(plain)


def test_a_budget_of_tokens_is_kept_to_within_what_is_in_flight(tmp_path: Path, serving: Serving) -> None:
    server = solver()  # 18 tokens an answer
    run = make_run(tmp_path, serving(server), "{samples: 4, privileges: [unguided, answer]}")
    with pytest.raises(StoppedError, match="budget of 180 tokens"):
        STAGE.make(Run(run.path, run.recipe, run.base, Budget(tokens=180)))
    assert 10 <= len(server.bodies) <= 10 + 4


def tables(run: Run) -> dict[str, bytes]:
    folders = [run.path / name for name in ("traces", "contexts")]
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for folder in folders
        for path in folder.rglob("*.parquet")
        if "cache" not in path.parts
    }


def test_failed_requests_of_an_early_round_are_asked_again_and_what_follows_is_kept(
    tmp_path: Path, serving: Serving
) -> None:
    broken_seed: list[int] = []

    def fails_once(body: Body, _before: int) -> Reply | None:
        if not broken_seed and "What is 3?" in body["messages"][0]["content"]:
            broken_seed.append(body["seed"])
        return failing(400) if body["seed"] in broken_seed else None

    sound = solver()
    faulty = ScriptedServer(lambda body, before: fails_once(body, before) or sound._script(body, before))  # type: ignore[misc]
    url = serving(sound)
    run = make_run(tmp_path, serving(faulty), LADDER)
    STAGE.make(run)
    first = len(faulty.bodies)
    again = make_run(tmp_path, url, LADDER)
    assert forget_failed(again) == 1
    STAGE.make(again)
    assert 1 <= len(sound.bodies) <= 1 + 8  # the one, and what follows from it for its task
    assert first > len(sound.bodies)
    (tmp_path / "plain").mkdir()
    plain = make_run(tmp_path / "plain", url, LADDER)
    STAGE.make(plain)
    assert tables(again) == tables(plain)


def test_a_verdict_that_generation_gave_is_the_verdict(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, serving(solver()), "{samples: 2, privileges: [unguided, peers]}")
    STAGE.make(run)
    path = run.path / "traces" / "judged" / "part-00000.parquet"
    changed = pl.read_parquet(path).with_columns(detail=pl.lit("as judged"))
    changed.write_parquet(path)
    assert VERIFY.make(run).rows == run.rows(TRACES)
    verdicts = run.scan(VERDICTS).collect()
    assert verdicts.filter(detail="as judged").height == changed.height


def test_the_prompt_with_an_attempt_can_be_looked_at(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, serving(solver()), LADDER)
    STAGE.make(run)
    traces = judged(run)
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


@pytest.mark.parametrize("kill_every", [3, 40])
def test_a_run_killed_again_and_again_ends_with_the_same_bytes(
    tmp_path: Path, serving: Serving, kill_every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = "{samples: 2, until: {correct: 2, max_attempts: 6}, privileges: [unguided, {verifier: {turns: 2}}, peers]}"
    url = serving(solver())
    (tmp_path / "plain").mkdir()
    plain = make_run(tmp_path / "plain", url, recipe)
    STAGE.make(plain)
    run = make_run(tmp_path, url, recipe)
    left = 0

    def dying(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **keywords: Any) -> Any:
            nonlocal left
            if left == 0:
                raise SystemExit
            left -= 1
            return function(*arguments, **keywords)

        return wrapped

    monkeypatch.setattr(TraceStore, "add", dying(TraceStore.add))
    monkeypatch.setattr("infogap.generate.stage.write_judged", dying(write_judged))
    for _ in range(1_000):
        left = kill_every
        try:
            outcome = STAGE.make(run)
            break
        except SystemExit:
            continue
    assert outcome.counts == STAGE.make(plain).counts
    assert tables(run) == tables(plain)


def test_tokens_and_their_cost_are_counted(tmp_path: Path, serving: Serving) -> None:
    recipe = "{samples: 2, privileges: [unguided]}"
    run = make_run(tmp_path, serving(solver()), recipe, "teacher.price={prompt: 2.0, completion: 10.0}")
    outcome = STAGE.make(run)
    asked = 2 * TASK_COUNT
    assert outcome.counts["prompt_tokens"] == 11 * asked
    assert outcome.counts["completion_tokens"] == 7 * asked
    assert outcome.counts["cost"] == pytest.approx((11 * 2 + 7 * 10) * asked / 1e6)


def test_a_damaged_part_of_a_later_round_is_asked_again(tmp_path: Path, serving: Serving) -> None:
    server = solver()
    run = make_run(tmp_path, serving(server), LADDER)
    STAGE.make(run)
    whole, asked = tables(run), len(server.bodies)
    last = run.part_paths(TRACES)[-1]
    rows = pl.read_parquet(last).height
    last.write_bytes(b"no parquet")
    STAGE.make(run)
    assert len(server.bodies) == asked + rows
    assert tables(run) == whole | {f"traces/damaged-{last.name}": b"no parquet"}


def test_failures_of_all_rounds_together_are_not_taken_for_a_first_round_that_failed(
    tmp_path: Path, serving: Serving
) -> None:
    recipe = "{samples: 2, privileges: [unguided, peers, solution_no_think, {peers: {as: again}}]}"
    run = make_run(tmp_path, serving(solver()), recipe)
    STAGE.make(run)
    first, path = run.part_paths(TRACES)
    asked, second = pl.read_parquet(first).height, pl.read_parquet(path)
    assert second.height >= asked
    # As many failures in all as the first round has requests: it went well all the same.
    fixed = pl.when(pl.int_range(pl.len()) < asked).then("error").alias("error")
    second.with_columns(fixed).write_parquet(path)
    before = run.rows(TRACES)
    assert STAGE.make(run).rows == before


def test_verdicts_given_before_a_kill_are_kept_and_those_of_another_grader_are_not(
    tmp_path: Path, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, serving(solver()), LADDER)
    STAGE.make(run)
    folder = run.path / "traces" / "judged"
    first, second = sorted(folder.glob("part-*.parquet"))
    pl.read_parquet(first).with_columns(detail=pl.lit("as judged")).write_parquet(first)
    second.write_bytes(b"no parquet")
    STAGE.make(run)
    assert set(pl.read_parquet(first)["detail"]) == {"as judged"}
    assert pl.read_parquet(second).height
    monkeypatch.setattr("infogap.verify.traces.TIME_LIMIT", 9.0)
    STAGE.make(run)
    assert "as judged" not in pl.read_parquet(first)["detail"]


def test_until_counts_the_cells_that_it_was_meant_for(tmp_path: Path, serving: Serving) -> None:
    recipe = (
        "{samples: 2, select: {pass_rate: [0.3, 0.7], samples: 4}, until: {correct: 1, max_attempts: 4}, "
        "privileges: [solution, {verifier: {turns: 2}}]}"
    )
    run = make_run(tmp_path, serving(solver("It is what it is")), recipe)
    outcome = STAGE.make(run)
    traces = judged(run).join(not_selected(run).collect(), on="task_id", how="anti").filter(privilege="unguided")
    selected = traces["task_id"].n_unique()
    cells = judged(run).filter(pl.col("privilege") != "unguided").partition_by("task_id", "privilege")
    assert 0 < selected < TASK_COUNT
    until = outcome.counts["until"]
    assert until["reached"] + until["given_up"] == len(cells)
    assert until["attempts"] == sum(cell.height for cell in cells)
    assert until["given_up"] == sum(not cell.filter(verdict="correct").height for cell in cells)
