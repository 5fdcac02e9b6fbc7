"""Lessons: drawn from attempts at a pool of tasks, and shown for other tasks only, without their answers."""

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from generate.note_writing import WHAT, asks_lesson, prompt, says, writer
from generate.several_teachers import make_run as make_run_of_several
from generate.solving import TASK_COUNT, Serving, graded_traces, make_run, task
from infogap.generate import STAGE
from infogap.generate.generation_cost import cost
from infogap.generate.show_prompt import prompt_of
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, NOTES, SHOWN_NOTES, TASKS, TRACES
from servers.scripted import Body, Reply

LESSONS = "{samples: 2, privileges: [unguided, {lessons: {pool: 5, count: 2}}]}"
RANDOM = "{samples: 1, privileges: [unguided, {lessons: {pool: 8, count: 2, choose: random}}]}"


def shown(run: Run) -> pl.DataFrame:
    """Which notes each task is shown: `task_id`, `text`, `note_id`, `of` (the note's task)."""
    notes = run.scan(SHOWN_NOTES).rename({"task_id": "of"})
    return notes.join(run.scan(CONTEXTS), on="context_id").collect()


def of_task(body: Body) -> int:
    return int(WHAT.findall(prompt(body))[0])


def own_lesson(body: Body) -> Reply:
    return says(f"Lesson {'abcdefghijk'[of_task(body)]}: count what is there.")


def with_tasks(run: Run, tasks: list[dict[str, Any]]) -> Run:
    with run.rewrite(TASKS) as out:
        out.write(TASKS.frame(sorted(tasks, key=lambda each: str(each["task_id"]))))
    return run


def test_lessons_come_from_graded_attempts_at_other_tasks(tmp_path: Path, serving: Serving) -> None:
    server = writer(lesson=own_lesson)
    run = make_run(tmp_path, serving(server), LESSONS)
    outcome = STAGE.make(run)
    notes = {row["trace_id"]: row for row in run.scan(NOTES).collect().iter_rows(named=True)}
    assert len(notes) == len({note["task_id"] for note in notes.values()}) == 5
    asked = [body for body in server.bodies if asks_lesson(body)]
    first_guided = next(place for place, body in enumerate(server.bodies) if "Notes from" in prompt(body))
    assert max(server.bodies.index(body) for body in asked) < first_guided
    traces = graded_traces(run)
    for body in asked:
        own = traces.filter(privilege="unguided", task_id=f"t{of_task(body)}")
        for verdict, label in (("correct", "is right"), ("wrong", "is wrong")):
            attempts = own.filter(verdict=verdict).sort("sample")["response"].to_list()
            assert (f"whose final answer {label}:\n" in prompt(body)) == bool(attempts)
            assert not attempts or attempts[0] in prompt(body)
    rows = shown(run)
    assert set(rows["task_id"]) == {f"t{number}" for number in range(1, TASK_COUNT + 1)}
    assert set(rows.group_by("task_id").len()["len"]) == {2}
    for row in rows.iter_rows(named=True):
        assert row["of"] == notes[row["note_id"]]["task_id"] != row["task_id"]
        assert notes[row["note_id"]]["response"] in row["text"]
        assert row["text"].count("\n- ") == 2
    assert outcome.counts["notes"]["lessons"] == {
        "requests": 5,
        "again": 0,
        "truncated": 0,
        "empty": 0,
        "failed": 0,
        "contexts": TASK_COUNT,
        "pool": 5,
        "usable": 5,
        "withheld": 0,
        "unusable": {},
    }


def test_no_context_holds_an_attempt_the_answer_or_the_solution(tmp_path: Path, serving: Serving) -> None:
    def lesson(body: Body) -> Reply:
        return says("The result was 4." if of_task(body) % 2 else "Say first what it is. Then check it.")

    run = make_run(tmp_path, serving(writer(lesson=lesson)), RANDOM)
    outcome = STAGE.make(run)
    rows = shown(run)
    odd = rows.filter(pl.col("of").is_in(["t1", "t3", "t5", "t7"]))
    assert odd.height and not odd.filter(task_id="t4").height  # shown where they give nothing away
    withheld = outcome.counts["notes"]["lessons"]["withheld"]
    assert 1 <= withheld <= 4
    assert any(note.startswith(f"lessons: a lesson was withheld {withheld} time") for note in outcome.notes)
    attempts = run.scan(TRACES).filter(pl.col("privilege") == "unguided").collect()["response"].to_list()
    for row in rows.iter_rows(named=True):
        own = task(int(row["task_id"][1:]))
        assert not re.search(rf"\b{own['answer']}\b", row["text"])
        assert own["solution"] not in row["text"]
        assert not any(attempt in row["text"] for attempt in attempts)
        assert not row["states_answer"]


