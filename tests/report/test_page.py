"""The report is one page in a fixed order, safe to open, small at any size, with its charts as files."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from infogap.charts import drawing
from infogap.report import STAGE
from infogap.report.page import report_on
from infogap.runs import manifest
from infogap.runs.run_folder import Run
from infogap.schema import TABLES, TRACES
from publish.small_run import build_run

SECTIONS = ["made", "privileges", "markers", "leaks", "mix", "worth", "funnel", "recipe"]
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\x1b]52;c;aGk=\x07"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return build_run(tmp_path_factory.mktemp("report"))


class _Elements(HTMLParser):
    """Collects the names and attributes of a page's elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_sections_are_in_the_order_of_the_questions(run: Run) -> None:
    ids = [attributes["id"] for tag, attributes in _Elements(report_on(run).html).found if tag == "section"]
    assert ids == SECTIONS


def test_every_chart_of_the_page_is_also_a_file_in_three_forms(run: Run) -> None:
    STAGE.make(run)
    text = (run.path / "report" / "index.html").read_text()
    linked = set(re.findall(r'href="(figures/[^"]+)"', text))
    written = {path.relative_to(run.path / "report").as_posix() for path in (run.path / "report/figures").iterdir()}
    assert linked == written and {Path(path).suffix for path in written} == {".svg", ".png", ".csv"}
    assert {"figures/density.svg", "figures/effects.csv", "figures/mix.png", "figures/coverage.svg"} <= written


def test_nothing_that_a_model_wrote_becomes_an_element(tmp_path: Path) -> None:
    run = build_run(tmp_path, response=HOSTILE)
    traces = run.scan(TRACES).collect().with_columns(teacher=pl.lit(HOSTILE))
    with run.rewrite(TRACES) as out:
        out.write(traces)
    text = report_on(run).html
    elements = _Elements(text).found
    assert not [tag for tag, _ in elements if tag in ("script", "img", "iframe", "object")]
    assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]
    assert "\x1b" not in text and "\x07" not in text


def test_neither_servers_nor_paths_nor_internals_are_shown(run: Run) -> None:
    text = report_on(run).html
    for internal in ("gpu-node-17", "secret-folder", "MY_PRIVATE_KEY", str(run.path), "signature", "fingerprint"):
        assert internal not in text


def test_without_matplotlib_the_page_has_tables_and_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "available", lambda: False)
    report = report_on(run)
    assert "infogap[plots]" in report.html and "<svg" not in report.html and report.charts == {}
    assert "Markers per 1,000 tokens, by the lexicon infogap" in report.html


def test_the_page_does_not_grow_with_the_number_of_traces(run: Run, tmp_path: Path) -> None:
    small = len(report_on(run).html)
    big = build_run(tmp_path)
    for table in ("traces", "verdicts", "measures", "mix"):
        _multiplied(big, table)
    assert len(report_on(big).html) < small * 1.2


def _multiplied(run: Run, name: str, times: int = 100) -> None:
    table = TABLES[name]
    rows = run.scan(table).collect()
    record = run.manifest_path(name).read_bytes()
    with run.rewrite(table) as out:
        for copy in range(times):
            out.write(rows.with_columns(pl.col("trace_id") + (f"-{copy}" if copy else "")))
    run.manifest_path(name).write_bytes(record)


def test_the_page_begins_with_whether_targets_are_met(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    assert "Every target is met." in report_on(run).html
    made = run.manifest("mix")
    assert made is not None
    made.counts["mixes"]["mix"]["axes"]["verdict"]["correct"]["achieved"] = 5
    manifest.write(run.manifest_path("mix"), made)
    lead = report_on(run).html.partition("<h2>")[0]
    assert "Short of its target:</b> verdict correct: 5 of 8.</p>" in lead
