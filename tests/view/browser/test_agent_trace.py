"""A trace of thirty turns in the browser: a thread to read, by keys too, with nothing run of what tools returned."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infogap.runs.run_folder import Run
from infogap.view.local_server import view_app
from infogap.view.run_browser import RunBrowser
from servers.serve import serve
from view.agent_run import LISTING, TURNS, make_agent_run
from view.browser.chromium import Browser
from view.browser.conftest import TOKEN


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_agent_run(tmp_path_factory.mktemp("agents"))


@pytest.fixture(scope="module")
def link(run: Run) -> Iterator[str]:
    """The link to the trace of thirty turns."""
    index = RunBrowser.open(run)
    trace_id = next(each for each in index.index.trace_ids if index.trace(each)["privilege"] == "unguided")
    with serve(view_app(run, TOKEN, 7575)) as url:
        yield f"{url}/?token={TOKEN}#/trace/{trace_id}"


@pytest.fixture
def page(browser: Browser, link: str) -> Iterator[Browser]:
    """The page of the trace of thirty turns."""
    browser.complaints()
    browser.size(1280)
    browser.driver.get("about:blank")
    browser.open(link)
    yield browser
    assert browser.complaints() == []


HERE = ".column.is-current"


def test_the_turns_are_a_thread(page: Browser) -> None:
    assert len(page.all(f"{HERE} .turn-assistant")) == TURNS
    assert len(page.all(f"{HERE} .turn-tool")) == TURNS - 1
    assert page.text(f"{HERE} .thread-head").startswith("30 turns of the assistant · ")
    assert page.text(f"{HERE} .turn-assistant:nth-of-type(1) h4") == "Assistant, turn 1"
    assert "Hmm, perhaps file 1" in page.text(f"{HERE} .turn-assistant .thought")
    assert page.texts(f"{HERE} .turn-user") == ["UserPlease hurry."]
    assert page.text(f"{HERE} .call h5") == "Calls search"
    options = 'options{"case": false, "in": ["shop", "tests"]}'
    assert page.texts(f"{HERE} .call .argument")[:3] == ["queryorder 1", "limit10", options]


def test_marks_are_in_the_assistants_turns_alone(page: Browser) -> None:
    assert page.all(f"{HERE} .turn-assistant mark.m-marker")
    assert page.all(f"{HERE} .turn-tool mark, {HERE} .call mark, {HERE} .turn-user mark") == []
    assert page.texts(f"{HERE} .turn-assistant:last-child mark.m-answer") == ["42"]
    page.click(".column:not(.is-current) .column-head")
    assert page.texts(".column:not(.is-current) mark.m-leak")


def test_long_results_are_folded_and_stay_as_a_person_left_them(page: Browser) -> None:
    folded = [not each.get_attribute("open") for each in page.all(f"{HERE} details.result")]
    assert 0 < sum(folded) < len(folded)
    first = folded.index(True)
    summary = page.all(f"{HERE} details.result > summary")[first]
    assert summary.text == "Result of read_file 2,210 characters\n1 total += lines[1].price // 100"
    summary.click()
    page.until(lambda: page.all(f"{HERE} details.result")[first].get_attribute("open"))
    assert LISTING in page.texts(f"{HERE} details.result")[first]
    page.click(".switch input")
    assert page.all(f"{HERE} details.result")[first].get_attribute("open")
    page.click(".switch input")
    page.click(f"{HERE} .thread-head button")
    assert all(each.get_attribute("open") for each in page.all(f"{HERE} details.result"))
    assert page.text(f"{HERE} .thread-head button") == "Fold all results"


def test_keys_go_from_turn_to_turn(page: Browser) -> None:
    focused = "return document.activeElement.getAttribute('aria-label')"
    for key, expected in (("n", "Assistant, turn 1"), ("n", "Tool"), ("n", "Assistant, turn 2"), ("p", "Tool")):
        page.press(key)
        assert page.run(focused) == expected
    assert page.run("return document.activeElement.getBoundingClientRect().top") >= 0


def test_nothing_of_a_result_is_run(page: Browser) -> None:
    page.click(f"{HERE} .thread-head button")
    assert page.driver.title.startswith("unguided")
    assert page.all("#main script, #main img, #main style, #main svg, #main iframe, .column a[href^=javascript]") == []
    assert "<script>document.title = 'taken'</script>" in page.text(f"{HERE} .turns")
    assert "\\u202e" in page.text(f"{HERE} .turns")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 800, 1600])
def test_it_is_readable_at_every_width(page: Browser, width: int, theme: str) -> None:
    page.size(width, theme=theme)
    page.click(f"{HERE} .thread-head button")
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    wide = "return [...document.querySelectorAll(arguments[0])].filter((e) => e.scrollWidth > e.clientWidth + 1).length"
    assert page.run(wide, f"{HERE} .turn, {HERE} .call, {HERE} .argument, {HERE} .result > .text") == 0
    assert page.unreachable() == []
    page.size(1280)
