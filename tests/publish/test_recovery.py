"""The configs `recovery` and `recovery_trace`: which attempts are paired, and what their rows hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.errors import ShortfallError
from infogap.publish import STAGE
from infogap.publish.diff import difference
from infogap.publish.recovery_pairs import attempts_in, gives_answer, recovery_pairs, tasks_without_recovery
from infogap.recipe import load_recipe
from infogap.runs.pipeline import run_all
from infogap.runs.run_folder import Run
from infogap.schema import DERIVATIONS, MEASURES, MIX, TRACES
from publish.recovery_run import VERDICT, Cell, load, recovery_run, response_of
from tasks.small_recipes import write_jsonl

QUESTION = "What is {} + 2?\n\nEnd with the answer in \\boxed{{}}."
WRONG: Cell = {"verdict": "wrong"}
FIXED: Cell = {"privilege": "verifier"}


def paired(run: Run, mix: str = "mix") -> list[tuple[int, int, str]]:
    """The numbers of the wrong and the right traces, and why they are paired."""
    table = recovery_pairs(run, run.scan(MIX).filter(mix=mix).collect())
    return [(int(wrong[5:]), int(right[5:]), pairing) for wrong, right, pairing in table.iter_rows()]


def test_a_right_trace_is_paired_with_the_attempt_that_its_teacher_was_shown(tmp_path: Path) -> None:
    cells = [WRONG, WRONG, WRONG, FIXED | {"shown": [1]}, FIXED | {"shown": [0]}, {}]
    assert paired(recovery_run(tmp_path, cells)) == [
        (1, 3, "shown"),
        (0, 4, "shown"),
        (2, 5, "same_privilege"),
    ]


def test_of_several_attempts_shown_the_latest_is_taken(tmp_path: Path) -> None:
    cells = [WRONG, FIXED | WRONG | {"shown": [0]}, FIXED | {"shown": [0, 1]}]
    assert paired(recovery_run(tmp_path / "both", cells)) == [(1, 2, "shown")]
    cells[1] = cells[1] | {"reason": "duplicate"}
    assert paired(recovery_run(tmp_path / "one", cells)) == [(0, 2, "shown")]


def test_attempts_of_another_privilege_with_the_same_words_are_not_taken_for_the_one_shown(tmp_path: Path) -> None:
    cells = [WRONG | {"privilege": "solution", "response": "It is 9."}, WRONG | {"response": "It is 9."}]
    assert paired(recovery_run(tmp_path, [*cells, FIXED | {"shown": [1]}])) == [(1, 2, "shown")]


def test_without_an_attempt_shown_pairs_share_the_privilege_or_else_the_task(tmp_path: Path) -> None:
    cells: list[Cell] = [
        WRONG | {"privilege": "solution"},
        {"privilege": "answer"},
        {"privilege": "solution"},
        WRONG,
        WRONG | {"task": 1},
        {"task": 2},
        WRONG | {"task": 3, "teacher": "A"},
        {"task": 3, "teacher": "B"},
    ]
    run = recovery_run(tmp_path, cells)
    assert paired(run) == [(3, 1, "same_task"), (0, 2, "same_privilege")]
    found = pl.Series(["task0"])
    assert tasks_without_recovery(run, run.scan(MIX).collect(), found) == {
        "no usable correct trace": 1,
        "no usable wrong attempt": 1,
        "none by the same teacher": 1,
    }


def test_a_task_has_as_many_pairs_as_the_mix_takes_traces_of_it_those_shown_first(tmp_path: Path) -> None:
    cells = [WRONG, WRONG, {}, FIXED | {"shown": [1]}]
    assert len(paired(recovery_run(tmp_path / "all", cells))) == 2
    assert paired(recovery_run(tmp_path / "one", cells, balance="{max_per_task: 1}")) == [(1, 3, "shown")]


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("reason", ["duplicate", "leak", "contaminated", "held_out", "excluded_by_where", "derived"])
def test_what_may_not_be_in_the_mix_is_in_no_pair(tmp_path: Path, half: int, reason: str) -> None:
    cells = [WRONG, FIXED | {"shown": [0]}]
    cells[half] = cells[half] | {"reason": reason}
    assert paired(recovery_run(tmp_path, cells)) == []


def test_a_wrong_attempt_is_one_that_a_teacher_wrote(tmp_path: Path) -> None:
    kept = {"balance": "{derived: keep}\n    derive: [{wrong_answer: {}}]"}
    derived = WRONG | {"privilege": "unguided/wrong_answer"}
    run = recovery_run(tmp_path, [{}, derived, WRONG, {}, FIXED], **kept)
    rows = [{"trace_id": "trace1", "parent_id": "trace0", "derived": "wrong_answer"}]
    with run.rewrite(DERIVATIONS) as out:
        out.write(DERIVATIONS.frame(rows))
    assert paired(run) == [(2, 0, "same_privilege")]


def test_a_mix_of_derived_traces_has_no_such_config_beside_one_that_has(tmp_path: Path) -> None:
    mixes = "{mixes: {whole: {}, changed: {derived: [no_doubt]}}}\n    derive: [{strip_markers: {as: no_doubt}}]"
    reason = {"whole": "over_quota", "changed": "not_derived"}
    run = recovery_run(tmp_path, [WRONG | {"reason": reason}, {"reason": reason}], balance=mixes)
    outcome = STAGE.make(run)
    assert outcome.shortfall is None
    assert (
        "no config `changed-recovery`: the mix is of derived traces, and teachers wrote none of these" in outcome.notes
    )
    assert sorted(outcome.counts) == ["whole-recovery", "whole-recovery_trace"]


def test_a_wrong_attempt_that_leaks_is_no_part_of_a_prompt_even_where_leaks_are_kept(tmp_path: Path) -> None:
    leaking = {"leak": True}
    kept = {"balance": "{leak: keep}"}
    assert paired(recovery_run(tmp_path / "wrong", [WRONG | leaking, {}], **kept)) == []
    run = recovery_run(tmp_path / "right", [WRONG, leaking], **kept)
    assert paired(run) == [(0, 1, "same_privilege")]
    outcome = STAGE.make(run)
    assert any("1 leaking trace" in note for note in outcome.notes), outcome.notes


@pytest.mark.parametrize(
    ("gold", "response", "gives"),
    [
        ("7", "The answer is 7.", True),
        ("7", "The answer is 7. No, wait. The answer is 8.", True),
        ("7", "It is \\boxed{7}, or rather \\boxed{8}.", True),
        ("7", "In all, the length is indeed 7.", True),
        ("7", "3 + 4 = 7, and one more.\nThe answer is 8.", False),
        ("7", "The answer is 17.", False),
        ("1/2", "It is \\boxed{\\frac{1}{2}}.", True),
        ("A", "The answer is A.", True),
        ("A", "A guess is all that it is. The answer is B.", False),
        ("yes", "So I say yes", True),
    ],
)
def test_an_answer_is_given_where_it_is_stated(gold: str, response: str, gives: bool) -> None:
    assert gives_answer(response, gold) is gives


def test_a_wrong_attempt_that_gives_the_gold_answer_is_no_part_of_a_prompt(tmp_path: Path) -> None:
    # The gold answer of task 0 is 2.
    given = WRONG | {"response": "I see that it is 2."}
    other = WRONG | {"response": "As 1 + 1 = 2, I take one more.\nThe answer is 3."}
    fixed = [FIXED | {"shown": [0]}, FIXED | {"shown": [1]}]
    run = recovery_run(tmp_path, [given, other, *fixed])
    assert paired(run) == [(1, 3, "shown")]


def test_the_conversation_has_the_question_the_attempt_the_verdict_and_the_corrected_attempt(tmp_path: Path) -> None:
    cells = [
        WRONG | {"task": 1, "reasoning": "Perhaps 2.", "response": "<answer>It is 2.</answer>", "words": 7},
        FIXED | {"task": 1, "shown": [0], "reasoning": "No, 3.", "response": "It is \\boxed{3}."},
    ]
    run = recovery_run(tmp_path / "run", cells)
    STAGE.make(run)
    (row,) = load(run, "recovery", tmp_path)
    assert row["prompt"] == [
        {"role": "user", "content": QUESTION.format(1)},
        {"role": "assistant", "content": "It is 2."},
        {"role": "user", "content": VERDICT},
    ]
    assert row["completion"] == [
        {"role": "assistant", "content": "<think>\nNo, 3.\n</think>\n\nIt is \\boxed{3}."},
    ]
    ids = ("wrong_id", "right_id", "wrong_privilege", "right_privilege", "pairing", "task_id", "teacher")
    assert [row[name] for name in ids] == ["trace0", "trace1", "unguided", "verifier", "shown", "task1", "T"]
    measured = {row["trace_id"]: row for row in run.scan(MEASURES).collect().iter_rows(named=True)}
    for half in ("wrong", "right"):
        for name in ("band", "epistemic_density", "words"):
            assert row[f"{half}_{name}"] == measured[row[f"{half}_id"]][name]
    card = " ".join((run.path / "dataset" / "README.md").read_text().split())
    assert f"the verdict on it (`{VERDICT}`)" in card
    assert "In 1 of 1 rows the teacher of the corrected attempt had been shown the wrong one" in card
    assert "of the corrected attempt: what its teacher was shown besides the question" in card
    assert difference(run.path, run.path).same


def test_the_trace_has_both_thoughts_with_doubt_between_them(tmp_path: Path) -> None:
    cells = [WRONG | {"reasoning": " Perhaps 2.\n"}, {"reasoning": "No, 3.", "response": "It is \\boxed{3}."}]
    run = recovery_run(tmp_path / "run", cells)
    STAGE.make(run)
    (row,) = load(run, "recovery_trace", tmp_path)
    assert row["prompt"] == [{"role": "user", "content": QUESTION.format(0)}]
    (message,) = row["completion"]
    thought = "Perhaps 2.\n\nWait, that is not right.\n\nNo, 3."
    assert message == {"role": "assistant", "content": f"<think>\n{thought}\n</think>\n\nIt is \\boxed{{3}}."}
    assert message["content"][row["doubt_start"] :].startswith("Wait, that is not right.\n\nNo")


@pytest.mark.parametrize(
    ("wrong", "right", "thought", "response"),
    [
        ("", "No, 3.", "It is 2.\n\nWait, that is not right.\n\nNo, 3.", "It is 3."),
        ("Perhaps 2.", "", "Perhaps 2.\n\nWait, that is not right.", "It is 3."),
        ("", "", None, "It is 2.\n\nWait, that is not right.\n\nIt is 3."),
    ],
)
@pytest.mark.parametrize("thinking", ["inline", "field"])
def test_a_trace_without_a_thought_gives_its_response(
    tmp_path: Path, wrong: str, right: str, thought: str | None, response: str, thinking: str
) -> None:
    texts = [{"reasoning": wrong, "response": "It is 2."}, {"reasoning": right, "response": "It is 3."}]
    cells = [cell | {"task": 1} | text for cell, text in zip([WRONG, {}], texts, strict=True)]
    run = recovery_run(tmp_path / "run", cells, publish=f"thinking: {thinking}")
    STAGE.make(run)
    (row,) = load(run, "recovery_trace", tmp_path)
    (message,) = row["completion"]
    if thinking == "field":
        assert (message["reasoning_content"], message["content"]) == (thought, response)
        text = response if thought is None else thought
    else:
        text = message["content"]
        assert text == (response if thought is None else f"<think>\n{thought}\n</think>\n\n{response}")
    assert text[row["doubt_start"] :].startswith("Wait, that is not right.")


def test_the_words_are_the_recipes(tmp_path: Path) -> None:
    words = "recovery: {verdict: 'No {% endraw %}.', doubt: 'Hmm.'}"
    run = recovery_run(tmp_path / "run", [WRONG | {"reasoning": "A"}, {"reasoning": "B"}], publish=words)
    STAGE.make(run)
    assert load(run, "recovery", tmp_path)[0]["prompt"][2]["content"] == "No {% endraw %}."
    assert "A\n\nHmm.\n\nB" in load(run, "recovery_trace", tmp_path)[0]["completion"][0]["content"]
    assert "`No {% endraw %}.`" in (run.path / "dataset" / "README.md").read_text()


def test_two_mixes_have_their_own_rows(tmp_path: Path) -> None:
    drawn = [{"a": "selected", "b": "selected"}, {"a": "task_not_drawn", "b": "selected"}]
    cells = [cell | {"task": task, "reason": drawn[task]} for task in (0, 1) for cell in (WRONG, {})]
    run = recovery_run(
        tmp_path / "run", cells, balance="{mixes: {a: {coverage: {tasks: 1}}, b: {coverage: {tasks: 2}}}}"
    )
    STAGE.make(run)
    assert [row["right_id"] for row in load(run, "a-recovery", tmp_path)] == ["trace1"]
    assert [row["right_id"] for row in load(run, "b-recovery_trace", tmp_path)] == ["trace1", "trace3"]
    assert difference(run.path, run.path).same


def test_without_pairs_the_reason_is_stated(tmp_path: Path) -> None:
    cells = [WRONG, {"task": 1}, WRONG | {"task": 2}, WRONG | {"task": 3, "response": "It is 5."}, {"task": 3}]
    why = (
        r"as `recovery`: no task has a usable wrong attempt and a usable correct trace by one teacher \(tasks: 2 no "
        r"usable correct trace, 2 no usable wrong attempt\)"
    )
    with pytest.raises(ShortfallError, match=why):
        STAGE.make(recovery_run(tmp_path, cells))


def test_a_row_is_never_cut_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [cell | {"task": task} for task in range(5) for cell in (WRONG, {})]
    run = recovery_run(tmp_path / "run", cells)
    STAGE.make(run)
    whole = [load(run, name, tmp_path / "whole") for name in ("recovery", "recovery_trace")]
    monkeypatch.setattr("infogap.publish.sorted_rows.SLICE_BYTES", 20)
    STAGE.make(run)
    assert [load(run, name, tmp_path / "cut") for name in ("recovery", "recovery_trace")] == whole


@pytest.mark.parametrize(
    ("context", "attempts", "expected"),
    [
        ("An attempt:\nIt is 5.", [("a", "It is 5.")], ("a",)),
        ("An attempt:\nIt is 5.", [("a", "It is 5."), ("b", "5.")], ("a",)),
        ("One:\nIt is 4.\n\nAnother:\n5.", [("a", "It is 4."), ("b", "5.")], ("b", "a")),
        ("Wrong solution: It is 4.", [("a", "It is 4."), ("b", "It is 4")], ("a",)),
        ("An attempt:\nIt is 15.", [("a", "5."), ("b", "is 1")], ()),
        ("An attempt:\nIt is 5.", [("b", "It is 5."), ("a", "It is 5.")], ("a", "b")),
        ("", [("a", "x")], ()),
    ],
)
def test_an_attempt_is_found_in_its_context(context: str, attempts: Any, expected: Any) -> None:
    assert attempts_in(context, attempts) == expected


CELLS = st.lists(
    st.fixed_dictionaries(
        {
            "task": st.integers(0, 3),
            "verdict": st.sampled_from(["correct", "wrong", "no_answer"]),
            "privilege": st.sampled_from(["unguided", "answer", "verifier"]),
            "teacher": st.sampled_from(["A", "B"]),
            "reason": st.sampled_from(["selected", "over_quota", "wrong", "leak", "duplicate"]),
            "reasoning": st.sampled_from(["", "Perhaps.", "Wait."]),
            "claims": st.sampled_from([None, 2, 3, 4, 5, 9]),
            "first": st.integers(0, 20),
        }
    ),
    min_size=1,
    max_size=12,
)


def with_attempts(drawn: list[Cell]) -> list[Cell]:
    """The cells, those under `verifier` with an attempt of their own task and teacher in their context, if any."""
    made = []
    cells = [
        cell
        if cell["claims"] is None
        else cell | {"response": f"I, number {place}, think.\nThe answer is {cell['claims']}."}
        for place, cell in enumerate(drawn)
    ]
    for cell in cells:
        own = [
            number
            for number, other in enumerate(cells)
            if other["verdict"] == "wrong"
            and other["privilege"] != "answer"
            and all(other[name] == cell[name] for name in ("task", "teacher"))
        ]
        shown = {"shown": [own[cell["first"] % len(own)]]} if own and cell["privilege"] == "verifier" else {}
        made.append(cell | shown)
    return made


@settings(max_examples=40, deadline=None)
@given(CELLS, st.sampled_from(["{}", "{max_per_task: 1}"]))
def test_every_pair_is_of_one_task_and_teacher_and_wrong_then_right(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Cell], balance: str
) -> None:
    cells = with_attempts(drawn)
    run = recovery_run(tmp_path_factory.mktemp("pairs"), cells, balance=balance)
    found = paired(run)
    used = [number for wrong, right, _ in found for number in (wrong, right)]
    assert len({*used}) == len(used)
    usable = {
        number
        for number, cell in enumerate(cells)
        if cell["reason"] not in ("leak", "duplicate")
        and not (cell["verdict"] == "wrong" and cell["claims"] == cell["task"] + 2)
    }
    assert {*used} <= usable
    for wrong, right, pairing in found:
        one, other = cells[wrong], cells[right]
        assert (one["verdict"], other["verdict"]) == ("wrong", "correct")
        assert all(one[name] == other[name] for name in ("task", "teacher"))
        assert pairing != "shown" or wrong in other["shown"]
        assert pairing != "same_privilege" or one["privilege"] == other["privilege"]
    for task in range(4):
        free = [number for number in usable - {*used} if cells[number]["task"] == task]
        rest = {(cells[number]["teacher"], cells[number]["verdict"]) for number in free}
        could = any({(teacher, "correct"), (teacher, "wrong")} <= rest for teacher in "AB")
        assert not could or (balance != "{}" and sum(cells[right]["task"] == task for _, right, _ in found) == 1)
    of_found = pl.Series(sorted({f"task{cells[right]['task']}" for _, right, _ in found}), dtype=pl.String)
    without = tasks_without_recovery(run, run.scan(MIX).collect(), of_found)
    assert len(of_found) + sum(without.values()) == len({cell["task"] for cell in cells})


@settings(max_examples=15, deadline=None)
@given(CELLS, st.randoms(use_true_random=False))
def test_the_order_of_rows_makes_no_difference(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Cell], random: Any
) -> None:
    run = recovery_run(tmp_path_factory.mktemp("pairs"), with_attempts(drawn))
    before = paired(run)
    for table in (TRACES, MIX):
        rows = run.scan(table).collect()
        places = list(range(rows.height))
        random.shuffle(places)
        with run.rewrite(table) as out:
            out.write(rows[places])
    assert paired(run) == before


@settings(max_examples=10, deadline=None)
@given(CELLS)
def test_no_prompt_shows_the_gold_answer_and_no_task_is_in_two_splits(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Cell]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    # A pair for each of four tasks, so that both splits have tasks; gold answers are 2, 3, 4 and 5.
    pairs = [cell | {"task": task, "teacher": "A"} for task in range(4) for cell in (WRONG, {"privilege": "answer"})]
    cells = [*pairs, *with_attempts(drawn)]
    cells = [{name: value for name, value in cell.items() if name not in ("shown", "claims")} for cell in cells]
    run = recovery_run(folder / "run", cells, publish="splits: {train: 0.5, test: 0.5}")
    STAGE.make(run)
    for config in ("recovery", "recovery_trace"):
        splits = {split: load(run, config, folder, split) for split in ("train", "test")}
        tasks = [{row["task_id"] for row in rows} for rows in splits.values()]
        ids = [{row[name] for row in rows for name in ("wrong_id", "right_id")} for rows in splits.values()]
        assert tasks[0] and tasks[1] and not tasks[0] & tasks[1] and not ids[0] & ids[1]
        for row in (row for rows in splits.values() for row in rows):
            number = int(row["task_id"].removeprefix("task"))
            said = [turn["content"] for turn in row["prompt"] if turn["role"] == "user"]
            assert said == [QUESTION.format(number), VERDICT][: len(said)]
            wrong = int(row["wrong_id"].removeprefix("trace"))
            attempts = [turn["content"] for turn in row["prompt"] if turn["role"] == "assistant"]
            assert not any(f"The answer is {number + 2}." in attempt for attempt in attempts)
            assert attempts == ([response_of(wrong, cells[wrong])] if config == "recovery" else [])


def test_without_gold_answers_a_wrong_attempt_does_not_give_that_of_a_correct_one(tmp_path: Path) -> None:
    said = ["So it is \\boxed{2}.", "It must be \\boxed{2}.", "The answer is 2.\n\nNo, it is \\boxed{5}."]
    said.append("I take it to be \\boxed{7}.")
    write_jsonl(tmp_path / "rows.jsonl", [{"q": "1 + 1?", "t": text, "p": "unguided"} for text in said])
    columns = "{question: q, answer: null, trace: t, privilege: p}"
    (tmp_path / "recipe.yaml").write_text(
        f"name: sums\nimport: [{{from: rows.jsonl, columns: {columns}, verifier: consensus}}]\n"
        "dedupe: null\npublish: {version: 0.1.0, configs: [recovery]}\n"
    )
    run = Run.create(load_recipe(tmp_path / "recipe.yaml"), tmp_path / "run")
    run.save_recipe()
    run_all(run)
    rows = pl.read_parquet(run.path / "dataset" / "data" / "recovery" / "*.parquet")
    assert [prompt[1]["content"] for prompt in rows["prompt"]] == [said[3]]
