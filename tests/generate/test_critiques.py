"""Critiques: written for wrong attempts in waves of their own, before the round whose contexts show them."""

import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generate.note_writing import asks_critique, prompt, says, writer
from generate.several_teachers import make_run as make_run_of_several
from generate.solving import TASK_COUNT, Serving, graded_traces, make_run, tables, task
from generate.test_killed_anywhere import graded_here
from infogap.effects.given_away import given_away
from infogap.errors import ExternalError, StoppedError
from infogap.generate import STAGE
from infogap.generate.generate_traces import forget_failed
from infogap.generate.generation_cost import cost
from infogap.generate.show_prompt import prompt_of
from infogap.runs.budget import Budget
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, NOTES, SHOWN_NOTES, TASKS, TRACES
from infogap.teachers import Completion, Request
from servers.scripted import Body, Reply, failing

BOTH = "{samples: 2, privileges: [unguided, critique, informed_critique]}"


def shown(run: Run) -> pl.DataFrame:
    return run.scan(SHOWN_NOTES).join(run.scan(CONTEXTS).drop("task_id"), on="context_id").collect()


def test_every_wrong_attempt_that_is_shown_has_one_critique(tmp_path: Path, serving: Serving) -> None:
    server = writer()
    run = make_run(tmp_path, serving(server), BOTH)
    outcome = STAGE.make(run)
    traces, notes = graded_traces(run), run.scan(NOTES).collect()
    wrong = traces.filter(privilege="unguided", verdict="wrong")
    assert 0 < wrong["task_id"].n_unique() < TASK_COUNT
    for label in ("critique", "informed_critique"):
        own = notes.filter(privilege=label)
        assert sorted(own["context_id"]) == sorted(wrong["trace_id"])
        assert set(traces.filter(privilege=label)["task_id"]) == set(wrong["task_id"])
        assert set(traces.filter(privilege=label)["verdict"]) == {"correct"}
        assert outcome.counts["notes"][label]["contexts"] == wrong.height
        assert outcome.counts["skipped"][f"{label}: no wrong attempt under unguided"] == (
            TASK_COUNT - wrong["task_id"].n_unique()
        )
    assert len(server.bodies) == traces.height + notes.height
    attempts = dict(wrong.select("trace_id", "response").iter_rows())
    by_id = {row["trace_id"]: row for row in notes.iter_rows(named=True)}
    assert shown(run).height == 2 * wrong.height
    for row in shown(run).iter_rows(named=True):
        note = by_id[row["note_id"]]
        assert row["text"].endswith(f"A critique of this attempt:\n{note['response']}")
        assert attempts[note["context_id"]] in row["text"]
        assert (row["kind"], row["privilege"]) == ("critique", note["privilege"])


def test_only_the_informed_critic_reads_the_solution_and_nobody_the_answer(tmp_path: Path, serving: Serving) -> None:
    server = writer()
    run = make_run(tmp_path, serving(server), BOTH)
    STAGE.make(run)
    read = [prompt(body) for body in server.bodies]
    solutions = [task(number)["solution"] for number in range(1, TASK_COUNT + 1)]
    informed = [text for text in read if any(solution in text for solution in solutions)]
    notes = run.scan(NOTES).collect()
    assert len(informed) == notes.filter(privilege="informed_critique").height > 0
    assert all(text.startswith("Somebody answered") for text in informed)
    traced = [text for text in read if not text.startswith("Somebody answered")]
    assert not any("It is what it is" in text for text in traced)


def test_a_critique_that_cannot_be_used_is_requested_once_more(tmp_path: Path, serving: Serving) -> None:
    seen: list[str] = []

    def critique(body: Body) -> Reply:
        seen.append(prompt(body))
        if "What is 3?" in prompt(body):
            return says("Step one", "length")
        return says("" if seen.count(prompt(body)) == 1 else "Step one is wrong.")

    run = make_run(tmp_path, serving(writer(critique)), "{samples: 2, privileges: [unguided, critique]}")
    outcome = STAGE.make(run)
    counts = outcome.counts["notes"]["critique"]
    wrong = graded_traces(run).filter(privilege="unguided", verdict="wrong")
    of_three = wrong.filter(task_id="t3").height
    assert of_three > 0
    assert counts["requests"] == 2 * wrong.height
    assert (counts["again"], counts["empty"], counts["truncated"]) == (
        wrong.height,
        wrong.height - of_three,
        2 * of_three,
    )
    assert counts["unsampled"] == {"truncated": 2}
    assert "t3" not in set(graded_traces(run).filter(privilege="critique")["task_id"])
    assert any("2 traces were not requested, as the critique was truncated" in note for note in outcome.notes)


