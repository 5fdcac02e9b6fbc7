"""Texts of models that try to run, to hide or to break the page: they are shown, and nothing else happens."""

from __future__ import annotations

import pytest

from infogap.runs.run_folder import Run
from infogap.view.run_browser import RunBrowser
from view.browser.chromium import Browser
from view.viewed_run import HOSTILE


def _hostile(run: Run) -> list[str]:
    rows = RunBrowser.open(run).listed([("teacher", "<i>Teacher</i>"), ("sort", "family")], 1)["rows"]
    return [row["trace_id"] for row in rows]


def _intact(page: Browser) -> None:
    """No element of a text has come to be, no script has run, no character has turned the page around."""
    assert page.all("img, iframe, svg, main script, main style, main b, main i, a[href^=javascript]") == []
    assert "taken" not in page.driver.title.split(":")[0]
    assert page.run("return Object.prototype.polluted") is None
    control = (
        r"/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u2028-\u202e\u2066-\u2069\ufeff]|[\u{e0000}-\u{e007f}]/u"
    )
    assert page.run(f"return {control}.test(document.documentElement.textContent)") is False
    assert page.run(f"return {control}.test(document.title)") is False


def test_the_list_of_hostile_traces_is_a_list(page: Browser, viewed: Run) -> None:
    page.go("#/traces?sort=-family")
    _intact(page)
    assert page.texts(".facet-value").count("<b>hostile</b> & \\u202e0") == 1
    assert "\\u202esrever" not in page.text("main")
    page.run("[...document.querySelectorAll('.facet-row')].find((e) => e.textContent.includes('u202e4')).click()")
    page.settle()
    assert len(page.all("a.question")) == 1
    page.size(400)
    assert page.run("return document.documentElement.scrollWidth") <= 400
    page.size(1280)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_trace_is_shown_as_text(page: Browser, viewed: Run, number: int) -> None:
    page.size(800)
    page.go(f"#/trace/{_hostile(viewed)[number]}")
    _intact(page)
    assert page.run("return document.documentElement.scrollWidth") <= 800
    shown = page.text(".column.is-current .thought .text")
    expected = {
        0: "<script>document.title",
        1: "\\x1b]0;taken\\x07\\x1b[31mred",
        2: "</textarea></title>",
        3: "__proto__",
    }
    assert shown.startswith(expected.get(number, "A" * 100))
    assert page.unreachable() == []
    page.size(1280)


def test_controls_are_shown_as_signs(page: Browser, viewed: Run) -> None:
    page.go(f"#/trace/{_hostile(viewed)[1]}")
    shown = page.text(".column.is-current .thought .text")
    assert "\\u202eesrever\\u202c \\u2066isolated\\u2069 zero\\u200bwidth \\x00null \\x9bcsi" in shown


def test_a_megabyte_without_a_space_is_folded_and_unfolds_in_steps(page: Browser, viewed: Run) -> None:
    page.go(f"#/trace/{_hostile(viewed)[4]}")
    part = ".column.is-current .thought .text"
    assert len(page.text(part)) < 10_000
    assert "characters" in page.text(f"{part} .fold")
    page.click(f"{part} .fold")
    assert 20_000 < len(page.text(part)) < 40_000
    _intact(page)


@pytest.mark.parametrize(
    "attempt",
    [
        "const made = document.createElement('script'); made.append('window.ran = 1'); document.body.append(made)",
        "document.querySelector('main').innerHTML = '<img src=x onerror=\"window.ran = 1\">'",
        "const main = document.querySelector('main'); main.setAttribute('onclick', 'window.ran = 1'); main.click()",
        "setTimeout(() => eval('window.ran = 1'))",  # in a turn of the page's own: the driver's may evaluate
    ],
)
def test_the_pages_policy_stands_behind_that(page: Browser, attempt: str) -> None:
    page.run(f"try {{ {attempt} }} catch {{}}")
    page.settle()
    assert page.run("return window.ran ?? null") is None
    assert any("Content Security Policy" in each or "Trusted" in each for each in page.complaints())


def test_a_search_for_hostile_text_is_shown_as_text(page: Browser) -> None:
    page.go("#/traces?search=%3Cimg%20src%3Dx%20onerror%3D")
    _intact(page)
    assert page.text(".chip").startswith("“<img src=x onerror=”")
    page.go("#/traces?search=%E2%80%AEesrever")
    _intact(page)
    page.go("#/trace/%3Cimg%20src=x%3E")
    assert "<img src=x>" in page.text("[role=alert]")
    page.complaints()  # the browser itself reports each answer 404