def test_a_solution_in_a_lesson_is_withheld_from_its_task(tmp_path: Path, serving: Serving) -> None:
    steps = "First you add the left part to the right part and then halve what you have got there."
    run = make_run(tmp_path, serving(writer(lesson=lambda _body: says(f"As we know: {steps}"))), RANDOM)
    tasks = [task(number) for number in range(1, TASK_COUNT + 1)]
    tasks[2]["solution"] = f"{steps} The answer is 3."
    outcome = STAGE.make(with_tasks(run, tasks))
    assert "t3" not in set(shown(run)["task_id"])
    assert outcome.counts["skipped"] == {"lessons: fewer than 2 usable notes of other tasks": 1}
    assert outcome.counts["notes"]["lessons"]["withheld"] == 7


def test_no_task_is_shown_a_lesson_from_a_near_duplicate(tmp_path: Path, serving: Serving) -> None:
    long = "A farmer has twelve hens and sells seven of them at the market on Monday morning, how many are left there"
    run = make_run(tmp_path, serving(writer(lesson=own_lesson)), RANDOM)
    tasks = [task(number) for number in range(1, TASK_COUNT + 1)]
    for number in (0, 1, 2):
        tasks[number]["question"] = f"{long}? What is {number + 1}?"
    STAGE.make(with_tasks(run, tasks))
    alike = {"t1", "t2", "t3"}
    rows = shown(run)
    assert not rows.filter(pl.col("task_id").is_in(alike) & pl.col("of").is_in(alike)).height
    assert rows.filter(~pl.col("task_id").is_in(alike) & pl.col("of").is_in(alike)).height


def test_the_most_similar_questions_lessons_are_shown(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, serving(writer(lesson=own_lesson)), LESSONS.replace("pool: 5", "pool: 8"))
    tasks = [task(number) for number in range(1, TASK_COUNT + 1)]
    for number, words in enumerate(["trains and speed", "trains and time", "trains that meet", "apples and pears"] * 2):
        tasks[number]["question"] += f" It is about {words}."
    STAGE.make(with_tasks(run, tasks))
    kinds = dict(enumerate(["trains", "trains", "trains", "apples"] * 2, start=1))
    rows = shown(run)
    of_apples = rows.filter(pl.col("task_id").is_in(["t4", "t8"]))
    assert {("t4", "t8"), ("t8", "t4")} <= set(of_apples.select("task_id", "of").iter_rows())
    of_trains = rows.filter(~pl.col("task_id").is_in(["t4", "t8"]))
    assert {kinds[int(each[1:])] for each in of_trains["of"]} == {"trains"}


def test_a_lesson_is_cut_to_whole_sentences_and_never_quotes_its_attempt(tmp_path: Path, serving: Serving) -> None:
    def lesson(body: Body) -> Reply:
        number = of_task(body)
        if number == 1:
            return says("This sentence alone has more words than the bound of ten words would allow a note to have.")
        if number == 2:
            return says("one two three four five six seven eight nine ten eleven twelve.")
        return says("Count what is there first. Then check it. And a third sentence with more words.")

    server = writer(lesson=lesson)
    run = make_run(tmp_path, serving(server), RANDOM.replace("count: 2", "count: 2, words: 12"))
    server._script = quoting(server._script)
    outcome = STAGE.make(run)
    texts = set(shown(run)["text"])
    assert all(text.endswith("- Count what is there first. Then check it.") for text in texts)
    counts = outcome.counts["notes"]["lessons"]
    assert counts["unusable"] == {"quotes an attempt": 1, "too long": 1}
    assert (counts["requests"], counts["again"], counts["usable"]) == (10, 2, 6)
    assert any("without a usable lesson: 1 quotes an attempt, 1 too long" in note for note in outcome.notes)


def quoting(script: Any) -> Any:
    """Let every attempt contain the words that the lesson of task 2 repeats."""

    def quoted(body: Body, before: int) -> Any:
        if asks_lesson(body) or "Notes from" in prompt(body):
            return script(body, before)
        return says(rf"One two three four five six seven eight nine ten eleven twelve. \boxed{{{of_task(body)}}}")

    return quoted


