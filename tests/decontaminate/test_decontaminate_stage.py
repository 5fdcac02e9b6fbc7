"""The stage on tables in a run folder: what is compared, what is listed, what is said, and what the mix makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infogap.balance.stage import STAGE as BALANCE
from infogap.decontaminate.contaminated_traces import contaminated_traces
from infogap.decontaminate.stage import QUESTIONS, STAGE
from infogap.errors import InputError
from infogap.recipe import RecipeError, dump_recipe, load_recipe
from infogap.runs.pipeline import run_one, stages
from infogap.runs.run_folder import Run
from infogap.schema import CONTAMINATION, CONTEXTS, DUPLICATES, MEASURES, MIX, TASKS, TRACES, VERDICTS
from infogap.tasks.task_checks import check_sources

PROBLEM = "Find the number of ways to place nine distinct rooks on an empty board."
OTHER = "A train leaves the station at noon and travels north at a steady speed."
EVALUATION = [PROBLEM, "What is 3 + 4?", None, "Which of these integers is the largest one that divides ninety evenly?"]
Rows = list[dict[str, Any]]


def make_run(
    folder: Path, settings: str, questions: dict[str, str], traces: Rows | None = None, contexts: Rows | None = None
) -> Run:
    """A run with these questions by task; `settings` follows `against`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"prompt": [{"content": question}]}) for question in EVALUATION]
    (folder / "exam.jsonl").write_text("\n".join(lines))
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        "name: demo\nimport: [{from: x.jsonl, columns: {trace: text}}]\n"
        f'decontaminate: {{against: [{{from: exam.jsonl, column: "prompt[0].content"}}]{settings}}}\n'
    )
    run = Run(folder / "run", load_recipe(recipe).recipe, folder)
    tasks: Rows = [{"task_id": task, "family": "f", "question": text} for task, text in questions.items()]
    tables = (TASKS, tasks), (TRACES, traces or []), (CONTEXTS, contexts or [])
    for table, rows in tables:
        blank = dict.fromkeys(table.schema.names())
        with run.rewrite(table) as out:
            out.write(table.frame([{**blank, **row} for row in rows]))
    return run


def trace(trace_id: str, task_id: str, response: str = "It is 7.", **more: Any) -> dict[str, Any]:
    return {"trace_id": trace_id, "task_id": task_id, "privilege": "unguided", "response": response} | more


def table(run: Run) -> pl.DataFrame:
    return run.scan(CONTAMINATION).collect()


def test_questions_that_share_an_n_gram_or_are_the_same(tmp_path: Path) -> None:
    questions = {
        "near": "Well then. find the number of ways to place NINE  distinct rooks, please.",
        "short": "what is 3 + 4?",
        "longer": "So, what is 3 + 4?",
        "other": OTHER,
    }
    run = make_run(tmp_path, "", questions)
    outcome = STAGE.make(run)
    rows = table(run).select("where", "id", "task_id", "eval_set", "eval_row", "ngrams", "share", "matched").rows()
    near = ("question", "near", "near", "exam", 1, 2, 9 / 14, "find the number of ways to place NINE  distinct")
    assert rows == [near, ("question", "short", "short", "exam", 2, 1, 1.0, "what is 3 + 4?")]
    assert outcome.rows == 2
    assert outcome.counts["matched"] == {"question": 2}
    assert outcome.counts["eval_sets"] == [
        {"source": "exam", "questions": 3, "without_text": 1, "questions_matched": 2, "matched": {"question": 2}}
    ]
    assert outcome.notes[:2] == [
        "exam: 1 rows have no text to compare",
        "exam: 2 of 3 questions match 2 tasks' questions",
    ]
    hit = pl.read_parquet(run.path / "contamination" / QUESTIONS)
    assert hit.rows() == [("exam", 1, PROBLEM), ("exam", 2, "What is 3 + 4?")]


def test_coverage_asks_for_a_share_of_the_question(tmp_path: Path) -> None:
    questions = {"most": PROBLEM.removeprefix("Find the "), "some": f"{PROBLEM[:50]} queens"}
    found = {}
    for settings in ("", ", rule: coverage", ", rule: coverage, coverage: 0.8"):
        run = make_run(tmp_path / str(len(settings)), settings, questions)
        STAGE.make(run)
        found[settings] = dict(table(run).select("id", "share").iter_rows())
    assert found[""] == {"most": 12 / 14, "some": 9 / 14}
    assert list(found[", rule: coverage"]) == ["most", "some"]
    assert list(found[", rule: coverage, coverage: 0.8"]) == ["most"]


