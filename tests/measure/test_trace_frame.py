"""The frame that measures read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infogap.measure.trace_frame import fork_rates
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.schema import TOKENS


def test_shares_of_tokens_over_the_threshold(tmp_path: Path) -> None:
    import_ = [{"from": "traces.jsonl", "columns": {"trace": "text"}}]
    run = Run(tmp_path, Recipe.model_validate({"name": "forks", "import": import_}), tmp_path)
    assert fork_rates(run, 0.5).is_empty()
    rows: list[dict[str, Any]] = [
        {"trace_id": "a", "logprobs": [-0.1, -1.0, -0.2, -0.3], "entropies": [0.1, 1.0, 0.6, 0.25]},
        {"trace_id": "b", "logprobs": [-0.1], "entropies": [0.5]},
        {"trace_id": "no tokens", "logprobs": [], "entropies": []},
        {"trace_id": "not recorded", "logprobs": None, "entropies": None},
    ]
    with run.rewrite(TOKENS) as out:
        out.write(TOKENS.frame(rows))
    assert dict(fork_rates(run, 0.5).iter_rows()) == pytest.approx({"a": 0.5, "b": 0.0})