def test_a_short_pool_is_said(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, serving(writer(lesson=own_lesson)), LESSONS.replace("pool: 5", "pool: 20"))
    outcome = STAGE.make(run)
    assert outcome.counts["notes"]["lessons"]["pool"] == TASK_COUNT
    assert any(f"the pool has {TASK_COUNT} tasks, not 20" in note for note in outcome.notes)


def test_without_attempts_every_task_is_skipped_and_counted(tmp_path: Path, serving: Serving) -> None:
    server = writer(lesson=own_lesson)
    server._script = lambda _body, _before: says("I do not know.")  # no verdict is right or wrong
    run = make_run(tmp_path, serving(server), LESSONS)
    outcome = STAGE.make(run)
    assert outcome.counts["skipped"] == {"lessons: fewer than 2 usable notes of other tasks": TASK_COUNT}
    assert outcome.counts["notes"]["lessons"]["pool"] == 0
    assert not any(map(asks_lesson, server.bodies))


def test_held_out_families_give_no_lessons(tmp_path: Path, serving: Serving) -> None:
    server = writer(lesson=own_lesson)
    run = make_run(tmp_path, serving(server), RANDOM, "balance={hold_out: {families: [test]}}")
    tasks = [task(number) for number in range(1, TASK_COUNT + 1)]
    for number in (1, 4, 6):
        tasks[number]["family"] = "test"
    STAGE.make(with_tasks(run, tasks))
    assert {of_task(body) for body in server.bodies if asks_lesson(body)} == {1, 3, 4, 6, 8}
    assert set(shown(run)["task_id"]) == {f"t{number}" for number in range(1, TASK_COUNT + 1)}


def test_lessons_wait_until_all_attempts_are_complete(tmp_path: Path, serving: Serving) -> None:
    server = writer(lesson=own_lesson)
    recipe = LESSONS.replace("samples: 2", "samples: 1, until: {correct: 2, max_attempts: 6}")
    run = make_run(tmp_path, serving(server), recipe)
    STAGE.make(run)
    unguided = [
        place for place, body in enumerate(server.bodies) if not asks_lesson(body) and "Notes" not in prompt(body)
    ]
    assert max(unguided) < min(place for place, body in enumerate(server.bodies) if asks_lesson(body))
    assert run.scan(TRACES).filter(pl.col("privilege") == "lessons").collect().height


def test_each_teacher_is_shown_lessons_from_its_own_attempts(tmp_path: Path, serving: Serving) -> None:
    servers = {name: writer(lesson=own_lesson) for name in ("small", "large", "scribe")}
    recipe = (
        "{samples: 2, privileges: [{unguided: {teacher: [small, large]}}, "
        "{lessons: {teacher: [small, large], pool: 4, count: 2, writer: scribe}}]}"
    )
    run = make_run_of_several(tmp_path, {name: serving(server) for name, server in servers.items()}, recipe)
    outcome = STAGE.make(run)
    assert set(run.scan(NOTES).collect()["teacher"]) == {"scribe"}
    assert len(servers["scribe"].bodies) == run.rows(NOTES) == 8
    traces = run.scan(TRACES).collect()
    for note in servers["scribe"].bodies:
        attempts = traces.filter(privilege="unguided", task_id=f"t{of_task(note)}")
        quoted = {row["teacher"] for row in attempts.iter_rows(named=True) if row["response"] in prompt(note)}
        assert len(quoted) == 1
    assert outcome.counts["notes"]["lessons"]["pool"] == 8


def test_the_estimate_and_a_rerun(tmp_path: Path, serving: Serving) -> None:
    server = writer(lesson=own_lesson)
    run = make_run(tmp_path, serving(server), LESSONS)
    estimate = cost(run)
    assert estimate["privileges"]["lessons: lessons"] == 5 * 2
    STAGE.make(run)
    assert estimate["requests"] >= len(server.bodies)
    requests, first = len(server.bodies), {path: path.read_bytes() for path in sorted(run.path.rglob("*.parquet"))}
    STAGE.make(run)
    assert len(server.bodies) == requests
    assert {path: path.read_bytes() for path in sorted(run.path.rglob("*.parquet"))} == first


def test_the_prompt_with_lessons_can_be_looked_at(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, serving(writer(lesson=own_lesson)), LESSONS)
    with pytest.raises(Exception, match="no trace has been written under it yet"):
        prompt_of(run, "lessons")
    STAGE.make(run)
    assert "Notes from attempts at other problems:\n- Lesson" in prompt_of(run, "lessons", "t3")
