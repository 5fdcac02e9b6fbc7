"""The generate stage against a server: resumed, re-planned, and failed requests asked again."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from infogap.errors import ExternalError
from infogap.generate import STAGE
from infogap.generate.generate_traces import forget_failed
from infogap.generate.trace_store import answered
from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, TASKS, TRACES
from servers.scripted import Body, Reply, ScriptedServer, completion, failing, replying, saying

Serving = Callable[[ScriptedServer], str]


def make_run(folder: Path, url: str, *overrides: str) -> Run:
    file = folder / "recipe.yaml"
    file.write_text(
        "name: demo\n"
        "tasks: [{from: tasks.jsonl}]\n"
        f"teacher: {{backend: openai, model: m, base_url: {url}, concurrency: 4, attempts: 1}}\n"
        "generate: {samples: 3, privileges: [unguided, answer]}\n"
    )
    run = Run.create(load_recipe(file, list(overrides)), folder / "run")
    if not run.part_paths(TASKS):
        rows = [
            dict.fromkeys(TASKS.schema.names())
            | {"task_id": f"t{n}", "family": "f", "question": f"{n}?", "answer": str(n), "verifier": "math"}
            for n in range(10)
        ]
        with run.rewrite(TASKS) as out:
            out.write(TASKS.frame(rows))
    return run


def traces(run: Run) -> pl.DataFrame:
    return pl.concat(list(run.parts(TRACES)))


def test_every_request_becomes_a_trace_in_the_plans_order(tmp_path: Path, serving: Serving) -> None:
    server = ScriptedServer()
    run = make_run(tmp_path, serving(server))
    outcome = STAGE.make(run)
    table = traces(run)
    assert outcome.rows == table.height == len(server.bodies) == 60
    assert table.select("task_id", "privilege", "sample").rows() == [
        (f"t{n}", privilege, sample) for n in range(10) for privilege in ("unguided", "answer") for sample in range(3)
    ]
    assert sorted(body["seed"] for body in server.bodies) == sorted(table["seed"])
    contexts = run.scan(CONTEXTS).collect()
    assert set(table["context_id"].drop_nulls()) == set(contexts["context_id"])


def test_a_dead_server_loses_nothing_and_the_rest_is_asked_later(tmp_path: Path, serving: Serving) -> None:
    seen = 0

    def dies(_body: Body, _before: int) -> Reply | None:
        nonlocal seen
        seen += 1
        return failing(401) if seen > 20 else None

    broken, sound = ScriptedServer(dies), ScriptedServer()
    run = make_run(tmp_path, serving(broken))
    with pytest.raises(ExternalError):
        STAGE.make(run)
    done, total = answered(run.path / TRACES.name) or (0, 0)
    assert 0 < done <= 20
    assert total == 60
    again = make_run(tmp_path, serving(sound))  # servers may move: what is asked is the same
    STAGE.make(again)
    assert len(sound.bodies) == 60 - done
    assert traces(again)["trace_id"].n_unique() == 60


def test_failed_requests_are_rows_with_a_reason_and_can_be_asked_again(tmp_path: Path, serving: Serving) -> None:
    def refuses(body: Body, _before: int) -> Reply | None:
        return failing(400) if body["messages"][0]["content"].startswith("3?") else None

    run = make_run(tmp_path, serving(ScriptedServer(refuses)))
    outcome = STAGE.make(run)
    assert outcome.counts["failed"] == 6
    assert any("--retry-failed" in note for note in outcome.notes)
    failed = traces(run).filter(pl.col("error").is_not_null())
    assert set(failed["task_id"]) == {"t3"}
    assert set(failed["finish_reason"]) == {"error"}

    sound = ScriptedServer()
    again = make_run(tmp_path, serving(sound))
    assert forget_failed(again) == 6
    STAGE.make(again)
    assert len(sound.bodies) == 6
    assert traces(again)["error"].null_count() == 60
    assert not list((again.path / "traces" / "cache").glob("*"))


def test_a_server_that_refuses_everything_is_an_error(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, serving(ScriptedServer(lambda *_: failing(400))))
    with pytest.raises(ExternalError, match="failed"):
        STAGE.make(run)
    sound = ScriptedServer()
    STAGE.make(make_run(tmp_path, serving(sound)))
    assert len(sound.bodies) == 60


def test_a_changed_recipe_asks_only_for_what_is_new_and_keeps_the_rest(tmp_path: Path, serving: Serving) -> None:
    first, second, third = ScriptedServer(), ScriptedServer(), ScriptedServer()
    STAGE.make(make_run(tmp_path, serving(first)))
    fewer = make_run(tmp_path, serving(second), "generate.privileges=[answer]", "generate.samples=4")
    STAGE.make(fewer)
    assert len(second.bodies) == 10
    assert traces(fewer)["privilege"].unique().to_list() == ["answer"]
    back = make_run(tmp_path, serving(third))
    STAGE.make(back)
    assert third.bodies == []
    assert traces(back).height == 60


def test_lone_surrogates_in_a_reply_do_not_break_the_table(tmp_path: Path, serving: Serving) -> None:
    reply = rb'{"choices": [{"message": {"content": "half \ud83d a pair"}, "finish_reason": "stop"}]}'
    run = make_run(tmp_path, serving(ScriptedServer(lambda *_: saying(reply))))
    STAGE.make(run)
    assert traces(run)["response"].unique().to_list() == ["half ? a pair"]


def test_a_resumed_run_writes_the_bytes_of_an_uninterrupted_one(tmp_path: Path, serving: Serving) -> None:
    url = serving(ScriptedServer())
    parts = []
    for name in ("plain", "resumed"):
        (tmp_path / name).mkdir()
        run = make_run(tmp_path / name, url)
        if name == "resumed":
            stop_early(run)
        STAGE.make(run)
        parts.append([path.read_bytes() for path in run.part_paths(TRACES)])
    assert parts[0] == parts[1]


def stop_early(run: Run) -> None:
    """Stop generation after 7 traces, as a kill does: without any farewell."""
    from infogap.generate.trace_store import TraceStore

    add, added = TraceStore.add, 0

    def dying(store: TraceStore, index: int, row: dict[str, object]) -> None:
        nonlocal added
        if added == 7:
            raise SystemExit
        added += 1
        add(store, index, row)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(TraceStore, "add", dying)
        STAGE.make(run)


def test_a_run_that_turns_to_importing_keeps_what_it_generated(tmp_path: Path, serving: Serving) -> None:
    from infogap.imports import stage as importing
    from infogap.tasks import STAGE as COLLECT

    generated = make_run(tmp_path, serving(ScriptedServer()))
    STAGE.make(generated)
    (tmp_path / "traces.jsonl").write_text('{"question": "1?", "answer": "1", "text": "It is 1."}\n')
    (tmp_path / "import.yaml").write_text("name: demo\nimport: [{from: traces.jsonl, columns: {trace: text}}]\n")
    imported = Run.create(load_recipe(tmp_path / "import.yaml"), generated.path)
    COLLECT.make(imported)
    importing.STAGE.make(imported)
    assert traces(imported)["response"].to_list() == ["It is 1."]
    cached = pl.read_parquet(sorted((generated.path / "traces" / "cache").glob("*.parquet")))
    assert cached.height == 60


def test_tags_and_unknown_finish_reasons_are_said(tmp_path: Path, serving: Serving) -> None:
    def thinks(body: Body, _before: int) -> Reply:
        number = int(body["messages"][0]["content"][0])
        reason = "repetition" if number == 7 else "MAX_TOKENS" if number == 8 else "end_turn"
        return replying(completion(f"[THINK]Hm.[/THINK]{number}" if number < 9 else f"{number}", reason))

    run = make_run(tmp_path, serving(ScriptedServer(thinks)), "generate.samples=1", "generate.privileges=[unguided]")
    outcome = STAGE.make(run)
    assert outcome.notes[:2] == [
        "thoughts were recognised by [THINK] (9 traces)",
        "unknown finish reasons, kept as they are: repetition (1 trace)",
    ]
    assert outcome.counts["finish_reasons_not_known"] == {"repetition": 1}
    assert "thoughts_by" not in outcome.counts  # a run that was resumed has the same manifest
    counts = traces(run)["finish_reason"].value_counts().sort("finish_reason").rows()
    assert counts == [("length", 1), ("repetition", 1), ("stop", 8)]
