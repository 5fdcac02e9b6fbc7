"""Export the pages with their data as a folder: it opens from disk, and can be put on any web server.

By default the folder holds nothing that is not published either: no privileged contexts, prompts and worked solutions,
no text of a leaking trace, no evaluation question, no error message, and of paths and URLs the last part alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from infogap.atomic_files import disk_error, write_text
from infogap.errors import InputError
from infogap.publish.redaction import public_label
from infogap.runs.run_folder import Run
from infogap.view import PAGES
from infogap.view.run_browser import RunBrowser
from infogap.view.stored_rows import HeldRows
from infogap.view.trace_index import MISSING, SEVERAL
from infogap.view.trace_sample import sampled

_DATA = "data"
_MARK = '<meta name="generator" content="infogap view">'
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"
_CHUNK = 400_000  # characters of a file of traces: it is loaded when one of its traces is looked at
_WITHHELD = "This trace's text is not in these files: it leaks what only its teacher saw."


@dataclass(frozen=True)
class Exported:
    """What was exported: traces of how many, how many of them have no text, and how many have a tag or a note."""

    traces: int
    of: int
    withheld: int
    annotated: int
    with_contexts: bool


def export_pages(run: Run, folder: Path, *, with_contexts: bool) -> Exported:
    """Write the pages and their data into a folder; other files of it stay.

    Raises InputError if the folder has pages of something else, or lies in the run, or the run has no traces;
    ExternalError if the disk refuses.
    """
    _check(run, folder)
    browser = RunBrowser.open(run)
    positions = sampled(browser.index)
    rows = [_public_row(row) for row in browser.rows(positions)]
    browser.read_from(HeldRows(run, (row["trace_id"] for row in rows)))
    published = _Published(
        browser, with_contexts=with_contexts, with_leaks=with_contexts or run.recipe.publishes_leaking_text
    )
    chunks: dict[str, int] = {}
    try:
        (folder / _DATA).mkdir(parents=True, exist_ok=True)
        for old in (folder / _DATA).glob("traces-*.js"):
            old.unlink()
    except OSError as error:
        raise disk_error(folder, error) from error
    for number, (tasks, chunk) in enumerate(_chunks(published, rows, positions)):
        chunks |= dict.fromkeys(tasks, number)
        _write_data(folder, f"traces-{number}", chunk)
    exported = Exported(len(rows), browser.index.height, published.withheld, published.annotated, with_contexts)
    description = _description(browser, rows, exported)
    _write_data(folder, "run", {"description": description, "rows": rows, "chunks": chunks})
    for page in sorted(PAGES.iterdir()):
        if page.name not in ("index.html", "server_data.js"):
            write_text(folder / page.name, page.read_text(encoding="utf-8"))
    write_text(folder / "index.html", _index())
    return exported


def _check(run: Run, folder: Path) -> None:
    index = folder / "index.html"
    if folder.resolve().is_relative_to(run.path.resolve()):
        raise InputError(f"{folder} is inside the run, whose stages rewrite its folders; name a folder elsewhere")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the pages")
    if index.is_file() and _MARK not in index.read_text(encoding="utf-8", errors="replace"):
        raise InputError(f"{folder} has an index.html that infogap did not write; name another folder")


def _index() -> str:
    """Return the page, with the exported data in place of the server's."""
    page = (PAGES / "index.html").read_text(encoding="utf-8")
    charset = '<meta charset="utf-8">'
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    page = page.replace(charset, f"{charset}\n{policy}\n{_MARK}")
    scripts = '<script src="exported_data.js" defer></script>\n<script src="data/run.js" defer></script>'
    return page.replace('<script src="server_data.js" defer></script>', scripts)


def _write_data(folder: Path, name: str, value: Any) -> None:
    # A string of JSON, which no browser takes for anything else than a string.
    literal = orjson.dumps(orjson.dumps(value).decode()).decode()
    write_text(folder / _DATA / f"{name}.js", f'infogap.receive("{name}", {literal});\n')


def _public_row(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"teacher": public_label(row["teacher"])}


