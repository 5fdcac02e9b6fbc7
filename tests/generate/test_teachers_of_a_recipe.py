"""Several teachers in one run: each answers what is its own, and none is asked again because of another."""

from pathlib import Path

import polars as pl
import pytest

from generate.several_teachers import make_run
from generate.solving import LADDER, TASK_COUNT, Serving, graded_traces, solver, tables
from infogap.errors import ExternalError, InputError, StoppedError
from infogap.generate import STAGE
from infogap.generate.generate_traces import forget_failed
from infogap.generate.generation_cost import cost
from infogap.generate.show_prompt import prompt_of
from infogap.generate.teacher_requests import drawn_teacher
from infogap.recipe import load_recipe
from infogap.runs.budget import Budget
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, TOKENS, TRACES
from infogap.verify.pass_rate_filter import not_selected
from servers.scripted import Body, Reply, ScriptedServer, failing

PLAIN = "{samples: 2, privileges: [unguided, answer]}"
SELECT = "{samples: 1, select: {pass_rate: [0.3, 0.7], samples: 4}, privileges: [answer]}"


def traces(run: Run) -> pl.DataFrame:
    return pl.concat(list(run.parts(TRACES)))


def test_every_teacher_answers_and_the_table_says_who(tmp_path: Path, serving: Serving) -> None:
    small, large = solver(), solver()
    run = make_run(tmp_path, {"small": serving(small), "large": serving(large)}, PLAIN)
    outcome = STAGE.make(run)
    table = traces(run)
    assert table["trace_id"].n_unique() == table.height == outcome.rows == 2 * 2 * 2 * TASK_COUNT
    assert table["teacher"].rle().struct.field("value").to_list() == ["small", "large"]  # one after the other
    for server, name in ((small, "small"), (large, "large")):
        own = table.filter(teacher=name)
        assert sorted(body["seed"] for body in server.bodies) == sorted(own["seed"])
    assert len(set(table["seed"])) == table.height  # two teachers of one model do not repeat each other
    contexts = run.scan(CONTEXTS).collect()
    assert contexts["context_id"].n_unique() == contexts.height == TASK_COUNT  # both read the same
    assert set(table["context_id"].drop_nulls()) == set(contexts["context_id"])


def test_a_privilege_is_answered_by_the_teachers_that_it_names(tmp_path: Path, serving: Serving) -> None:
    urls = {name: serving(solver()) for name in ("a", "b", "c")}
    privileges = "[unguided, {answer: {teacher: b}}, {solution: {teacher: [a, c]}}]"
    run = make_run(tmp_path, urls, f"{{samples: 1, privileges: {privileges}}}")
    STAGE.make(run)
    answered = dict(traces(run).group_by("privilege").agg(pl.col("teacher").unique().sort()).iter_rows())
    assert answered == {"unguided": ["a", "b", "c"], "answer": ["b"], "solution": ["a", "c"]}
    assert run.scan(CONTEXTS).select("context_id").collect().is_unique().all()


def test_attempts_are_shown_to_the_teacher_that_made_them(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, {"small": serving(solver()), "large": serving(solver())}, LADDER)
    outcome = STAGE.make(run)
    table = graded_traces(run)
    contexts = {row["context_id"]: row["text"] for row in run.scan(CONTEXTS).collect().iter_rows(named=True)}
    assert len(contexts) == run.rows(CONTEXTS)
    for label, source, verdict in (
        ("verifier", "unguided", "wrong"),
        ("peers", "unguided", "correct"),
        ("regenerated", "solution", "correct"),
    ):
        for teacher, other in (("small", "large"), ("large", "small")):
            shown = table.filter(privilege=label, teacher=teacher)
            assert shown.height > 0
            for row in shown.iter_rows(named=True):
                attempts = table.filter(privilege=source, task_id=row["task_id"], verdict=verdict)
                own = attempts.filter(teacher=teacher)["response"].to_list()
                others = attempts.filter(teacher=other)["response"].to_list()
                assert any(attempt in contexts[row["context_id"]] for attempt in own)
                assert not any(attempt in contexts[row["context_id"]] for attempt in others)
            usable = table.filter(privilege=source, teacher=teacher, verdict=verdict)["task_id"].unique()
            assert set(shown["task_id"]) == set(usable)
            missing = TASK_COUNT - len(usable)
            kind = "wrong" if verdict == "wrong" else "right"
            reason = f"{label} by {teacher}: no {kind} attempt under {source}"
            assert outcome.counts["skipped"].get(reason, 0) == missing


