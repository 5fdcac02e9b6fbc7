"""What the pages get: lists, searches, a task, a trace with its marks, a duplicate."""

from pathlib import Path

import polars as pl
import pytest

from infogap.errors import ExternalError, InputError
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, DUPLICATES, TASKS, TRACES
from infogap.text.text_batch import measured_text
from infogap.view.run_browser import PAGE, RunBrowser
from infogap.view.text_search import escaped
from publish.small_run import SECRET as SMALL_SECRET
from publish.small_run import build_run
from view.viewed_run import HOSTILE, SECRET


@pytest.fixture(scope="module")
def browser(viewed: Run) -> RunBrowser:
    return RunBrowser.open(viewed)


def _trace(browser: RunBrowser, **values: str) -> str:
    rows = browser.listed(values.items(), 1)["rows"]
    return str(rows[0]["trace_id"])


def test_pages_of_the_list_have_each_trace_once(own_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infogap.view.run_browser.PAGE", 7)
    browser = RunBrowser.open(own_run)
    pages = [browser.listed([("sort", "-tokens")], page) for page in range(1, 7)]
    ids = [row["trace_id"] for page in pages for row in page["rows"]]
    assert len(ids) == len(set(ids)) == pages[0]["total"] == browser.index.height
    assert pages[-1]["rows"] == []
    assert PAGE == 50


@pytest.mark.parametrize(
    "text", ["hmm, wait", "DOUBLE THE APPLES", "\\boxed{5}", "how many fruits", "img src=x onerror=", "\u202eesrever"]
)
def test_search_finds_what_reading_every_text_finds(browser: RunBrowser, viewed: Run, text: str) -> None:
    questions = dict(viewed.scan(TASKS).select("task_id", "question").collect().iter_rows())
    expected = [
        trace["trace_id"]
        for trace in viewed.scan(TRACES).collect().iter_rows(named=True)
        if text.lower() in measured_text(trace["reasoning"], trace["response"]).lower()
        or text.lower() in questions[trace["task_id"]].lower()
    ]
    answer = browser.listed([("search", text)], 1)
    assert sorted(row["trace_id"] for row in answer["rows"]) == sorted(expected)
    assert expected


def test_of_very_many_values_the_most_frequent_are_listed(viewed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infogap.view.run_browser._MOST_VALUES", 2)
    browser = RunBrowser.open(viewed)
    family = next(facet for facet in browser.description()["facets"] if facet["name"] == "family")
    assert family == {"name": "family", "values": ["fruits", "marbles"], "unlisted": 5}
    assert browser.listed([], 1)["counts"]["family"] == [18, 6]
    rare = browser.index.facets["family"].values[0]
    assert browser.listed([("family", rare)], 1)["total"] == 1


def test_a_trace_and_a_task_are_found_by_id(browser: RunBrowser) -> None:
    row = browser.listed([], 1)["rows"][5]
    assert browser.listed([("search", row["trace_id"])], 1)["total"] == 1
    assert browser.listed([("search", row["task_id"])], 1)["total"] == len(browser.task(row["task_id"])["traces"])


@pytest.mark.parametrize("text", ["a.b", r"\d+", "(x", "[a]", "2^{3}", "50 % #1 & -~"])
def test_a_search_is_for_the_text_as_it_is(text: str) -> None:
    column = pl.Series([f"..{text}..", "aXb 12 x a 50"])
    assert column.str.contains(f"(?i){escaped(text)}").to_list() == [True, False]


def test_neighbours_follow_the_list(browser: RunBrowser) -> None:
    parameters = [("privilege", "solution"), ("sort", "-tokens")]
    rows = browser.listed(parameters, 1)["rows"]
    ids = [row["trace_id"] for row in rows]
    for place, trace_id in enumerate(ids):
        around = browser.neighbours(parameters, trace_id)
        assert around["place"] == place + 1
        assert (around["before"] or {}).get("trace_id") == (ids[place - 1] if place else None)
        assert (around["after"] or {}).get("trace_id") == (ids[place + 1] if place + 1 < len(ids) else None)
    outside = browser.listed([("privilege", "unguided")], 1)["rows"][0]["trace_id"]
    assert browser.neighbours(parameters, outside) == {"before": None, "after": None, "place": None, "total": len(ids)}


def test_a_trace_has_the_text_context_and_marks_of_the_run(browser: RunBrowser, viewed: Run) -> None:
    trace_id = _trace(browser, search=SECRET[:40], leak="copying")
    trace = browser.trace(trace_id)
    stored = viewed.scan(TRACES).filter(pl.col("trace_id") == trace_id).collect().row(0, named=True)
    assert trace["text"] == measured_text(stored["reasoning"], stored["response"])
    assert SECRET in trace["context"]
    assert trace["prompt"] is None  # an import does not say what was sent
    marked = {layer: trace["text"][start:end] for start, end, layer, _, _ in trace["marks"]}
    assert SECRET.startswith(marked["copied"][:60])
    assert marked["leak"] in SECRET or SECRET in marked["leak"]
    assert trace["text"][trace["text"].index("\\boxed{") + 7 :].startswith(marked["answer"])


def test_a_generated_trace_has_the_prompt_as_it_was_sent(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    browser = RunBrowser.open(run)
    guided, unguided = (
        browser.trace(_trace(browser, privilege=name, task="task1")) for name in ("solution", "unguided")
    )
    asked = "What is 1 + 2?\n\nEnd with the answer in \\boxed{}."
    assert unguided["prompt"] == asked
    assert (unguided["context"], unguided["context_source"]) == (
        None,
        "the teacher saw the student's prompt and nothing else",
    )
    assert SMALL_SECRET in guided["prompt"]
    assert guided["prompt"].startswith("What is 1 + 2?")
    assert guided["context"] == SMALL_SECRET
    for part in run.part_paths(CONTEXTS):
        part.unlink()
    without = browser.trace(guided["trace_id"])
    assert (without["context"], without["prompt"]) == (None, None)
    assert without["context_source"] == "the teacher saw a context that this run does not hold"


def test_a_failed_request_says_why(tmp_path: Path) -> None:
    browser = RunBrowser.open(build_run(tmp_path))
    trace = browser.trace(_trace(browser, finish_reason="error"))
    assert (trace["text"], trace["marks"], trace["error"]) == ("", [], "gpu-node-17.internal refused")


def test_markers_are_as_many_as_the_table_counts(browser: RunBrowser) -> None:
    row = browser.listed([("sort", "-markers")], 1)["rows"][0]
    trace = browser.trace(row["trace_id"])
    first = [mark for mark in trace["marks"] if mark[2] == "marker" and not mark[3].startswith("kim2026")]
    assert len(first) == row["markers"] > 3
    assert {trace["text"][start:end].lower() for start, end, *_ in first} >= {"perhaps", "hmm"}


def test_a_hostile_text_comes_whole(browser: RunBrowser) -> None:
    rows = browser.listed([("teacher", "<i>Teacher</i>")], 1)["rows"]
    texts = [browser.trace(row["trace_id"])["text"] for row in rows]
    for hostile in HOSTILE:
        assert any(hostile.strip() in text for text in texts), hostile[:50]
    assert all(len(row["question"]) <= 240 for row in rows)


def test_differences_of_a_duplicate_give_both_texts_back(browser: RunBrowser, viewed: Run) -> None:
    removed, kept = viewed.scan(DUPLICATES).sort("trace_id").select("trace_id", "duplicate_of").collect().row(0)
    answer = browser.difference(removed)
    assert answer["duplicate_of"] == kept
    for side, trace_id in (("kept", kept), ("removed", removed)):
        assert "".join(text for text, _ in answer[side]) == browser.trace(trace_id)["text"]
    assert sorted(text.split()[-1] for side in ("kept", "removed") for text, differs in answer[side] if differs) == [
        "now.",
        "then.",
    ]
    assert browser.trace(kept)["kept_for"] == [removed]
    with pytest.raises(InputError, match="was not removed"):
        browser.difference(kept)


def test_a_match_with_an_evaluation_set_is_shown_with_its_question(browser: RunBrowser) -> None:
    task_id = browser.listed([("family", "marbles")], 1)["rows"][0]["task_id"]
    task = browser.task(task_id)["task"]
    (match,) = task["contamination"]
    assert match["question"] == task["question"]
    ((start, end, layer, _, label),) = task["marks"]
    assert (task["question"][start:end], layer, label) == (match["matched"], "contaminated", "evaluation")


def test_a_run_that_was_rewritten_is_not_read_by_an_old_index(own_run: Run) -> None:
    browser = RunBrowser.open(own_run)
    traces = own_run.scan(TRACES).sort("trace_id", descending=True).collect()
    first = str(browser.index.trace_ids[0])
    with own_run.rewrite(TRACES) as out:
        out.write(traces.filter(pl.col("trace_id") != first))
    with pytest.raises(ExternalError, match="has changed since it was read"):
        browser.trace(first)


@pytest.mark.parametrize("ask", ["trace", "task", "difference"])
def test_what_is_not_there_is_refused(browser: RunBrowser, ask: str) -> None:
    with pytest.raises(InputError, match="there is no"):
        getattr(browser, ask)("no-such-id")
