"""Rounds that are taken up again: after a kill, a budget, failures, damage, or with other graders."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from generate.solving import LADDER, Serving, make_run, solver, tables
from infogap.errors import StoppedError
from infogap.generate import STAGE
from infogap.generate.generate_traces import forget_failed
from infogap.generate.trace_store import TraceStore
from infogap.runs.budget import Budget
from infogap.runs.run_folder import Run
from infogap.schema import TRACES, VERDICTS
from infogap.verify import STAGE as VERIFY
from infogap.verify.round_verdicts import write_round_verdicts
from servers.scripted import Body, Reply, ScriptedServer, failing


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
    changed = pl.read_parquet(path).with_columns(detail=pl.lit("as graded then"))
    changed.write_parquet(path)
    assert VERIFY.make(run).rows == run.rows(TRACES)
    verdicts = run.scan(VERDICTS).collect()
    assert verdicts.filter(detail="as graded then").height == changed.height


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
    monkeypatch.setattr("infogap.generate.all_rounds.write_round_verdicts", dying(write_round_verdicts))
    for _ in range(1_000):
        left = kill_every
        try:
            outcome = STAGE.make(run)
            break
        except SystemExit:
            continue
    assert outcome.counts == STAGE.make(plain).counts
    assert tables(run) == tables(plain)


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
    pl.read_parquet(first).with_columns(detail=pl.lit("as graded then")).write_parquet(first)
    second.write_bytes(b"no parquet")
    STAGE.make(run)
    assert set(pl.read_parquet(first)["detail"]) == {"as graded then"}
    assert pl.read_parquet(second).height
    monkeypatch.setattr("infogap.verify.grading_settings.TIME_LIMIT", 9.0)
    STAGE.make(run)
    assert "as graded then" not in pl.read_parquet(first)["detail"]
