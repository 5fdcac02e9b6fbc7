"""Pairs as `publish.preference` asks for them: their columns, the card, several mixes, and why there are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset

from infogap.errors import ShortfallError
from infogap.publish import STAGE
from infogap.publish.diff import difference
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TRACES, VERDICTS
from publish.pair_run import run_of

ACROSS = "preference: {chosen: {privilege: unguided}, rejected: {privilege: solution}, length: 0.5}"
CELLS: list[dict[str, Any]] = [
    {"task": task, "privilege": privilege, "verdict": verdict, "band": band, "words": words}
    for task in range(3)
    for privilege, verdict, band, words in (
        ("unguided", "correct", "uncertain", 120),
        ("unguided", "wrong", "mixed", 100),
        ("solution", "wrong", "confident", 100),
        ("solution", "correct", "confident", 90),
    )
]


def load(run: Run, config: str, cache: Path) -> Any:
    return load_dataset(str(run.path / "dataset"), config, split="train", cache_dir=str(cache))


def card(run: Run) -> str:
    return (run.path / "dataset" / "README.md").read_text()


def test_each_side_says_what_can_differ(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", CELLS, ACROSS)
    STAGE.make(run)
    rows = load(run, "preference", tmp_path)
    known = run.scan(TRACES).join(run.scan(VERDICTS), on="trace_id").join(run.scan(MEASURES), on="trace_id").collect()
    by_id = {row["trace_id"]: row for row in known.iter_rows(named=True)}
    assert rows.num_rows == 3
    for row in rows:
        assert (row["chosen_privilege"], row["rejected_privilege"]) == ("unguided", "solution")
        for side in ("chosen", "rejected"):
            trace = by_id[row[f"{side}_trace_id"]]
            assert trace["task_id"] == row["task_id"]
            assert row[side][0]["content"].endswith(trace["response"])
            for name in ("privilege", "verdict", "band", "words", "epistemic_density"):
                assert row[f"{side}_{name}"] == trace[name], name
    assert set(rows.column_names) == {
        *("prompt", "chosen", "rejected", "task_id", "family", "difficulty", "teacher"),
        *(f"{side}_{name}" for side in ("chosen", "rejected") for name in ("trace_id", "privilege", "verdict")),
        *(f"{side}_{name}" for side in ("chosen", "rejected") for name in ("band", "epistemic_density", "words")),
    }
    said = " ".join(card(run).split())
    assert (
        "A pair is a correct trace (under `unguided`) and a wrong one (under `solution`), of the same task and "
        "teacher; of all possible pairs, those whose epistemic densities are closest were taken. Neither text "
        "is more than 50% longer than the other, in words. The two can differ in privilege"
    ) in said
    assert difference(run.path, run.path).same


def test_by_band_the_verdict_is_one_column(tmp_path: Path) -> None:
    across = ACROSS.replace("preference: {", "preference: {by: band, ").replace(
        "unguided}", "unguided, verdict: wrong}"
    )
    run = run_of(tmp_path / "run", CELLS, across)
    STAGE.make(run)
    rows = load(run, "preference", tmp_path)
    assert {"verdict", "teacher", "chosen_privilege"} <= set(rows.column_names)
    assert not {"chosen_verdict", "chosen_teacher", "privilege"} & set(rows.column_names)
    assert [(row["chosen_band"], row["rejected_band"], row["verdict"]) for row in rows] == [
        ("mixed", "confident", "wrong")
    ] * 3
    assert "a more uncertain wrong trace (under `unguided`) and a more confident wrong one" in card(run)


def test_an_empty_section_tells_the_verdicts_and_else_pairs_as_without_it(tmp_path: Path) -> None:
    cells = [cell | {"reason": "selected"} for cell in CELLS]
    plain, said = run_of(tmp_path / "plain", cells), run_of(tmp_path / "said", cells, "preference: {}")
    for run in (plain, said):
        STAGE.make(run)
    one, other = load(plain, "preference", tmp_path / "1"), load(said, "preference", tmp_path / "2")
    assert set(other.column_names) - set(one.column_names) == {"chosen_verdict", "rejected_verdict"}
    assert other.select_columns(one.column_names).to_list() == one.to_list()
    assert difference(plain.path, said.path).configs["preference"] == {"both": 6, "only_first": 0, "only_second": 0}


def test_two_mixes_have_their_own_pairs(tmp_path: Path) -> None:
    cells = [
        cell | {"reason": {"a": "selected" if cell["task"] == 0 else "task_not_drawn", "b": "selected"}}
        for cell in CELLS
    ]
    mixes = "{mixes: {a: {coverage: {tasks: 1}}, b: {coverage: {tasks: 3}}}}"
    run = run_of(tmp_path / "run", cells, ACROSS, mixes)
    STAGE.make(run)
    assert load(run, "a-preference", tmp_path)["task_id"][:] == ["task0"]
    assert sorted(load(run, "b-preference", tmp_path)["task_id"][:]) == ["task0", "task1", "task2"]
    assert "In `a-preference`, `b-preference`, `prompt`" in card(run)
    assert difference(run.path, run.path).same


def test_teachers_are_published_without_their_folders(tmp_path: Path) -> None:
    cells = [
        {"teacher": "/home/somebody/big"},
        {"teacher": "/home/somebody/small", "verdict": "wrong"},
    ]
    across = "preference: {chosen: {teacher: /home/somebody/big}, rejected: {teacher: /home/somebody/small}}"
    run = run_of(tmp_path / "run", cells, across, imported=True)
    STAGE.make(run)
    (row,) = load(run, "preference", tmp_path)
    assert (row["chosen_teacher"], row["rejected_teacher"]) == ("big", "small")
    assert "a correct trace (by `big`) and a wrong one (by `small`)" in card(run)
    for name in ("README.md", "infogap.json"):
        assert "/home/somebody/big" not in (run.path / "dataset" / name).read_text()


def test_a_mix_that_selects_nothing_has_a_card_and_pairs_of_what_it_could_take(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", CELLS)
    STAGE.make(run)
    assert load(run, "preference", tmp_path).num_rows == 6


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (
            "preference: {chosen: {privilege: answer}, rejected: {privilege: solution}}",
            r"no task has a correct trace \(under `answer`\) and a wrong one \(under `solution`\), of the same task "
            r"and teacher: of 3 tasks, 0 have the one and 3 the other; see",
        ),
        (
            ACROSS.replace("length: 0.5", "length: 0.1"),
            r"no two traces can be paired: 3 tasks have .*, and none of similar length \(publish.preference",
        ),
        (
            "preference: {by: band, rejected: {band: mixed}}",
            r"a more uncertain trace and a more confident one \(band `mixed`\), of the same task, privilege, teacher "
            r"and verdict",
        ),
    ],
)
def test_without_pairs_it_is_said_what_is_lacking(tmp_path: Path, asked: str, why: str) -> None:
    with pytest.raises(ShortfallError, match=why):
        STAGE.make(run_of(tmp_path, CELLS, asked))


@pytest.mark.parametrize(
    ("rejected", "changed", "reason", "said"),
    [
        ("solution", "[no_doubt]", "not_derived", "the mix is of derived traces, and teachers wrote none of these"),
        ("[solution, unguided/no_doubt]", "[no_doubt]", "not_derived", "the mix is of derived traces"),
        ("unguided/no_doubt", "drop", "derived", "it takes no derived traces"),
        ("unguided/no_doubt", "keep", "leak", None),
        ("solution", "drop", "leak", None),
    ],
)
def test_a_mix_that_takes_no_trace_for_a_side_lacks_no_pairs_beside_one_that_does(
    tmp_path: Path, rejected: str, changed: str, reason: str, said: str | None
) -> None:
    asked = f"preference: {{chosen: {{privilege: unguided}}, rejected: {{privilege: {rejected}}}}}"
    mixes = f"{{mixes: {{whole: {{derived: keep}}, other: {{derived: {changed}}}}}}}\n"
    mixes += "    derive: [{strip_markers: {as: no_doubt}}]"
    wrong = [cell | {"privilege": "unguided/no_doubt"} for cell in CELLS if cell["verdict"] == "wrong"]
    cells = [cell | {"reason": {"whole": "over_quota", "other": reason}} for cell in (*CELLS, *wrong)]
    outcome = STAGE.make(run_of(tmp_path, cells, asked, mixes))
    assert sorted(outcome.counts) == ["whole-preference"]
    assert (outcome.shortfall is None) == (said is not None)
    assert any(note.startswith(f"no config `other-preference`: {said}") for note in outcome.notes) == (said is not None)
