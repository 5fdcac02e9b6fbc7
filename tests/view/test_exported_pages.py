"""The exported folder: what is in its files, what is not, and which traces of a large run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.in_process import infogap
from infogap.errors import InputError
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, MEASURES, TASKS, TRACES
from infogap.view.annotation_table import annotate
from infogap.view.exported_pages import export_pages
from infogap.view.run_browser import RunBrowser
from infogap.view.trace_sample import sampled
from publish.small_run import SECRET as SMALL_SECRET
from publish.small_run import build_run
from view.viewed_run import EVALUATION, SECRET


def _data(folder: Path) -> dict[str, Any]:
    """The data of all files, as their scripts hand them to the page."""
    data = {}
    for file in sorted((folder / "data").glob("*.js")):
        name, literal = file.read_text("utf-8").removeprefix("infogap.receive(").removesuffix(");\n").split(", ", 1)
        data[json.loads(name)] = json.loads(json.loads(literal))
    return data


def _everything(folder: Path) -> str:
    return json.dumps(_data(folder), ensure_ascii=False) + "".join(
        file.read_text("utf-8") for file in folder.rglob("*") if file.is_file()
    )


def test_what_only_teachers_saw_is_left_out(viewed: Run, tmp_path: Path) -> None:
    exported = export_pages(viewed, tmp_path / "pages", with_contexts=False)
    text = _everything(tmp_path / "pages")
    contexts = viewed.scan(CONTEXTS).collect()["text"].to_list()
    assert SECRET not in text
    assert [context for context in contexts if len(context) > 30 and context[:60] in text] == []
    leaking = viewed.scan(MEASURES).filter("leak").collect().height
    assert exported.withheld == leaking > 0
    assert text.count("traces-") > 0
    assert '"prompt": null' in text
    tasks = [task for part in _data(tmp_path / "pages").values() for task in part.get("tasks", {}).values()]
    questions = [match["question"] for task in tasks for match in task["contamination"]]
    assert questions == [None]
    assert EVALUATION in text  # as the question of a task, which is published


def test_contexts_are_in_it_where_asked(viewed: Run, tmp_path: Path) -> None:
    exported = export_pages(viewed, tmp_path / "pages", with_contexts=True)
    text = _everything(tmp_path / "pages")
    assert exported.withheld == 0
    assert SECRET in text
    assert "These files hold what only the teachers saw" in text


def test_no_path_host_or_error_is_in_it(tmp_path: Path) -> None:
    run = build_run(tmp_path / "small")
    export_pages(run, tmp_path / "pages", with_contexts=False)
    text = _everything(tmp_path / "pages")
    private_words = ("gpu-node-17", "/home/somebody", "secret-folder", "/models/", "MY_PRIVATE_KEY", SMALL_SECRET)
    for private in (*private_words, str(tmp_path)):
        assert private not in text, private
    assert "Teacher-8B" in text
    assert "the request failed" in text


def test_the_same_run_gives_the_same_bytes(viewed: Run, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_pages(viewed, tmp_path / name, with_contexts=False)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_every_trace_has_the_details_that_the_server_gives(viewed: Run, tmp_path: Path) -> None:
    export_pages(viewed, tmp_path / "pages", with_contexts=True)
    data = _data(tmp_path / "pages")
    browser = RunBrowser.open(viewed)
    assert [row["trace_id"] for row in data["run"]["rows"]] == list(browser.index.trace_ids)
    chunks = data["run"]["chunks"]
    for row in data["run"]["rows"]:
        held = data[f"traces-{chunks[row['task_id']]}"]
        ours = json.loads(json.dumps(browser.trace(row["trace_id"])))
        theirs = held["traces"][row["trace_id"]]
        theirs.pop("difference", None)
        assert theirs == ours | {"verdict": ours["verdict"] | {"detail": None}}
        assert held["tasks"][row["task_id"]] == json.loads(json.dumps(browser.task(row["task_id"])["task"]))


def test_an_export_replaces_its_own_files_and_no_other(viewed: Run, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    export_pages(viewed, folder, with_contexts=True)
    (folder / "README.md").write_text("of the Space")
    (folder / "data" / "traces-99.js").write_text("old")
    (folder / "data" / "mine.js").write_text("mine")
    export_pages(viewed, folder, with_contexts=False)
    assert (folder / "README.md").read_text() == "of the Space"
    assert (folder / "data" / "mine.js").read_text() == "mine"
    assert not (folder / "data" / "traces-99.js").exists()
    assert SECRET not in "".join(file.read_text("utf-8") for file in folder.rglob("*.js"))


def test_pages_of_something_else_are_not_overwritten(viewed: Run, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>mine</h1>")
    with pytest.raises(InputError, match="infogap did not write"):
        export_pages(viewed, tmp_path, with_contexts=False)
    with pytest.raises(InputError, match="is a file"):
        export_pages(viewed, tmp_path / "index.html", with_contexts=False)
    with pytest.raises(InputError, match="is inside the run"):
        export_pages(viewed, viewed.path / "mix", with_contexts=False)


def test_the_command_says_what_is_not_in_the_files(own_run: Run, tmp_path: Path) -> None:
    annotate(own_run, str(RunBrowser.open(own_run).index.trace_ids[0]), "tag", "note")
    ended = infogap("view", own_run.path, "--static", tmp_path / "pages", columns=300)
    assert ended.returncode == 0
    assert "leaking traces" in ended.stderr
    assert "Tags and notes of 1 traces" in ended.stderr
    told = infogap("view", own_run.path, "--static", tmp_path / "pages", "--json")
    assert json.loads(told.stdout)["withheld"] > 0
    assert infogap("view", own_run.path, "--with-contexts").returncode == 2


def test_a_sample_says_so(viewed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infogap.view.exported_pages.sampled", lambda index: sampled(index, 12))
    exported = export_pages(viewed, tmp_path / "pages", with_contexts=False)
    total = viewed.scan(TRACES).collect().height
    assert (exported.traces, exported.of) == (12, total)
    described = _data(tmp_path / "pages")["run"]["description"]
    assert described["notes"][0].startswith(f"A sample: 12 of {total} traces")
    assert described["traces"] == 12
    assert described["tasks"] <= viewed.scan(TASKS).collect().height