def test_every_trace_that_lacks_its_critique_is_counted(tmp_path: Path, serving: Serving) -> None:
    def is_bad(text: str) -> bool:
        return int(re.findall(r"We count, (\d+)", text)[0]) % 4 == 1

    def critique(body: Body) -> Reply:
        return says("Too much", "length" if is_bad(prompt(body)) else "stop")

    run = make_run(tmp_path, serving(writer(critique)), "{samples: 3, privileges: [unguided, critique]}")
    outcome = STAGE.make(run)
    wrong = graded_traces(run).filter(privilege="unguided", verdict="wrong").sort("task_id", "sample")
    shown_by = {
        (task_id, sample): responses[sample % len(responses)]
        for task_id, responses in wrong.group_by("task_id", maintain_order=True).agg("response").iter_rows()
        for sample in range(3)
    }
    bad = {key for key, text in shown_by.items() if is_bad(text)}
    assert any(sample < 2 and (task_id, 2) not in bad for task_id, sample in bad)  # one between others
    sampled = graded_traces(run).filter(privilege="critique").select("task_id", "sample")
    assert set(sampled.iter_rows()) == shown_by.keys() - bad
    assert outcome.counts["notes"]["critique"]["unsampled"] == {"truncated": len(bad)}


def test_a_critique_that_gives_the_answer_away_is_flagged(tmp_path: Path, serving: Serving) -> None:
    def critique(body: Body) -> Reply:
        return says(r"Step one is wrong: it is \boxed{5}." if "What is 5?" in prompt(body) else "Too much.")

    run = make_run(tmp_path, serving(writer(critique)), "{samples: 4, privileges: [unguided, critique]}")
    outcome = STAGE.make(run)
    flagged = shown(run).filter("states_answer")
    assert set(flagged["task_id"]) == {"t5"}
    assert flagged.height == outcome.counts["notes"]["critique"]["states_answer"] > 0
    assert any("give away the gold answer, not seen by its critic" in note for note in outcome.notes)
    (said,) = given_away(run)
    assert f"{flagged.height} of {shown(run).height} contexts give away the gold answer" in said
    assert "who had not seen it" in said


def test_without_a_gold_answer_notes_are_not_said_to_be_searched_for_it(tmp_path: Path, serving: Serving) -> None:
    both = "{samples: 5, privileges: [unguided, critique, {lessons: {pool: 4, count: 1}}]}"
    run = make_run(tmp_path, serving(writer()), both)
    tasks = run.scan(TASKS).collect().with_columns(verifier=pl.lit("consensus"), answer=pl.lit(None, pl.String))
    with run.rewrite(TASKS) as out:
        out.write(tasks)
    outcome = STAGE.make(run)
    for label in ("critique", "lessons"):
        counts = outcome.counts["notes"][label]
        assert counts["unchecked"] == counts["contexts"] > 0
        said = f"{label}: {counts['contexts']} of {counts['contexts']} contexts were not searched for the gold answer"
        assert any(said in note for note in outcome.notes)


def test_a_rerun_requests_nothing_and_has_the_same_bytes(tmp_path: Path, serving: Serving) -> None:
    server = writer()
    run = make_run(tmp_path, serving(server), BOTH)
    first = STAGE.make(run)
    before, requests = every_table(run), len(server.bodies)
    again = STAGE.make(run)
    assert (every_table(run), len(server.bodies)) == (before, requests)
    assert (again.counts, again.rows) == (first.counts, first.rows)


def every_table(run: Run) -> dict[str, bytes]:
    notes = {
        str(path.relative_to(run.path)): path.read_bytes()
        for name in ("notes", "shown_notes")
        for path in (run.path / name).rglob("*.parquet")
    }
    return tables(run) | notes


