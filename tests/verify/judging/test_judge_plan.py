"""The votes that a plan counts: those on traces and on what is derived from them, and none on notes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli.in_process import infogap

_RECIPE = """\
name: trial
import: [{from: traces.jsonl, verifier: judge, columns: {question: q, answer: a, trace: t, privilege: p}}]
verify: {judge: {by: {backend: openai, model: judge, base_url: "http://127.0.0.1:1/v1"}}}
derive:
  - wrong_answer: {}
  - shuffle_steps: {privileges: [unguided]}
publish: {version: 0.1.0, configs: [traces]}
"""


def _plan(folder: Path, recipe: str) -> dict[str, Any]:
    rows = [
        {"q": f"What is {n}?", "a": str(n), "t": f"So {n}.", "p": privilege}
        for n, privilege in ((1, "unguided"), (2, "unguided"), (3, "solution"))
    ]
    (folder / "traces.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "recipe.yaml").write_text(recipe)
    shown = infogap("check", "recipe.yaml", "--plan", "--json", cwd=folder)
    assert shown.returncode == 0, shown.stderr
    plan: dict[str, Any] = json.loads(shown.stdout)
    return plan


def test_the_plan_includes_votes_on_derived_traces(tmp_path: Path) -> None:
    assert _plan(tmp_path, _RECIPE)["judge"]["votes"] == (3 + 3 + 2) * 3


def test_the_plan_has_no_votes_on_critiques(tmp_path: Path) -> None:
    asked = "teacher: {backend: embedded}\ngenerate: {privileges: [unguided, critique]}\nderive"
    recipe = _RECIPE.replace("import: ", "tasks: ").replace(", trace: t, privilege: p", "").replace("derive", asked)
    plan = _plan(tmp_path, recipe)
    assert plan["privileges"].keys() == {"unguided", "critique", "critique: critiques"}
    assert plan["judge"]["votes"] == ((12 + 12) * 2 + 12) * 3
    printed = infogap("check", "recipe.yaml", "--plan", cwd=tmp_path).stdout.splitlines()
    ends = {line.index(" requests") for line in printed if line.startswith(("  unguided", "  critique"))}
    assert ends == {34}  # as those of the sums below them
