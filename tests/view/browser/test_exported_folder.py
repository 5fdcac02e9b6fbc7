"""The exported folder opened from disk: the same pages, with the answers that the server would give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from infogap.runs.run_folder import Run
from infogap.schema import DUPLICATES
from infogap.view.exported_pages import export_pages
from infogap.view.run_browser import RunBrowser
from view.browser.chromium import KEYS, Browser
from view.viewed_run import SECRET


@pytest.fixture(scope="module")
def exported(viewed: Run, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the folder, with contexts: all that the server shows."""
    folder = tmp_path_factory.mktemp("exported")
    export_pages(viewed, folder / "whole", with_contexts=True)
    export_pages(viewed, folder / "public", with_contexts=False)
    return folder.as_uri()


@pytest.fixture
def folder(browser: Browser, exported: str) -> Iterator[Browser]:
    browser.complaints()
    browser.driver.get("about:blank")
    browser.open(f"{exported}/whole/index.html")
    yield browser
    assert browser.complaints() == []


@pytest.mark.parametrize(
    "parameters",
    [
        [],
        [("privilege", "solution"), ("privilege", "answer"), ("verdict", "correct")],
        [("leak", "copying")],
        [("mix", "both")],
        [("tokens", "45..80"), ("sort", "-density")],
        [("sort", "leak")],
        [("sort", "-mix")],
        [("sort", "-task")],
        [("sort", "family"), ("search", "HMM, wait")],
        [("search", "\\boxed{"), ("sort", "-words")],
        [("search", "img src=x onerror=")],
    ],
)
def test_a_list_is_the_servers(folder: Browser, viewed: Run, parameters: list[tuple[str, str]]) -> None:
    expected = RunBrowser.open(viewed).listed(parameters, 1)
    folder.go(f"#/traces?{urlencode(parameters)}")
    shown = folder.run("return [...document.querySelectorAll('a.question')].map((link) => link.dataset.trace)")
    assert shown == [row["trace_id"] for row in expected["rows"]]
    assert folder.text("h1").startswith(f"{expected['total']} ")
    ask = "return infogap.data.traces(new URLSearchParams(arguments[0]), 1).then(({counts}) => counts)"
    counts = folder.run(ask, urlencode(parameters))
    assert counts == expected["counts"]


def test_a_task_is_shown_with_its_columns_and_keys_walk_on(folder: Browser) -> None:
    folder.go("#/traces?family=fruits")
    folder.click("a.question")
    assert folder.texts(".column-head h3") == ["unguided", "answer", "solution"]
    assert SECRET in folder.text(".columns")
    first = folder.one(".column.is-current").get_attribute("data-trace")
    folder.press("j")
    assert folder.one(".column.is-current").get_attribute("data-trace") != first
    folder.press(KEYS.ESCAPE)
    folder.until(lambda: folder.all("a.question"))


def test_a_link_to_a_trace_opens_from_disk(browser: Browser, exported: str, viewed: Run) -> None:
    removed = viewed.scan(DUPLICATES).sort("trace_id").collect()["trace_id"][0]
    browser.driver.get("about:blank")
    browser.open(f"{exported}/whole/index.html#/trace/{removed}")
    assert browser.one(".column.is-current").get_attribute("data-trace") == removed
    browser.click(".column.is-current .fate button")
    browser.until(lambda: browser.all("dialog.wide[open]"))
    assert sorted(text.split()[-1] for text in browser.texts("dialog mark.m-differs")) == ["now.", "then."]
    browser.press(KEYS.ESCAPE)
    assert browser.complaints() == []


def test_without_contexts_the_page_says_what_is_missing(browser: Browser, exported: str, viewed: Run) -> None:
    leaking = RunBrowser.open(viewed).listed([("leak", "copying")], 1)["rows"][0]["trace_id"]
    browser.driver.get("about:blank")
    browser.open(f"{exported}/public/index.html#/trace/{leaking}")
    assert "Not in these files: what only the teachers saw" in browser.text("#notices")
    assert "it leaks what only its teacher saw" in browser.text(".column.is-current .column-text")
    assert "which is not in these files" in browser.text(".column.is-current .fence")
    assert SECRET not in browser.text("body")
    assert browser.all(".annotation button") == []
    assert browser.unreachable() == []
    assert browser.complaints() == []


def test_nothing_of_a_hostile_text_runs(folder: Browser, viewed: Run) -> None:
    for row in RunBrowser.open(viewed).listed([("teacher", "<i>Teacher</i>")], 1)["rows"]:
        folder.go(f"#/trace/{row['trace_id']}")
        assert folder.all("img, iframe, svg, main script, main style, main i") == []
        assert "taken" not in folder.driver.title.split(":")[0]


def test_what_is_not_there_is_explained(folder: Browser) -> None:
    folder.go("#/trace/nothing")
    assert "there is no trace 'nothing' in these files" in folder.text("[role=alert]")
    folder.go("#/traces?verdict=corect")
    assert "no trace in these files has the verdict 'corect'" in folder.text("[role=alert]")


def test_it_opens_from_a_folder_whose_name_is_odd(browser: Browser, viewed: Run, tmp_path: Path) -> None:
    export_pages(viewed, tmp_path / "a folder #1 & ünïcode", with_contexts=False)
    browser.driver.get("about:blank")
    browser.open((tmp_path / "a folder #1 & ünïcode" / "index.html").as_uri())
    assert browser.all("a.question")
    assert browser.complaints() == []