def test_a_budget_counts_critiques_and_the_next_command_goes_on(tmp_path: Path, serving: Serving) -> None:
    plain = make_run(tmp_path, serving(writer()), BOTH)
    STAGE.make(plain)
    requests = plain.rows(TRACES) + plain.rows(NOTES)
    (tmp_path / "limited").mkdir()
    server = writer()
    run = make_run(tmp_path / "limited", serving(server), BOTH)
    stops = 0
    while True:
        try:
            STAGE.make(Run(run.path, run.recipe, run.base, Budget(requests=3)))
            break
        except StoppedError as error:
            stops += 1
            assert f"{min(3 * stops, requests):,} of the" in str(error)
    assert len(server.bodies) == requests
    assert stops == requests // 3 - (requests % 3 == 0)
    assert every_table(run).keys() == every_table(plain).keys()
    assert sorted(run.scan(NOTES).collect()["response"]) == sorted(plain.scan(NOTES).collect()["response"])


def test_a_critic_of_its_own_writes_critiques_and_no_traces(tmp_path: Path, serving: Serving) -> None:
    solver, critic = writer(), writer()
    recipe = (
        "{samples: 2, privileges: [{unguided: {teacher: small}}, "
        "{critique: {teacher: small, critic: large}}, {critique: {teacher: small, as: own_critique}}]}"
    )
    run = make_run_of_several(tmp_path, {"small": serving(solver), "large": serving(critic)}, recipe)
    outcome = STAGE.make(run)
    assert set(run.scan(TRACES).collect()["teacher"]) == {"small"}
    written = run.scan(NOTES).collect()
    assert set(written.select("privilege", "teacher").iter_rows()) == {("critique", "large"), ("own_critique", "small")}
    assert critic.bodies and all(map(asks_critique, critic.bodies))
    assert len(critic.bodies) == written.filter(teacher="large").height
    assert outcome.counts["teachers"]["large"]["traces"] == 0
    assert outcome.counts["teachers"]["large"]["completion_tokens"] > 0


def test_a_critic_is_not_probed_where_tasks_are_selected(tmp_path: Path, serving: Serving) -> None:
    critic = writer()
    recipe = (
        "{samples: 1, select: {pass_rate: [0.0, 0.9], samples: 2}, until: {correct: 1, max_attempts: 2}, "
        "privileges: [{unguided: {teacher: small}}, {critique: {teacher: small, critic: large}}]}"
    )
    run = make_run_of_several(tmp_path, {"small": serving(writer()), "large": serving(critic)}, recipe)
    estimate = cost(run)
    outcome = STAGE.make(run)
    assert critic.bodies and all(map(asks_critique, critic.bodies))
    assert estimate["teachers"]["large"]["privileges"].keys() == {"critique: critiques"}
    assert outcome.counts["selected"].keys() == outcome.counts["until"].keys() == {"small"}


def test_tokens_and_cost_include_critiques(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, serving(writer()), BOTH, "teacher.price={prompt: 2.0, completion: 10.0}")
    outcome = STAGE.make(run)
    both = pl.concat([run.scan(table).select("prompt_tokens", "completion_tokens") for table in (TRACES, NOTES)])
    sums = both.sum().collect().row(0)
    assert (outcome.counts["prompt_tokens"], outcome.counts["completion_tokens"]) == sums
    assert outcome.counts["cost"] == pytest.approx((2 * sums[0] + 10 * sums[1]) / 1e6)
    assert outcome.rows == run.rows(TRACES)


def test_the_estimate_bounds_critiques_too(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, serving(writer()), BOTH)
    estimate = cost(run)
    STAGE.make(run)
    assert estimate["privileges"]["critique: critiques"] == TASK_COUNT * 2 * 2
    assert estimate["requests"] >= run.rows(TRACES) + run.rows(NOTES)
    assert estimate["requests"] == sum(estimate["privileges"].values())


