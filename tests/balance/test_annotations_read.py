"""Tags and notes in `where` and as an axis: what they choose, and when they make a mix stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from balance.mix_runs import chosen, make_mix, make_run, trace
from infogap.api.run import Run as RunWithRecipe
from infogap.balance.annotations_read import reads_annotations
from infogap.balance.stage import part
from infogap.errors import InputError
from infogap.runs.pulled_run import PulledFrom
from infogap.runs.run_folder import Run
from infogap.view.annotation_table import annotate

_TRACES = [trace(f"t{number}") for number in range(4)]


def _ids(run: Run) -> list[str]:
    return list(chosen(run)["trace_id"])


def test_a_tag_leaves_a_trace_out_and_traces_without_one_stay(tmp_path: Path) -> None:
    run = make_run(tmp_path, "{size: max, where: \"tag != 'bad'\"}", _TRACES)
    annotate(run, "t1-1", "bad", "")
    annotate(run, "t2-2", "good", "")
    assert make_mix(run).notes == []
    assert _ids(run) == ["t0-0", "t2-2", "t3-3"]


def test_a_note_can_be_asked_for(tmp_path: Path) -> None:
    run = make_run(tmp_path, "{size: max, where: \"note LIKE '%check%' OR tag = ''\"}", _TRACES)
    annotate(run, "t1-1", "odd", "check this one")
    annotate(run, "t2-2", "odd", "")
    make_mix(run)
    assert _ids(run) == ["t0-0", "t1-1", "t3-3"]


def test_a_tag_is_an_axis(tmp_path: Path) -> None:
    run = make_run(tmp_path, "{size: 2, tag: {good: 0.5, fair: 0.5}}", _TRACES)
    annotate(run, "t1-1", "good", "")
    annotate(run, "t2-2", "fair", "")
    make_mix(run)
    assert _ids(run) == ["t1-1", "t2-2"]


@pytest.mark.parametrize(
    ("balance", "reads"),
    [
        ("{where: \"tag != 'bad'\"}", True),
        ("{where: \"verdict = 'tag' AND words > 1\"}", False),
        ("{mixes: {one: {where: \"note = ''\"}, two: {size: 2}}}", True),
        ("{tag: {good: 1}}", True),
        ("{size: 2}", False),
    ],
)
def test_only_a_mix_that_reads_annotations_depends_on_them(tmp_path: Path, balance: str, reads: bool) -> None:
    run = make_run(tmp_path, balance, _TRACES)
    assert reads_annotations(run.recipe) is reads
    before = part(run)
    annotate(run, "t1-1", "bad", "")
    assert (part(run) != before) is reads
    annotate(run, "t1-1", "", "")
    assert part(run) == before


def test_a_changed_annotation_makes_the_mix_stale_and_a_rerun_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(
        "".join(f'{{"q": "What is {n} + 1?", "a": "{n + 1}", "t": "It is \\\\boxed{{{n + 1}}}."}}\n' for n in range(3))
    )
    recipe = {
        "name": "tagged",
        "import": [{"from": str(tmp_path / "rows.jsonl"), "columns": {"question": "q", "answer": "a", "trace": "t"}}],
        "balance": {"size": "max", "where": "tag != 'bad'"},
    }
    run = RunWithRecipe.create(recipe, tmp_path / "run")
    notes = {update.stage: update.notes for update in run.update(quiet=True)}
    assert any("no trace has one yet" in note for note in notes["balance"])
    first = sorted(run.table("traces").collect()["trace_id"])[0]
    annotate(run.folder, first, "bad", "wrong unit")
    states = {state.stage: state for state in run.status()}
    assert states["balance"].state == "stale"
    assert states["balance"].why[0].startswith("annotations has changed")
    assert states["dedupe"].state == "done"
    run.update(quiet=True)
    assert run.table("mix").collect().filter(trace_id=first)["reason"].to_list() == ["excluded_by_where"]

    again = RunWithRecipe.create(recipe | {"seed": 5}, tmp_path / "run")  # every table is rewritten
    again.update(quiet=True)
    assert again.table("annotations").collect().rows() == [(first, "bad", "wrong unit")]
    assert all(state.state == "done" for state in again.status())


def test_annotations_of_traces_that_are_gone_are_counted(tmp_path: Path) -> None:
    run = make_run(tmp_path, "{size: max, where: \"tag != 'bad'\"}", _TRACES)
    annotate(run, "of-an-earlier-recipe", "bad", "")
    assert make_mix(run).notes == ["1 of 1 annotations are of traces that the run does not have now; they are kept"]


def test_a_pulled_run_without_its_annotations_is_refused(tmp_path: Path) -> None:
    from infogap.balance.mix_pool import check_columns

    run = make_run(tmp_path, "{where: \"tag != 'bad'\"}", _TRACES)
    PulledFrom("org/data", "1.0.0", {}).write(run)
    with pytest.raises(InputError, match=r"annotations of org/data at 1\.0\.0 are not published"):
        check_columns(run)
    annotate(run, "t1-1", "bad", "")
    check_columns(run)
