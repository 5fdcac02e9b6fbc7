"""The page of a task in Chromium: columns, marks and their switches, keys, links, duplicates, tags and notes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from infogap.runs.run_folder import Run
from infogap.schema import DUPLICATES
from infogap.view.annotation_table import read_annotations
from infogap.view.local_server import view_app
from infogap.view.run_browser import RunBrowser
from servers.serve import serve
from view.browser.chromium import KEYS, Browser
from view.viewed_run import SECRET


def _first(run: Run, *parameters: tuple[str, str]) -> str:
    return str(RunBrowser.open(run).listed(parameters, 1)["rows"][0]["trace_id"])


def _columns(page: Browser) -> list[str]:
    return page.texts(".column-head h3")


def _switch(page: Browser, name: str) -> None:
    script = "[...document.querySelectorAll('.switch')].find((e) => e.textContent.includes(arguments[0])).click()"
    page.run(script, name)


def test_a_click_shows_the_tasks_traces_under_each_privilege(page: Browser, viewed: Run) -> None:
    page.go("#/traces?family=fruits")
    page.click("a.question")
    assert _columns(page) == ["unguided", "answer", "solution"]
    assert page.texts(".column-head nav a[aria-current]") == ["#0", "#0"]
    trace = RunBrowser.open(viewed).trace(_first(viewed, ("family", "fruits")))
    shown = page.text(".column.is-current .column-text")
    for line in trace["text"].split("\n"):
        assert line in shown
    assert page.text(".column.is-current .fence") == "The teacher saw the student's prompt and nothing else."
    assert SECRET in page.text(".column:nth-of-type(3) .fence")
    assert "The student does not see this" in page.text(".column:nth-of-type(3) .fence")


def test_a_link_opens_that_trace(page: Browser, site: str, viewed: Run) -> None:
    trace = _first(viewed, ("privilege", "solution"), ("family", "fruits"), ("duplicate", "removed"))
    page.driver.get("about:blank")
    page.open(f"{site}#/trace/{trace}")
    assert page.one(".column.is-current").get_attribute("data-trace") == trace
    box = page.one(".column.is-current").rect
    assert 0 <= box["x"] < 1280


def test_keys_open_the_next_and_the_previous_trace_of_the_list(page: Browser, viewed: Run) -> None:
    parameters = [("verdict", "correct"), ("sort", "-tokens")]
    ids = [row["trace_id"] for row in RunBrowser.open(viewed).listed(parameters, 1)["rows"]]
    page.go(f"#/trace/{ids[0]}?verdict=correct&sort=-tokens")
    for key, expected in (("j", 1), (KEYS.ARROW_RIGHT, 2), ("k", 1), (KEYS.ARROW_LEFT, 0), ("k", 0)):
        page.press(key)
        assert page.one(".column.is-current").get_attribute("data-trace") == ids[expected]
    assert f"1 of {len(ids)}" in page.text(".task-nav")
    page.press(KEYS.ESCAPE)
    assert page.driver.current_url.endswith("#/traces?verdict=correct&sort=-tokens")


def test_another_sample_takes_the_place_of_one(page: Browser, viewed: Run) -> None:
    page.go(f"#/trace/{_first(viewed, ('family', 'fruits'))}")
    page.click(".column.is-current .samples a:not([aria-current])")
    assert page.text(".column.is-current .samples a[aria-current]") == "#1"
    assert len(_columns(page)) == 3


@pytest.mark.parametrize(
    ("switch", "selector", "filters"),
    [
        ("hedge", "mark.style-0", [("privilege", "unguided")]),
        ("copying", "mark.m-leak", [("leak", "copying")]),
        ("copied", "mark.m-copied", [("leak", "copying")]),
        ("final answer", "mark.m-answer", [("privilege", "unguided")]),
    ],
)
def test_each_kind_of_mark_is_switched_off_and_on(
    page: Browser, viewed: Run, switch: str, selector: str, filters: list[tuple[str, str]]
) -> None:
    page.go(f"#/trace/{_first(viewed, ('family', 'fruits'), *filters)}")
    before = page.texts(f".column.is-current {selector}")
    text = page.text(".column.is-current .column-text")
    assert before
    _switch(page, switch)
    assert page.texts(f".column.is-current {selector}") == []
    assert page.text(".column.is-current .column-text") == text
    _switch(page, switch)
    assert page.texts(f".column.is-current {selector}") == before


def test_kinds_of_markers_differ_by_their_lines(page: Browser, viewed: Run) -> None:
    page.go(f"#/trace/{_first(viewed, ('family', 'fruits'))}")
    marks = "[...document.querySelectorAll('mark.m-marker')]"
    script = f"return {marks}.map((e) => [e.title.split(':')[0], getComputedStyle(e).textDecoration])"
    lines = dict(page.run(script))
    assert len(lines) >= 3
    styles = {style.split("rgb")[0] for style in lines.values()}
    assert len(styles) == len(lines)


def test_tokens_are_coloured_by_their_gap_where_asked(page: Browser, viewed: Run) -> None:
    trace = _first(viewed, ("family", "fruits"))
    page.go(f"#/trace/{trace}")
    assert page.all("[class*=gap-more]:not(.sample-mark *)") == []
    _switch(page, "gap per token")
    gaps = RunBrowser.open(viewed).trace(trace)["token_gaps"]
    strong = sum(gap is not None and gap >= 3 for gap in gaps["gaps"])
    assert len(page.all(".column.is-current .gap-more-3")) >= strong > 0
    assert "gap +3.00 nats" in str(page.one(".column.is-current .gap-more-3").get_attribute("title"))
    line = "return getComputedStyle(document.querySelector(arguments[0])).borderBottomStyle"
    assert page.run(line, ".column .gap-more-2") == "solid"
    assert page.run(line, ".column .gap-less-2") == "dashed"
    _switch(page, "gap per token")


def test_what_was_searched_for_is_marked(page: Browser, viewed: Run) -> None:
    page.go(f"#/trace/{_first(viewed, ('search', 'LET ME VERIFY'))}?search=LET+ME+VERIFY")
    assert "".join(page.texts(".column.is-current mark.m-found")) == "Let me verify"
    assert page.one("#search").get_attribute("value") == "LET ME VERIFY"
    page.go("#/traces?search=%5Cboxed%7B")
    page.click("a.question")
    assert set(page.texts("mark.m-found")) == {"\\boxed{"}


def test_a_duplicate_is_shown_beside_the_kept_trace(page: Browser, viewed: Run) -> None:
    removed, kept = viewed.scan(DUPLICATES).sort("trace_id").select("trace_id", "duplicate_of").collect().row(0)
    page.go(f"#/trace/{removed}")
    assert f"Removed as a duplicate of {kept}" in page.text(".column.is-current .fate + .fate, .column.is-current")
    page.click(".column.is-current .fate button")
    page.until(lambda: page.all("dialog.wide[open]"))
    assert sorted(text.split()[-1] for text in page.texts("dialog mark.m-differs")) == ["now.", "then."]
    assert page.unreachable() == []
    page.press(KEYS.ESCAPE)
    page.until(lambda: not page.all("dialog.wide"))


def test_a_match_with_an_evaluation_set_is_marked(page: Browser, viewed: Run) -> None:
    page.go(f"#/trace/{_first(viewed, ('family', 'marbles'))}")
    (marked,) = page.texts(".question-text mark.m-contaminated")
    assert marked.startswith("How many marbles does Zoe have left")
    assert "Matches evaluation, row 1: 100 % of the question" in page.text(".task-head .contamination summary")
    _switch(page, "evaluation")
    assert page.all(".question-text mark") == []
    _switch(page, "evaluation")
    assert page.texts(".question-text mark.m-contaminated") == [marked]


def test_the_gold_answer_is_fenced(page: Browser, viewed: Run) -> None:
    page.go(f"#/trace/{_first(viewed, ('family', 'fruits'))}")
    assert page.text(".known summary") == "The student does not see these: gold answer"
    assert not page.one(".known .gold").is_displayed()
    page.click(".known summary")
    assert page.one(".known .gold").is_displayed()


@pytest.fixture
def own_site(own_run: Run) -> Iterator[str]:
    with serve(view_app(own_run, "own", 7576)) as url:
        yield f"{url}/?token=own"


def test_a_tag_and_a_note_are_kept(browser: Browser, own_site: str, own_run: Run) -> None:
    trace = _first(own_run, ("family", "fruits"))
    browser.driver.get("about:blank")
    browser.open(f"{own_site}#/trace/{trace}")
    browser.press("a")
    browser.press("odd  one", KEYS.TAB, "a note,\nof two <b>lines</b>", KEYS.TAB, KEYS.ENTER)
    browser.until(lambda: browser.text(".column.is-current .said") == "Saved")
    browser.until(lambda: read_annotations(own_run).rows() == [(trace, "odd one", "a note,\nof two <b>lines</b>")])
    browser.go("#/traces?tag=odd+one")
    assert browser.texts(".tag") == ["odd one"]
    assert browser.text("h1").startswith("1 of ")
    browser.driver.refresh()
    browser.settle()
    browser.go(f"#/trace/{trace}")
    assert browser.one(".column.is-current textarea").get_attribute("value") == "a note,\nof two <b>lines</b>"
    assert browser.complaints() == []


def test_what_was_typed_is_saved_when_a_person_goes_on(browser: Browser, own_site: str, own_run: Run) -> None:
    trace = _first(own_run, ("family", "fruits"))
    browser.driver.get("about:blank")
    browser.open(f"{own_site}#/trace/{trace}")
    browser.press("a")
    browser.press("odd")
    assert browser.text(".column.is-current .said") == "Not saved yet"
    browser.press(KEYS.ESCAPE)
    browser.press("j")
    browser.until(lambda: read_annotations(own_run).rows() == [(trace, "odd", "")])


def test_a_note_that_cannot_be_kept_says_why(browser: Browser, own_site: str, own_run: Run) -> None:
    browser.driver.get("about:blank")
    browser.open(f"{own_site}#/trace/{_first(own_run)}")
    (own_run.path / "annotations").write_text("a file where the folder would be")
    browser.press("a")
    browser.press("odd", KEYS.ENTER)
    browser.until(lambda: "cannot write" in browser.text(".column.is-current .said"))
    browser.complaints()


@pytest.mark.parametrize("width", [400, 800, 1600])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_keeps_people_from_using_the_page(page: Browser, viewed: Run, width: int, theme: str) -> None:
    page.size(width, theme=theme)
    try:
        page.go(f"#/trace/{_first(viewed, ('family', 'marbles'), ('privilege', 'solution'))}")
        for switch in ("gap per token", "kim2026"):
            _switch(page, switch)
        page.run("for (const each of document.querySelectorAll('details')) each.open = true")
        assert page.unreachable() == []
        assert page.run("return document.documentElement.scrollWidth") <= width
    finally:
        page.size(1280)


def test_the_theme_can_be_set_and_is_remembered(page: Browser) -> None:
    colour = "return getComputedStyle(document.documentElement).backgroundColor"
    light = page.run(colour)
    page.click("#theme")
    assert page.run(colour) == light
    page.click("#theme")
    dark = page.run(colour)
    assert dark != light
    page.driver.refresh()
    page.settle()
    assert page.run(colour) == dark
    page.click("#theme")
    assert page.run(colour) == light


def test_addresses_of_traces_hold_no_token(page: Browser, viewed: Run) -> None:
    page.go(f"#/trace/{_first(viewed)}")
    assert "token" not in page.driver.current_url
    assert "token" not in json.dumps(page.run("return document.cookie"))
