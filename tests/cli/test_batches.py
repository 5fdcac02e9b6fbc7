"""Batches on the command line: submitted and left, looked at, and collected by a later command."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cli.in_process import infogap
from infogap.cli.run_watcher import Watcher
from servers.batches import BatchServer, Fate
from servers.serve import serve

RECIPE = """\
name: demo
tasks: [{{from: tasks.jsonl, verifier: exact}}]
teacher: {{backend: openai, model: m, base_url: {url}/v1, mode: batch, price: {{prompt: 1, completion: 2, batch: 0.5}}}}
generate: {{samples: 2, privileges: [unguided]}}
balance: {{verdict: uniform}}
"""


def test_a_run_is_submitted_looked_at_and_collected(tmp_path: Path) -> None:
    server = BatchServer(fate=lambda _number: Fate(looks=looks))
    looks = 1_000
    with serve(server.app) as url:
        (tmp_path / "recipe.yaml").write_text(RECIPE.format(url=url))
        (tmp_path / "tasks.jsonl").write_text("".join(f'{{"question": "{n}?", "answer": "{n}"}}\n' for n in range(3)))

        planned = infogap("check", "recipe.yaml", "--plan", cwd=tmp_path)
        assert "of these tokens, at the recipe's prices, in batches at 0.5 of them" in planned.stdout
        assert server.calls == []

        submitted = infogap("run", "recipe.yaml", "--no-wait", "--json", cwd=tmp_path)
        assert submitted.returncode == 0
        assert json.loads(submitted.stdout)["stopped"].startswith("stopped without waiting: 0 of the 6 requests")

        said = r"1 batch in flight: batch_0 \(0 of 6 answered, in_progress, since 20\d\d-\d\d-\d\d \d\d:\d\d UTC\)"
        states = {each["stage"]: each for each in json.loads(infogap("status", "demo", "--json", cwd=tmp_path).stdout)}
        assert re.search(said, states["generate"]["why"][0])
        look = Watcher(tmp_path / "runs" / "demo").look()
        assert look.silent is None
        assert re.search(said, next(state.why[0] for state in look.states if state.stage == "generate"))

        live = infogap("run", "recipe.yaml", "--set", "teacher.mode=live", cwd=tmp_path)
        assert live.returncode == 2
        assert "6 requests to m are in flight in batches (batch_0)" in live.stderr

        looks = 0
        done = infogap("generate", "demo", "--no-wait", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "66 prompt tokens, 42 completion tokens, 7.5e-05 cost" in done.stderr
        assert infogap("run", "recipe.yaml", cwd=tmp_path).returncode == 0
    assert set(server.paid.values()) == {1}