def _chunks(
    published: _Published, rows: list[dict[str, Any]], positions: NDArray[np.int64]
) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Yield the tasks of each file, and their details with those of their traces."""
    by_task: dict[str, list[int]] = {}
    for row, position in zip(rows, positions.tolist(), strict=True):
        by_task.setdefault(row["task_id"] or "", []).append(position)
    held: dict[str, Any] = {"tasks": {}, "traces": {}}
    size = 0
    for task_id, of_task in by_task.items():
        held["tasks"][task_id] = published.task(task_id)
        for position in of_task:
            trace = published.trace(position)
            held["traces"][trace["trace_id"]] = trace
            size += len(trace["text"]) + sum(len(turn.get("content", "")) for turn in trace["turns"] or ())
        if size > _CHUNK:
            yield list(held["tasks"]), held
            held, size = {"tasks": {}, "traces": {}}, 0
    if held["tasks"]:
        yield list(held["tasks"]), held


class _Published:
    """The details of tasks and traces without what is not published."""

    def __init__(self, browser: RunBrowser, *, with_contexts: bool, with_leaks: bool) -> None:
        self._browser = browser
        self._with_contexts = with_contexts
        self._with_leaks = with_leaks
        self.withheld = 0
        self.annotated = 0

    def task(self, task_id: str) -> dict[str, Any]:
        task = self._browser.details.task(task_id)
        task["source"] = task["source"] and public_label(task["source"])
        if not self._with_contexts:
            task |= {"solution": None, "contamination": _without_questions(task["contamination"])}
        return task

    def trace(self, position: int) -> dict[str, Any]:
        trace = self._browser.trace_at(position)
        self.annotated += trace["annotation"] != {"tag": "", "note": ""}
        trace["teacher"] = public_label(trace["teacher"] or "")
        trace["verdict"]["detail"] = None
        if trace["error"] is not None:
            trace["error"] = "the request failed"
        if trace["gaps"] is not None:
            trace["gaps"] |= {"detail": None, "scorer": public_label(trace["gaps"]["scorer"] or "")}
        if not self._with_contexts:
            if trace["context"] is not None:
                trace |= {"context": None, "context_source": f"{trace['context_source']}, which is not in these files"}
            trace |= {"prompt": None, "contamination": _without_questions(trace["contamination"])}
        if trace["leak"] and not self._with_leaks:
            self.withheld += 1
            trace |= {"text": "", "marks": [], "token_gaps": None, "reasoning_end": 0, "withheld": _WITHHELD}
            trace |= {"turns": None, "tools": []}
            trace["verdict"]["extracted_answer"] = None
        if trace["duplicate"] is not None:
            trace["difference"] = self._difference(trace)
        return trace

    def _difference(self, trace: dict[str, Any]) -> dict[str, Any] | None:
        kept = self._browser.trace(trace["duplicate"]["duplicate_of"])
        if not self._with_leaks and (trace["leak"] or kept["leak"]):
            return None
        return self._browser.difference(trace["trace_id"])


def _without_questions(matches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [match | {"question": None} for match in matches if match["where"] != "context"]


def _description(browser: RunBrowser, rows: list[dict[str, Any]], exported: Exported) -> dict[str, Any]:
    """Return what every page needs, of the traces that are there."""
    described = browser.description()
    facets = []
    for facet in described["facets"]:
        name = facet["name"]
        there = {value for row in rows for value in (row[name].split(", ") if name in SEVERAL else [row[name]])}
        known = [public_label(value) if name == "teacher" else value for value in facet["values"]]
        listed = [value for value in dict.fromkeys(known) if value in there]
        facets.append({"name": name, "values": listed + sorted(there - set(listed)), "unlisted": 0})
    numbers = {name: sum(row[name] is not None for row in rows) / max(1, len(rows)) for name in described["numbers"]}
    return described | {
        "folder": "",
        "traces": len(rows),
        "tasks": len({row["task_id"] for row in rows}),
        "facets": facets,
        "several": SEVERAL,
        "missing": MISSING,
        "numbers": numbers,
        "notes": [*_said(exported), *described["notes"]],
        "writable": False,
    }


def _said(exported: Exported) -> list[str]:
    """Say what of the run is in the folder, and what is not."""
    said = []
    if exported.traces < exported.of:
        said.append(
            f"A sample: {exported.traces:,} of {exported.of:,} traces, with the same share of each privilege and "
            "verdict and at least 10 of each. Counts are those of the sample."
        )
    if exported.with_contexts:
        said.append("These files hold what only the teachers saw: contexts, prompts and worked solutions.")
    else:
        leaking = f", the text of {exported.withheld:,} leaking traces" if exported.withheld else ""
        said.append(
            f"Not in these files: what only the teachers saw (contexts, prompts, worked solutions){leaking}, "
            "evaluation questions."
        )
    return said


def said_in_words(exported: Exported, folder: Path) -> list[str]:
    """Return lines for the terminal: what was written, what is not in it, and what of a person's is."""
    lines = [f"{exported.traces:,} traces in {folder}; open {folder / 'index.html'}", *_said(exported)]
    if exported.annotated:
        lines.append(f"Tags and notes of {exported.annotated:,} traces are in these files, too.")
    return [re.sub(r"\s+", " ", line) for line in lines]