def test_the_prompt_of_each_teacher_can_be_looked_at(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, {"small": serving(solver()), "large": serving(solver())}, LADDER)
    STAGE.make(run)
    table = graded_traces(run).filter(privilege="peers", sample=0)
    contexts = dict(run.scan(CONTEXTS).select("context_id", "text").collect().iter_rows())
    both = table.group_by("task_id").agg(pl.len()).filter(pl.col("len") == 2)["task_id"].min()
    assert isinstance(both, str)
    shown = {name: prompt_of(run, "peers", both, name) for name in ("small", "large")}
    for row in table.filter(task_id=both).iter_rows(named=True):
        assert contexts[row["context_id"]] in shown[row["teacher"]]
    assert prompt_of(run, "peers", both) == shown["small"] != shown["large"]
    with pytest.raises(InputError, match="no teacher 'smal' answers under 'peers'"):
        prompt_of(run, "peers", both, "smal")


def test_rejection_sampling_ends_for_each_teacher_by_itself(tmp_path: Path, serving: Serving) -> None:
    knows, guesses = solver("What is"), solver()
    rejection = "{samples: 2, until: {correct: 3, max_attempts: 7}, privileges: [unguided]}"
    run = make_run(tmp_path, {"knows": serving(knows), "guesses": serving(guesses)}, rejection)
    outcome = STAGE.make(run)
    table = graded_traces(run)
    assert set(table.filter(teacher="knows").group_by("task_id").len()["len"]) == {4}
    given_up = 0
    for cell in table.filter(teacher="guesses").partition_by("task_id"):
        correct = cell.filter(verdict="correct").height
        assert correct >= 3 or cell.height == 7
        given_up += correct < 3
    assert given_up > 0
    until = outcome.counts["until"]
    assert until["knows"] == {
        "reached": TASK_COUNT,
        "given_up": 0,
        "attempts": 4 * TASK_COUNT,
        "attempts_given_up": 0,
    }
    assert until["guesses"]["given_up"] == given_up
    assert any(note.startswith("until, guesses: ") for note in outcome.notes)


def test_tasks_are_selected_for_each_teacher_by_its_own_pass_rate(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, {"knows": serving(solver("What is")), "guesses": serving(solver())}, SELECT)
    outcome = STAGE.make(run)
    table = graded_traces(run)
    rates = (
        table.filter(privilege="unguided").group_by("teacher", "task_id").agg((pl.col("verdict") == "correct").mean())
    )
    kept = {(row[0], row[1]) for row in rates.iter_rows() if 0.3 <= row[2] <= 0.7}
    assert 0 < len(kept) < TASK_COUNT
    assert set(table.filter(privilege="answer").select("teacher", "task_id").iter_rows()) == kept
    assert {teacher for teacher, _ in kept} == {"guesses"}
    assert outcome.counts["selected"]["knows"] == {"solved too often": TASK_COUNT}
    assert outcome.counts["selected"]["guesses"]["selected"] == len(kept)
    left_out = {(row["teacher"], row["task_id"]) for row in not_selected(run).collect().iter_rows(named=True)}
    assert len(left_out) == 2 * TASK_COUNT - len(kept)
    assert not left_out & kept