def test_traces_and_contexts_where_asked_for(tmp_path: Path) -> None:
    traces = [
        trace("a", "t", f"I remember this one. {PROBLEM} The answer is known."),
        trace("b", "t", "Nothing.", reasoning=f"This is: {PROBLEM.upper()}"),
        trace("c", "t", PROBLEM, error="refused"),
        trace("d", "t", "Nothing.", context_id="k", privilege="solution"),
        trace("e", "t", "Nothing.", context_id="l", privilege="answer"),
    ]
    contexts = [
        {"context_id": "k", "task_id": "t", "privilege": "solution", "text": f"See {PROBLEM}"},
        {"context_id": "l", "task_id": "t", "privilege": "answer", "text": "7"},
    ]
    run = make_run(tmp_path, ", on: [question, trace, context]", {"t": OTHER}, traces, contexts)
    outcome = STAGE.make(run)
    assert table(run).select("where", "id", "task_id").rows() == [
        ("trace", "a", "t"),
        ("trace", "b", "t"),
        ("context", "k", "t"),
    ]
    assert outcome.counts["matched"] == {"question": 0, "trace": 2, "context": 1}
    assert sorted(contaminated_traces(run).collect()["trace_id"]) == ["a", "b", "d"]


def test_only_what_is_compared_makes_it_stale(tmp_path: Path) -> None:
    for settings, read in (("", ["tasks"]), (", on: [trace]", ["tasks", "traces"])):
        run = make_run(tmp_path, settings, {"t": OTHER})
        (stage,) = (stage for stage in stages(run.recipe) if stage.name == "decontaminate")
        assert list(stage.inputs) == read
    before = STAGE.part(run)
    assert STAGE.part(make_run(tmp_path, ", on: [trace], policy: report", {"t": OTHER})) == before
    with (tmp_path / "exam.jsonl").open("a") as file:
        file.write('\n{"prompt": [{"content": "One more?"}]}')
    assert STAGE.part(run) != before


@pytest.mark.parametrize(("policy", "reason"), [("drop", "contaminated"), ("report", "selected")])
def test_the_mix_leaves_out_what_matches_where_the_policy_says_so(tmp_path: Path, policy: str, reason: str) -> None:
    traces = [trace("a", "same"), trace("b", "same"), trace("c", "other")]
    run = make_run(tmp_path, f", policy: {policy}", {"same": PROBLEM, "other": OTHER}, traces)
    STAGE.make(run)
    correct = [dict.fromkeys(VERDICTS.schema.names()) | {"trace_id": each, "verdict": "correct"} for each in "abc"]
    with run.rewrite(VERDICTS) as out:
        out.write(VERDICTS.frame(correct))
    for empty in (MEASURES, DUPLICATES):
        with run.rewrite(empty):
            pass
    outcome = BALANCE.make(run)
    reasons = dict(run.scan(MIX).select("trace_id", "reason").collect().iter_rows())
    assert reasons == {"a": reason, "b": reason, "c": "selected"}
    assert outcome.counts["mixes"]["mix"]["reasons"].get("contaminated", 0) == (2 if policy == "drop" else 0)
    (stage,) = (stage for stage in stages(run.recipe) if stage.name == "balance")
    assert ("contamination" in stage.inputs) == (policy == "drop")


def test_a_phrase_that_many_tasks_have_is_told_apart(tmp_path: Path) -> None:
    phrase = "Which of these integers is the largest one that"
    questions = {f"t{n:02}": f"{phrase} is below {n} squared?" for n in range(12)} | {"same": PROBLEM}
    run = make_run(tmp_path / "a", "", questions)
    outcome = STAGE.make(run)
    counted = dict(table(run).select("id", pl.struct("tasks", "questions", "common")).iter_rows())
    assert counted["t03"] == {"tasks": 12, "questions": 1, "common": True}
    assert counted["same"] == {"tasks": 1, "questions": 1, "common": False}
    assert outcome.counts["by_common_words"] == 12
    (note,) = (note for note in outcome.notes if "common words" in note)
    assert (
        note.startswith("12 of 13 matches") and "'Which of these integers is the largest one that' (12 tasks)" in note
    )
    again = make_run(tmp_path / "b", f', ignore: "{phrase}"', questions)
    assert STAGE.make(again).counts["matched"] == {"question": 1}


