"""The list in Chromium: filters, counts, sorting, search, paging, keys."""

from __future__ import annotations

import pytest

from infogap.runs.run_folder import Run
from infogap.view.run_browser import RunBrowser
from view.browser.chromium import KEYS, Browser


def _rows(page: Browser) -> list[str]:
    return list(page.run("return [...document.querySelectorAll('a.question')].map((link) => link.dataset.trace)"))


def _expected(run: Run, *parameters: tuple[str, str]) -> list[str]:
    return [row["trace_id"] for row in RunBrowser.open(run).listed(parameters, 1)["rows"]]


def test_the_list_has_every_trace_and_what_is_known_of_it(page: Browser, viewed: Run) -> None:
    assert _rows(page) == _expected(viewed)
    headings = [text.strip(" ↑↓") for text in page.texts("th")]
    assert headings == [
        "Task",
        "Family",
        "Privilege",
        "Teacher",
        "Verdict",
        "Band",
        "Tokens",
        "Density",
        "Leak",
        "Mix",
        "Reason",
    ]
    assert page.text("h1").startswith(f"{len(_rows(page))} traces")
    assert page.text("#run-name") == "viewed"


def test_a_filter_changes_list_counts_and_address(page: Browser, viewed: Run) -> None:
    page.click("fieldset[data-facet=privilege] input[value=solution]")
    assert "privilege=solution" in page.driver.current_url
    assert _rows(page) == _expected(viewed, ("privilege", "solution"))
    counts = RunBrowser.open(viewed).listed([("privilege", "solution")], 1)["counts"]
    shown = [int(text) for text in page.texts("fieldset[data-facet=privilege] .facet-count")]
    assert shown == counts["privilege"]  # those of the other values stay
    assert sum(int(text) for text in page.texts("fieldset[data-facet=verdict] .facet-count")) == len(_rows(page))
    page.click("fieldset[data-facet=privilege] input[value=unguided]")
    assert _rows(page) == _expected(viewed, ("privilege", "solution"), ("privilege", "unguided"))
    page.click(".chip")
    assert _rows(page) == _expected(viewed, ("privilege", "unguided"))
    page.driver.back()
    page.settle()
    assert len(page.all(".chip")) == 2


def test_the_focus_stays_on_the_filter_that_was_used(page: Browser) -> None:
    box = page.one("fieldset[data-facet=verdict] input[value=correct]")
    box.send_keys(" ")
    page.settle()
    focused = page.run("return [document.activeElement.value, document.activeElement.checked]")
    assert focused == ["correct", True]


def test_a_link_with_a_filter_opens_the_same_list(page: Browser, site: str, viewed: Run) -> None:
    page.open(f"{site}#/traces?verdict=correct&sort=-density&tokens=45..")
    assert _rows(page) == _expected(viewed, ("verdict", "correct"), ("sort", "-density"), ("tokens", "45.."))
    assert page.one("fieldset[data-facet=verdict] input[value=correct]").is_selected()
    assert page.one("input[aria-label='Tokens, from']").get_attribute("value") == "45"


def test_a_heading_sorts_and_says_so(page: Browser, viewed: Run) -> None:
    page.run("[...document.querySelectorAll('.sort')].find((e) => e.textContent === 'Density').click()")
    page.settle()
    assert _rows(page) == _expected(viewed, ("sort", "-density"))
    assert page.one("th[aria-sort=descending]").text.startswith("Density")


def test_a_range_is_filtered_by_typing(page: Browser, viewed: Run) -> None:
    page.one("input[aria-label='Tokens, to']").send_keys("50", KEYS.ENTER)
    page.settle()
    assert _rows(page) == _expected(viewed, ("tokens", "..50"))


def test_a_search_goes_through_all_texts(page: Browser, viewed: Run) -> None:
    page.press("/")
    page.press("double the apples", KEYS.ENTER)
    page.until(lambda: page.all(".chip"))
    assert _rows(page) == _expected(viewed, ("search", "double the apples"))
    assert _rows(page)
    page.press(KEYS.ESCAPE)
    page.go("#/traces?search=no+such+text+anywhere")
    assert page.text(".empty") == "No trace fits these filters."


def test_pages_of_the_list_follow_each_other(page: Browser, viewed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infogap.view.run_browser.PAGE", 10)
    everything = [row["trace_id"] for number in (1, 2, 3) for row in RunBrowser.open(viewed).listed([], number)["rows"]]
    page.driver.refresh()
    page.settle()
    seen = _rows(page)
    for _ in range(2):
        page.click("a[aria-label='next page']")
        seen += _rows(page)
    assert seen == everything
    assert page.all("a[aria-label='next page']") == []
    page.press("k", "k")  # the first trace of a page, and the last one of the page before
    page.until(lambda: page.run("return document.activeElement.dataset.trace") == everything[19])
    page.press("j")
    page.until(lambda: page.run("return document.activeElement.dataset.trace") == everything[20])


def test_keys_walk_through_the_list_and_open_a_trace(page: Browser) -> None:
    rows = _rows(page)
    page.press("jjjk")
    assert page.run("return document.activeElement.dataset.trace") == rows[1]
    page.press(KEYS.ENTER)
    page.until(lambda: page.all(".column.is-current"))
    assert page.one(".column.is-current").get_attribute("data-trace") == rows[1]
    page.press(KEYS.ESCAPE)
    page.until(lambda: page.all("a.question"))


def test_help_lists_the_keys(page: Browser) -> None:
    page.press("?")
    assert page.one("#help").is_displayed()
    page.press(KEYS.ESCAPE)
    assert not page.one("#help").is_displayed()


def test_an_address_that_names_nothing_is_explained(page: Browser) -> None:
    page.go("#/traces?verdict=corect")
    assert "did you mean 'correct'" in page.text("[role=alert]")
    page.go("#/trace/nothing")
    assert "there is no trace 'nothing'" in page.text("[role=alert]")
    page.complaints()  # the browser itself reports each answer 404


def test_the_check_for_what_keeps_people_out_finds_it(page: Browser) -> None:
    page.run("document.querySelector('h1').style.color = '#eee'")
    page.run("document.getElementById('search').previousElementSibling.remove()")
    page.run("document.getElementById('search').removeAttribute('placeholder')")
    assert sorted({finding.split()[0] for finding in page.unreachable()}) == ["color-contrast", "label"]


@pytest.mark.parametrize("width", [400, 800, 1600])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_keeps_people_from_using_the_list(page: Browser, width: int, theme: str) -> None:
    page.size(width, theme=theme)
    page.go("#/traces?privilege=answer")
    if width < 900:
        page.click("details.filters summary")
    try:
        assert page.unreachable() == []
        assert page.run("return document.documentElement.scrollWidth") <= width
    finally:
        page.size(1280)