def test_failed_critiques_are_counted_and_can_be_sent_again(tmp_path: Path, serving: Serving) -> None:
    broken = True

    def critique(body: Body) -> Reply:
        refused = broken and "What is 3?" in prompt(body)
        return failing(400, "overloaded") if refused else says("Step one is wrong.")

    run = make_run(tmp_path, serving(writer(critique)), "{samples: 2, privileges: [unguided, critique]}")
    outcome = STAGE.make(run)
    assert outcome.counts["notes"]["critique"]["failed"] > 0
    assert outcome.counts["notes"]["critique"]["unsampled"] == {"failed": 2}
    broken = False
    assert forget_failed(run) == outcome.counts["notes"]["critique"]["failed"]
    outcome = STAGE.make(run)
    assert outcome.counts["notes"]["critique"]["failed"] == 0
    assert "t3" in set(graded_traces(run).filter(privilege="critique")["task_id"])


def test_if_every_critique_fails_the_command_fails(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, serving(writer(lambda _body: failing(400, "no critics here"))), BOTH)
    with pytest.raises(ExternalError, match="every request for a critique or lesson to m failed"):
        STAGE.make(run)
    run = make_run(tmp_path, serving(writer()), BOTH)
    STAGE.make(run)
    assert run.scan(NOTES).collect()["error"].null_count() == run.rows(NOTES) > 0


def test_the_prompt_with_a_critique_can_be_looked_at(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, serving(writer()), BOTH)
    STAGE.make(run)
    row = graded_traces(run).filter(privilege="critique", sample=0).row(0, named=True)
    context = run.scan(CONTEXTS).filter(pl.col("context_id") == row["context_id"]).collect()["text"][0]
    assert context in prompt_of(run, "critique", row["task_id"])
    assert context in prompt_of(run, "critique")


def test_a_recipe_without_critiques_keeps_their_answers_in_the_cache(tmp_path: Path, serving: Serving) -> None:
    server = writer()
    run = make_run(tmp_path, serving(server), BOTH)
    STAGE.make(run)
    requests = len(server.bodies)
    without = make_run(tmp_path, serving(server), "{samples: 2, privileges: [unguided]}")
    STAGE.make(without)
    assert not without.part_paths(NOTES) and not without.part_paths(SHOWN_NOTES)
    STAGE.make(run)
    assert len(server.bodies) == requests


@settings(max_examples=12, deadline=None)
@given(
    golds=st.lists(st.integers(10_000, 99_999), min_size=TASK_COUNT, max_size=TASK_COUNT, unique=True),
    solution=st.text("abcdefgh ", min_size=12, max_size=40).filter(lambda text: len(text.split()) > 2),
    seed=st.integers(0, 1_000),
)
def test_no_prompt_of_a_critique_has_the_answer_or_the_solution(
    tmp_path_factory: pytest.TempPathFactory, golds: list[int], solution: str, seed: int
) -> None:
    """Whatever answers and solutions are: nobody reads either, before and after a critique of somebody without them."""
    asked: list[str] = []

    class Teacher:
        name = "m"

        def answer(self, requests: Iterator[Request]) -> Iterator[Completion]:
            for request in requests:
                asked.append(request.messages[0]["content"])
                right = "Somebody answered" not in asked[-1] and request.seed % 3 == 0
                number = int(re.findall(r"What is (\d+)\?", asked[-1])[0])
                text = rf"\boxed{{{golds[number - 1]}}}" if right else rf"Well, \boxed{{{-number}}}"
                yield Completion(request.request_id, "", text, "stop", 5, 2)

        def close(self) -> None: ...

    generate = "{samples: 2, privileges: [unguided, critique]}"
    run = make_run(tmp_path_factory.mktemp("run"), "http://localhost:1/v1", generate, f"seed={seed}")
    tasks = [task(number) | {"answer": str(gold)} for number, gold in enumerate(golds, start=1)]
    with run.rewrite(TASKS) as out:
        out.write(TASKS.frame([each | {"solution": f"SOLUTION {solution}"} for each in tasks]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("infogap.generate.answering_teacher.open_teacher", lambda *_: Teacher())
        patch.setattr("infogap.verify.grade_traces.grade_all", graded_here)
        STAGE.make(run)
    assert any(text.startswith("Somebody answered") for text in asked)
    assert not any("SOLUTION" in text or any(str(gold) in text for gold in golds) for text in asked)