def test_a_phrase_that_makes_everything_match_is_named_before_the_long_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("infogap.decontaminate.compare_texts._MUCH", 10)
    monkeypatch.setattr("infogap.console.output.quiet", False)
    questions = {f"t{n}": f"Which of these is the largest one that is below {n}?" for n in range(12)}
    STAGE.make(make_run(tmp_path / "few", ", ignore: [integers]", {"t": questions["t0"]}))
    assert "takes long" not in capsys.readouterr().err
    STAGE.make(make_run(tmp_path / "many", ", ignore: [integers]", questions))
    said = " ".join(capsys.readouterr().err.split())
    assert "'Which of these integers is the largest one that' occurs in 12 tasks and in 1 evaluation questions" in said


def test_of_many_questions_that_match_the_closest_are_listed(tmp_path: Path) -> None:
    run = make_run(tmp_path, "", {"t": PROBLEM})
    copies = [PROBLEM] + [f"{PROBLEM} Version {n}." for n in range(9)]
    (tmp_path / "exam.jsonl").write_text("\n".join(json.dumps({"prompt": [{"content": text}]}) for text in copies))
    outcome = STAGE.make(run)
    assert table(run)["eval_row"].to_list() == [1, 2, 3]
    assert (outcome.counts["matches"], outcome.counts["not_listed"]) == (10, 7)
    assert outcome.counts["eval_sets"][0]["questions_matched"] == 10


def test_parts_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = {f"t{n}": f"{PROBLEM if n % 3 else OTHER} Case {n}." for n in range(50)}
    whole = make_run(tmp_path / "a", "", questions)
    STAGE.make(whole)
    monkeypatch.setattr("infogap.runs.run_folder.ROWS_PER_PART", 7)
    parts = make_run(tmp_path / "b", "", questions)
    STAGE.make(parts)
    assert len(parts.part_paths(TASKS)) == 8
    assert table(parts).equals(table(whole))
    assert table(parts)["tasks"].unique().to_list() == [33]


def test_a_set_without_text_or_without_the_column_is_an_error(tmp_path: Path) -> None:
    run = make_run(tmp_path, "", {"t": OTHER})
    (tmp_path / "exam.jsonl").write_text('{"prompt": [{"content": ""}]}\n')
    with pytest.raises(InputError, match="none of its 1 rows has text in 'prompt"):
        STAGE.make(run)
    (tmp_path / "exam.jsonl").write_text('{"question": "What?"}\n')
    with pytest.raises(InputError, match="no row has 'prompt"):
        STAGE.make(run)


def test_a_recipe_without_the_section_has_no_such_stage(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: demo\nimport: [{from: x.jsonl, columns: {trace: text}}]\n")
    loaded = load_recipe(recipe)
    assert "decontaminate" not in [stage.name for stage in stages(loaded.recipe)]
    with pytest.raises(InputError, match="names no evaluation sets"):
        run_one(Run(tmp_path / "run", loaded.recipe, tmp_path), "decontaminate")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{against: []}", "at least 1 item"),
        ("{against: [{from: a.jsonl}], coverage: 0.5}", "is for `rule: coverage`"),
        ("{against: [{from: a.jsonl}, {from: b/a.parquet}]}", "a second set is called 'a'"),
        ("{against: [{from: a.jsonl}], on: [trace, trace]}", "named twice"),
        ("{against: [{from: a.jsonl}], policy: delete}", "allowed: drop, report"),
    ],
)
def test_what_a_recipe_may_not_say(tmp_path: Path, section: str, message: str) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"name: demo\nimport: [{{from: x.jsonl, columns: {{trace: text}}}}]\ndecontaminate: {section}\n")
    with pytest.raises(RecipeError, match=message):
        load_recipe(recipe)


def test_a_resolved_recipe_reads_back_and_missing_sets_are_named_with_their_line(tmp_path: Path) -> None:
    run = make_run(tmp_path, ", rule: coverage, ignore: [a b]", {"t": OTHER})
    (tmp_path / "again.yaml").write_text(dump_recipe(run.recipe))
    assert load_recipe(tmp_path / "again.yaml").recipe == run.recipe
    (tmp_path / "exam.jsonl").unlink()
    (tmp_path / "x.jsonl").write_text('{"question": "1 + 1?", "answer": "2", "text": "2"}\n')
    (problem,) = check_sources(load_recipe(tmp_path / "recipe.yaml"))
    assert problem.where.endswith(":3") and "there is no file" in problem.message
    assert problem.path == "decontaminate.against[0].from"