def test_a_teacher_that_is_only_probed_has_no_other_unguided_traces(tmp_path: Path, serving: Serving) -> None:
    urls = {"named": serving(solver()), "probed": serving(solver())}
    privileges = "[{unguided: {teacher: named}}, {peers: {teacher: probed}}]"
    until = "until: {correct: 5, max_attempts: 6}, select: {pass_rate: [0, 1], samples: 2}"
    run = make_run(tmp_path, urls, f"{{samples: 2, {until}, privileges: {privileges}}}")
    outcome = STAGE.make(run)
    table = graded_traces(run)
    assert set(table.filter(privilege="unguided", teacher="probed").group_by("task_id").len()["len"]) == {2}
    assert table.filter(privilege="unguided", teacher="named").height > 2 * TASK_COUNT
    assert set(table.filter(privilege="peers")["teacher"]) == {"probed"}
    peers = table.filter(privilege="peers")
    assert outcome.counts["until"]["probed"]["attempts"] == peers.height > 0


# Who is asked again


def test_a_changed_teacher_is_asked_again_and_no_other(tmp_path: Path, serving: Serving) -> None:
    servers = [ScriptedServer() for _ in range(4)]
    urls = [serving(server) for server in servers]
    STAGE.make(make_run(tmp_path, {"small": urls[0], "large": urls[1]}, PLAIN))
    warmer = make_run(tmp_path, {"small": urls[2], "large": urls[3]}, PLAIN, "teachers.small.sampling.temperature=1.0")
    STAGE.make(warmer)
    assert [len(server.bodies) for server in servers] == [4 * TASK_COUNT, 4 * TASK_COUNT, 4 * TASK_COUNT, 0]
    assert traces(warmer).height == 8 * TASK_COUNT


def test_an_added_teacher_and_a_new_order_ask_nothing_again(tmp_path: Path, serving: Serving) -> None:
    servers = [ScriptedServer() for _ in range(3)]
    one, other, third = [serving(server) for server in servers]
    before = make_run(tmp_path, {"small": one, "large": other}, LADDER)
    STAGE.make(before)
    first = traces(before)
    asked = [len(server.bodies) for server in servers]
    more = make_run(tmp_path, {"new": third, "large": other, "small": one}, LADDER)
    STAGE.make(more)
    assert [len(server.bodies) for server in servers[:2]] == asked[:2]
    assert len(servers[2].bodies) > 0
    again = traces(more).filter(pl.col("teacher") != "new")
    assert again.sort("trace_id").equals(first.sort("trace_id"))
    fewer = make_run(tmp_path, {"large": other}, LADDER)
    STAGE.make(fewer)
    assert traces(fewer).sort("trace_id").equals(first.filter(teacher="large").sort("trace_id"))
    assert [len(server.bodies) for server in servers[:2]] == asked[:2]


def test_a_teacher_that_has_its_models_name_keeps_what_the_only_one_answered(tmp_path: Path, serving: Serving) -> None:
    one, other = ScriptedServer(), ScriptedServer()
    run = make_run(tmp_path, {"m": serving(one)}, PLAIN)
    alone = tmp_path / "alone.yaml"
    text = (tmp_path / "recipe.yaml").read_text()
    alone.write_text(text.replace("teachers:\n  m:", "teacher:"))
    before = Run.create(load_recipe(alone), run.path)
    STAGE.make(before)
    first = traces(before)
    assert len(one.bodies) == 4 * TASK_COUNT
    both = make_run(tmp_path, {"m": serving(other), "second": serving(other)}, PLAIN)
    STAGE.make(both)
    assert len(other.bodies) == 4 * TASK_COUNT
    assert traces(both).filter(teacher="m").equals(first)


# Budgets, failures


