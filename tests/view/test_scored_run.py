"""Tokens as the real model reads and scores them, laid over the text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infogap.api.run import Run as RunWithRecipe
from infogap.view.run_browser import RunBrowser

_THOUGHT = "<think>\nTwo and three, naïvely 😀: five.\n</think>\n\n"
_TRACES: list[dict[str, str | None]] = [
    {"t": _THOUGHT + "It is \\boxed{5}.", "p": "answer", "c": "The final answer: 5"},
    {"t": "It is \\boxed{5}.", "p": "unguided", "c": None},
]


@pytest.mark.model
def test_tokens_of_the_scorer_cover_the_text(tmp_path: Path) -> None:
    rows = [row | {"q": "What is 2 + 3?", "a": "5"} for row in _TRACES]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = {"question": "q", "answer": "a", "trace": "t", "privilege": "p", "context": "c"}
    scorer = {"backend": "embedded", "threads": 1, "context_length": 512}
    recipe = {
        "name": "scored",
        "import": [{"from": str(tmp_path / "rows.jsonl"), "columns": columns}],
        "measure": {"gap": {"scorer": scorer, "per_token": True}},
        "balance": {"when_short": "shrink"},
    }
    run = RunWithRecipe.create(recipe, tmp_path / "run")
    for stage in ("tasks", "import", "verify", "gap", "measure"):
        run.update(stage, quiet=True)
    browser = RunBrowser.open(run.folder)
    for trace_id in browser.index.trace_ids:
        trace = browser.trace(trace_id)
        ends, gaps = trace["token_gaps"]["ends"], trace["token_gaps"]["gaps"]
        assert ends[-1] == len(trace["text"].encode("utf-16-le")) // 2
        assert len(ends) == len(gaps) > 5
        assert (max(map(abs, gaps)) > 0.1) is (trace["privilege"] == "answer")
