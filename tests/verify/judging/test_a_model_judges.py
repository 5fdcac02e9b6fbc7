"""The real small model as a judge: in this process, and behind a server that takes no schema."""

from __future__ import annotations

from pathlib import Path

import pytest

from infogap.verify import STAGE
from verify.judging.judged_run import journal, judged_run, trace, verdicts, write_traces

_TRACES = [trace(number, rf"I think that it is \boxed{{{number}}}.", number) for number in range(3)]


@pytest.mark.model
def test_a_served_model_votes(tmp_path: Path, model_server: str) -> None:
    by = f"{{backend: openai, model: smollm2, base_url: {model_server}, sampling: {{max_tokens: 30}}}}"
    runs = [judged_run(tmp_path / name, "", votes=1, tasks=3, by=by) for name in ("one", "two")]
    write_traces(runs[0], _TRACES)
    write_traces(runs[1], _TRACES[:1])
    outcome = STAGE.make(runs[0])
    votes = outcome.counts["judge"]
    said = [votes.get(name, 0) for name in ("right", "wrong", "unsure", "unreadable")]
    assert votes["votes"] == sum(said) == 3
    assert votes["prompt_tokens"] > 3 * 200
    assert sum(outcome.counts[name] for name in ("correct", "wrong", "ungradable")) == 3
    replies = [(vote["id"], vote["response"]) for vote in journal(runs[0])]
    assert all(text for _, text in replies)
    again = verdicts(runs[1])
    assert len(again) == 1
    assert again.items() <= verdicts(runs[0]).items()  # an equal request, an equal reply


@pytest.mark.model
def test_the_embedded_model_votes_in_the_form_asked_for(tmp_path: Path) -> None:
    run = judged_run(tmp_path, "", votes=1, tasks=3, by="{backend: embedded, threads: 1, sampling: {max_tokens: 60}}")
    write_traces(run, _TRACES)
    outcome = STAGE.make(run)
    votes = outcome.counts["judge"]
    assert votes["votes"] == 3
    assert not votes.keys() & {"without_schema", "read_loosely", "unreadable"}
    assert all(vote["structured"] for vote in journal(run))
    assert "judge_and_gold" in outcome.counts