def test_a_budget_is_of_all_teachers_together(tmp_path: Path, serving: Serving) -> None:
    small, large = solver(), solver()  # 18 tokens an answer
    run = make_run(tmp_path, {"small": serving(small), "large": serving(large)}, "{samples: 1, privileges: [unguided]}")
    tokens = 18 * (TASK_COUNT + 4)
    with pytest.raises(StoppedError, match="budget of 216 tokens"):
        STAGE.make(Run(run.path, run.recipe, run.base, Budget(tokens=tokens)))
    assert len(small.bodies) == TASK_COUNT
    assert 4 <= len(large.bodies) < TASK_COUNT
    assert STAGE.begun(run) == (
        TASK_COUNT + len(large.bodies),
        f"{TASK_COUNT + len(large.bodies)} of 16 requests are answered (small 8 of 8, large {len(large.bodies)} of 8)",
    )
    STAGE.make(run)
    assert len(small.bodies) == len(large.bodies) == TASK_COUNT


def test_where_one_server_is_down_the_other_teacher_is_asked_and_the_error_names_it(
    tmp_path: Path, serving: Serving
) -> None:
    sound, mended = ScriptedServer(), ScriptedServer()
    broken = ScriptedServer(lambda *_: failing(401))
    run = make_run(tmp_path, {"broken": serving(broken), "sound": serving(sound)}, PLAIN)
    with pytest.raises(ExternalError, match="teacher broken: "):
        STAGE.make(run)
    assert len(sound.bodies) == 4 * TASK_COUNT
    again = make_run(tmp_path, {"broken": serving(mended), "sound": serving(sound)}, PLAIN)
    STAGE.make(again)
    assert len(sound.bodies) == len(mended.bodies) == 4 * TASK_COUNT


def test_a_teacher_all_of_whose_requests_fail_is_an_error(tmp_path: Path, serving: Serving) -> None:
    refuses, mended, sound = ScriptedServer(lambda *_: failing(400)), ScriptedServer(), ScriptedServer()
    run = make_run(tmp_path, {"sound": serving(sound), "refuses": serving(refuses)}, LADDER)
    with pytest.raises(ExternalError, match="teacher refuses: every request failed"):
        STAGE.make(run)
    asked = len(sound.bodies)
    again = make_run(tmp_path, {"sound": serving(sound), "refuses": serving(mended)}, PLAIN)
    STAGE.make(again)
    assert len(mended.bodies) == 4 * TASK_COUNT
    assert len(sound.bodies) <= asked + 2 * TASK_COUNT  # the ladder had no `answer`


def test_failed_requests_of_one_teacher_are_asked_again_of_it_alone(tmp_path: Path, serving: Serving) -> None:
    def refuses(body: Body, before: int) -> Reply | None:
        return failing(400) if body["messages"][0]["content"].startswith("What is 3?") and before == 0 else None

    sound, some = ScriptedServer(), ScriptedServer(refuses)
    run = make_run(tmp_path, {"sound": serving(sound), "some": serving(some)}, PLAIN)
    outcome = STAGE.make(run)
    assert outcome.counts["failed"] == 4
    assert outcome.counts["teachers"]["some"]["failed"] == 4
    assert outcome.counts["teachers"]["sound"]["failed"] == 0
    assert forget_failed(run) == 4
    STAGE.make(run)
    assert (len(sound.bodies), len(some.bodies)) == (4 * TASK_COUNT, 4 * TASK_COUNT + 4)


def test_log_probabilities_are_those_of_the_teachers_that_record_them(tmp_path: Path, serving: Serving) -> None:
    urls = {"plain": serving(ScriptedServer()), "scored": serving(ScriptedServer())}
    one, other = ScriptedServer(), ScriptedServer()
    run = make_run(tmp_path, urls, PLAIN, "teachers.scored.logprobs=1")
    with pytest.raises(ExternalError, match="teacher scored: "):  # the scripted server gives none
        STAGE.make(run)
    assert run.scan(TOKENS).collect().is_empty()
    back = make_run(tmp_path, {"plain": serving(one), "scored": serving(other)}, PLAIN)
    STAGE.make(back)
    assert (len(one.bodies), len(other.bodies)) == (0, 4 * TASK_COUNT)


