"""A judge in a recipe: what it may say, what is published of it, what it will cost, and who may send traces where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import infogap
from cli.in_process import infogap as command
from infogap.publish.redaction import public_recipe
from infogap.recipe import RecipeError, load_recipe
from infogap.recipe.untrusted import untrusted_problems
from servers.scripted import Body, Reply, ScriptedServer
from servers.serve import serve
from verify.judging.judged_run import text_of, vote

_RECIPE = """\
name: trial
import: [{from: traces.jsonl, verifier: judge, check_with: math, columns: {question: q, answer: a, trace: t}}]
verify:
  judge:
    by:
      backend: openai
      model: judge
      base_url: http://secret-host/v1
      api_key_env: SECRET_NAME
      price: {prompt: 1000, completion: 2000}
      sampling: {max_tokens: 50}
balance: {verdict: {correct: 0.5, wrong: 0.5}, leak: keep}
publish: {version: 0.1.0, configs: [sft, traces]}
"""


def _write(folder: Path, recipe: str = _RECIPE) -> Path:
    rows = [{"q": f"What is {n}?", "a": str(n), "t": rf"So \boxed{{{n % 6}}}. Variant {n}."} for n in range(8)]
    (folder / "traces.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "recipe.yaml").write_text(recipe)
    return folder / "recipe.yaml"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("sampling: {max_tokens: 50}", "sampling: {temperature: 0}", "3 votes are one vote 3 times"),
        ("sampling: {max_tokens: 50}", "mode: batch", "a judge votes while the command waits"),
        ("verify:\n", "dedupe: null\n#", "no model is named to judge"),
        ("verifier: judge, check_with: math", "verifier: math", "no source has `verifier: judge`"),
        ("check_with: math", "check_with: consensus", "allowed: math, "),
        ("verifier: judge, ", "verifier: exact, ", "is for `verifier: judge`"),
        ("  judge:\n", "  judge:\n    wording: ''\n", "is empty"),
        ("  judge:\n", "  judge:\n    votes: 0\n", "1"),
    ],
)
def test_what_a_recipe_may_not_say(tmp_path: Path, old: str, new: str, problem: str) -> None:
    text = _RECIPE.replace(old, new)
    if "#" in new:
        text = text[: text.index("#")] + "publish: {version: 0.1.0}\n"
    with pytest.raises(RecipeError, match=problem):
        load_recipe(_write(tmp_path, text))


def test_servers_keys_and_prices_are_not_published(tmp_path: Path) -> None:
    published = public_recipe(load_recipe(_write(tmp_path)).recipe)
    assert published["verify"]["judge"]["by"]["model"] == "judge"
    assert not any(secret in json.dumps(published) for secret in ("secret-host", "SECRET_NAME", "price"))


def test_a_recipe_from_elsewhere_may_not_send_keys(tmp_path: Path) -> None:
    by = {"backend": "openai", "model": "m", "base_url": "https://x/v1", "api_key_env": "HF_TOKEN"}
    problems = untrusted_problems({"verify": {"judge": {"by": by}}}, tmp_path)
    assert [path for path, _ in problems] == [("verify", "judge", "by", "api_key_env")]


def test_the_plan_estimates_votes_and_their_cost(tmp_path: Path) -> None:
    shown = command("check", _write(tmp_path), "--plan", "--json", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    judge = json.loads(shown.stdout)["judge"]
    assert (judge["votes"], judge["completion_tokens"]) == (24, 24 * 50)
    assert 24 * 200 < judge["prompt_tokens"] < 24 * 600
    assert judge["cost"] == pytest.approx(judge["prompt_tokens"] / 1000 + 24 * 50 / 500)
    printed = command("check", tmp_path / "recipe.yaml", "--plan", cwd=tmp_path).stdout
    assert f"24 votes at most: {judge['prompt_tokens']:,} prompt tokens" in printed


def test_a_response_alone_cannot_be_judged() -> None:
    with pytest.raises(infogap.InputError, match=r"there is no verifier 'judges'.*use choice, code, exact, math"):
        infogap.grade("x", "y", "judges")
    with pytest.raises(infogap.InputError, match="grades the traces of a run"):
        infogap.grade("x", "y", "judge")


def test_report_and_card_say_who_decides_and_how_far_gold_answers_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(body: Body, _before: int) -> Reply:
        return vote("wrong" if "boxed{0}" in text_of(body) or "boxed{5}" in text_of(body) else "right")

    monkeypatch.setenv("SECRET_NAME", "sk-123")
    server = ScriptedServer(script)
    with serve(server.app) as url:
        _write(tmp_path, _RECIPE.replace("http://secret-host", url))
        stopped = command("run", "recipe.yaml", "--max-requests", "5", cwd=tmp_path)
        assert (stopped.returncode, "5 votes of the judge are on disk" in stopped.stderr) == (0, True), stopped.stderr
        done = command("run", "recipe.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(server.bodies) == 24
    assert all(headers["authorization"] == "Bearer sk-123" for headers in server.headers)
    folder = tmp_path / "runs" / "trial"
    card = (folder / "dataset" / "README.md").read_text()
    report = (folder / "report" / "index.html").read_text()
    agreement = "the same as by the gold answers on 5 of 8 traces (62.5%)"
    for page in (card, report, " ".join(done.stdout.split())):
        assert "decides by the majority of 3 votes; in all 15 right, 9 wrong" in page
        assert agreement in page
    assert "24 votes" not in card
    assert "judge judge" in report
    for path in folder.rglob("*"):
        assert path.is_dir() or b"sk-123" not in path.read_bytes(), path
    assert url not in card + (folder / "dataset" / "infogap.json").read_text()
    assert '"cost"' not in (folder / "dataset" / "infogap.json").read_text()
