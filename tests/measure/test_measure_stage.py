from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infogap.errors import InputError
from infogap.measure import STAGE
from infogap.measure.epistemic_markers import band_of
from infogap.recipe import load_recipe
from infogap.recipe.measure_section import Bands
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TASKS, TRACES

_RECIPE = """
name: trial
tasks: [{from: tasks.jsonl}]
teacher: {backend: embedded}
generate: {privileges: [unguided]}
"""


def _run(folder: Path, measure: str = "") -> Run:
    (folder / "recipe.yaml").write_text(_RECIPE + measure)
    run = Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")
    task = dict.fromkeys(TASKS.schema.names()) | {"task_id": "a", "question": "The hint is: add."}
    with run.rewrite(TASKS) as out:
        out.write(TASKS.frame([task]))
    return run


def _trace(trace_id: str, response: str | None, **more: Any) -> dict[str, Any]:
    return dict.fromkeys(TRACES.schema.names()) | {"trace_id": trace_id, "task_id": "a", "response": response} | more


def _measured(run: Run, traces: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    with run.rewrite(TRACES) as out:
        out.write(TRACES.frame(traces))
    STAGE.make(run)
    return {row["trace_id"]: row for row in pl.concat(run.parts(MEASURES)).to_dicts()}


def test_measures(tmp_path: Path) -> None:
    traces = [
        _trace("thinks", "So 3.", reasoning="Wait, maybe not.\nActually I checked.", completion_tokens=100),
        _trace("sure", "The provided solution gives 3 by the hint.", completion_tokens=1000),
        _trace("untold", "Perhaps it is three."),
        _trace("failed", None, error="HTTP 500", finish_reason="error"),
        _trace("silent", "", reasoning="", completion_tokens=5),
    ]
    rows = _measured(_run(tmp_path), traces)
    assert list(rows) == [trace["trace_id"] for trace in traces]

    thinks = rows["thinks"]
    assert (thinks["words"], thinks["epistemic_count"], thinks["epistemic_density"]) == (8, 3, 30.0)
    assert (thinks["density_per"], thinks["band"], thinks["self_corrections"]) == ("tokens", "uncertain", 2)
    assert thinks["markers"] == [
        {"marker": "maybe", "count": 1},
        {"marker": "wait", "count": 1},
        {"marker": "actually", "count": 1},
    ]
    own, kim = thinks["lexicons"]
    assert (own["lexicon"], own["epistemic_count"]) == ("infogap", 3)
    assert (kim["lexicon"], kim["epistemic_count"], kim["epistemic_density"]) == ("kim2026", 4, 40.0)

    sure = rows["sure"]
    assert (sure["epistemic_count"], sure["band"], sure["leak"]) == (0, "confident", True)
    (leak,) = sure["leaks"]
    assert leak == {
        "kind": "reference",
        "rule": "provided",  # as rules.yaml calls it
        "start": 4,
        "end": 21,
        "evidence": "provided solution",
    }

    untold = rows["untold"]
    assert (untold["density_per"], untold["epistemic_density"]) == ("words", 250.0)

    for row in (rows["failed"], rows["silent"]):
        assert (row["words"], row["epistemic_count"], row["self_corrections"], row["leak"]) == (0, 0, 0, False)
        assert row["epistemic_density"] is row["density_per"] is row["band"] is None
        assert row["markers"] == row["leaks"] == []
        assert [entry["epistemic_density"] for entry in row["lexicons"]] == [None, None]


def test_leaks_are_placed_in_reasoning_and_response(tmp_path: Path) -> None:
    reasoning, response = "I read the reference solution.", "It matches the given answer."
    (row,) = _measured(_run(tmp_path), [_trace("t", response, reasoning=reasoning)]).values()
    text = f"{reasoning}\n{response}"
    assert [text[leak["start"] : leak["end"]] for leak in row["leaks"]] == [leak["evidence"] for leak in row["leaks"]]
    assert [leak["evidence"] for leak in row["leaks"]] == ["reference solution", "matches the given answer"]


def test_the_first_lexicon_gives_the_band_and_self_corrections_are_infogaps(tmp_path: Path) -> None:
    run = _run(tmp_path, "measure: {lexicons: [kim2026], bands: {mixed: 5, uncertain: 30}}\n")
    (row,) = _measured(run, [_trace("t", "Hold on. I checked.", completion_tokens=100)]).values()
    assert (row["epistemic_count"], row["band"], row["self_corrections"]) == (1, "mixed", 1)
    assert [entry["lexicon"] for entry in row["lexicons"]] == ["kim2026"]


def test_a_lexicon_of_the_same_name_does_not_count_self_corrections(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: infogap\nsource: me\nmatching: word\nmarkers: {doubt: [perhaps]}\n")
    run = _run(tmp_path, "measure: {lexicons: [mine.yaml]}\n")
    (row,) = _measured(run, [_trace("t", "Hold on, perhaps.", completion_tokens=100)]).values()
    assert (row["epistemic_count"], row["self_corrections"]) == (1, 1)


def test_counts(tmp_path: Path) -> None:
    run = _run(tmp_path)
    traces = [
        _trace("a", "Wait, wait.", completion_tokens=4),
        _trace("b", "According to the solution, 3.", completion_tokens=10),
        _trace("c", None, error="HTTP 500"),
    ]
    with run.rewrite(TRACES) as out:
        out.write(TRACES.frame(traces))
    outcome = STAGE.make(run)
    assert outcome.rows == 3
    assert outcome.counts == {"uncertain": 1, "mixed": 0, "confident": 1, "without_text": 1, "leaks": 1}


def test_the_part_follows_the_lexicons_content_not_its_comments(tmp_path: Path) -> None:
    lexicon = tmp_path / "mine.yaml"
    lexicon.write_text("name: mine\nsource: me\nmatching: word\nmarkers: {doubt: [perhaps]}\n")
    run = _run(tmp_path, "measure: {lexicons: [mine.yaml]}\n")
    first = STAGE.part(run)
    lexicon.write_text("# a comment\n" + lexicon.read_text())
    assert STAGE.part(run) == first
    lexicon.write_text(lexicon.read_text().replace("perhaps", "maybe"))
    assert STAGE.part(run) != first
    lexicon.unlink()
    with pytest.raises(InputError, match="no lexicon file"):
        STAGE.ready(run)


def test_no_traces_and_the_same_bytes(tmp_path: Path) -> None:
    run = _run(tmp_path)
    assert _measured(run, []) == {}
    traces = [_trace(f"t{number}", f"Maybe {number}.", completion_tokens=number) for number in range(50)]
    _measured(run, traces)
    (path,) = run.part_paths(MEASURES)
    first = path.read_bytes()
    _measured(run, traces)
    assert path.read_bytes() == first


def test_the_same_bytes_whatever_the_number_of_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _run(tmp_path)
    traces = [
        _trace(f"t{number}", f"Perhaps, or {'wait ' * (number % 4)}{number}.", reasoning="Hmm, 也许." * (number % 3))
        for number in range(57)
    ]
    _measured(run, traces)
    (path,) = run.part_paths(MEASURES)
    alone = path.read_bytes()
    monkeypatch.setattr("infogap.measure.measure_traces._WORTH_WORKERS", 10)
    monkeypatch.setattr("infogap.measure.measure_traces._AT_ONCE", 5)
    monkeypatch.setattr("infogap.parallel.ordered.usable_cores", lambda: 3)
    _measured(run, traces)
    assert path.read_bytes() == alone


def test_markers_in_words_of_the_question_do_not_count(tmp_path: Path) -> None:
    run = _run(tmp_path)
    task = dict.fromkeys(TASKS.schema.names()) | {
        "task_id": "a",
        "question": "How many coins might Ann hold if perhaps two fell?",
    }
    with run.rewrite(TASKS) as out:
        out.write(TASKS.frame([task]))
    (row,) = _measured(
        run, [_trace("t", "So: how many coins might Ann hold if perhaps two fell? It might be 3.")]
    ).values()
    own, kim = row["lexicons"]
    assert (own["epistemic_count"], kim["epistemic_count"]) == (1, 3)


@pytest.mark.parametrize(
    ("density", "band"),
    [(None, None), (0.0, "confident"), (1.99, "confident"), (2.0, "mixed"), (7.99, "mixed"), (8.0, "uncertain")],
)
def test_bands(density: float | None, band: str | None) -> None:
    assert band_of(density, Bands()) == band