# What it costs, and one teacher per task


def test_the_cost_is_given_for_each_teacher(tmp_path: Path) -> None:
    urls = dict.fromkeys(("cheap", "dear"), "http://localhost:1/v1")
    prices = ("teachers.dear.price={prompt: 2, completion: 8}", "teachers.dear.sampling.max_tokens=100")
    privileges = "[unguided, {answer: {teacher: cheap}}]"
    run = make_run(tmp_path, urls, f"{{samples: 2, privileges: {privileges}}}", *prices)
    costs = cost(run)
    cheap, dear = costs["teachers"]["cheap"], costs["teachers"]["dear"]
    assert (cheap["requests"], dear["requests"], costs["requests"]) == (32, 16, 48)
    assert costs["privileges"] == {"unguided": 32, "answer": 16}
    assert dear["completion_tokens"] == 1600
    assert costs["cost"] == dear["cost"] == round((dear["prompt_tokens"] * 2 + 1600 * 8) / 1e6, 6)
    assert "cost" not in cheap
    assert costs["completion_tokens"] == cheap["completion_tokens"] + 1600


def test_one_teacher_answers_each_task_under_every_privilege(tmp_path: Path, serving: Serving) -> None:
    urls = {name: serving(solver()) for name in ("a", "b")}
    drawn = LADDER.replace("{samples", "{one_teacher_per_task: true, samples")
    run = make_run(tmp_path, urls, drawn)
    costs = cost(run)
    outcome = STAGE.make(run)
    by_task = dict(traces(run).group_by("task_id").agg(pl.col("teacher").unique()).iter_rows())
    assert len(by_task) == TASK_COUNT
    assert all(len(names) == 1 for names in by_task.values())
    counts = outcome.counts["drawn"]
    assert counts == {name: sum(names == [name] for names in by_task.values()) for name in urls}
    assert {name: each["tasks"] for name, each in costs["teachers"].items()} == counts
    assert costs["requests"] >= outcome.rows
    assert f"one teacher per task; tasks drawn for each: a {counts['a']}, b {counts['b']}" in outcome.notes
    task_id, (name,) = next(iter(by_task.items()))
    other = "b" if name == "a" else "a"
    assert prompt_of(run, "solution", task_id, name) == prompt_of(run, "solution", task_id)
    with pytest.raises(InputError, match=f"task {task_id} was drawn for another teacher, not for {other}"):
        prompt_of(run, "solution", task_id, other)


def test_a_draw_is_even_and_an_added_teacher_takes_tasks_only_for_itself() -> None:
    ids = [f"t{number}" for number in range(3_000)]
    two = {task_id: drawn_teacher(7, task_id, ["a", "b"]) for task_id in ids}
    three = {task_id: drawn_teacher(7, task_id, ["c", "b", "a"]) for task_id in ids}
    for names, drawn in ((2, two), (3, three)):
        for name in set(drawn.values()):
            share = sum(found == name for found in drawn.values()) / len(ids)
            assert abs(share - 1 / names) < 0.04  # over 4 standard deviations
    assert {three[task_id] for task_id in ids if three[task_id] != two[task_id]} == {"c"}
    assert two != {task_id: drawn_teacher(8, task_id, ["a", "b"]) for task_id in ids}


def test_a_run_of_several_teachers_has_the_same_bytes_each_time(tmp_path: Path, serving: Serving) -> None:
    urls = {name: serving(solver()) for name in ("a", "b")}
    runs = [make_run(tmp_path / name, urls, LADDER) for name in ("one", "other")]
    STAGE.make(runs[0])
    with pytest.raises(StoppedError):
        STAGE.make(Run(runs[1].path, runs[1].recipe, runs[1].base, Budget(requests=50)))
    STAGE.make(runs[1])
    assert tables(runs[0]) == tables(runs[1])
