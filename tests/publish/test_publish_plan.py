"""`infogap publish` from the command line: a dry run, versions that it chooses, and where they go."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import stamina

from cli import in_process
from hub.server import Hub
from servers.serve import serve

ROWS = [{"q": f"What is {n} + {n}?", "a": str(2 * n), "t": f"Perhaps it is \\boxed{{{2 * n}}}."} for n in range(1, 9)]
RECIPE = """\
name: sums
import: [{from: rows.jsonl, columns: {question: q, answer: a, trace: t}}]
publish: {repo: org/sums, version: 1.0.0}
"""


@pytest.fixture(scope="module")
def hub() -> Iterator[tuple[Hub, str]]:
    state = Hub()
    with serve(state.app) as url:
        yield state, url


@pytest.fixture
def work(tmp_path: Path, hub: tuple[Hub, str]) -> Path:
    """A folder with a run of six of the rows, and nothing on the Hub."""
    hub[0].repos.clear()
    write_rows(tmp_path, 6)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    assert infogap("run", "recipe.yaml", cwd=tmp_path, hub=hub).returncode == 0
    return tmp_path


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory, hub: tuple[Hub, str]) -> Path:
    """The same without a repository; no test changes it."""
    folder = tmp_path_factory.mktemp("settled")
    write_rows(folder, 6)
    (folder / "recipe.yaml").write_text(RECIPE.replace("repo: org/sums, ", ""))
    assert infogap("run", "recipe.yaml", cwd=folder, hub=hub).returncode == 0
    return folder


def write_rows(folder: Path, count: int) -> None:
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS[:count]))


def infogap(*arguments: str, cwd: Path, hub: tuple[Hub, str]) -> subprocess.CompletedProcess[str]:
    state, url = hub
    with patch.dict(os.environ, {"HF_ENDPOINT": url, "HF_TOKEN": state.token, "HF_HUB_DISABLE_XET": "1"}):
        return in_process.infogap(*arguments, cwd=cwd)


def plan_of(work: Path, hub: tuple[Hub, str], *arguments: str) -> dict[str, Any]:
    ran = infogap("publish", "sums", "--dry-run", "--json", *arguments, cwd=work, hub=hub)
    assert ran.returncode == 0, ran.stderr
    plan: dict[str, Any] = json.loads(ran.stdout)
    return plan


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_version_is_pushed_grown_planned_and_pushed_as_the_next(work: Path, hub: tuple[Hub, str]) -> None:
    first = plan_of(work, hub)
    assert (first["last"], first["level"], first["enough"]) == (None, None, True)
    assert first["changes"]["rows"]["sft"]["added"] == 6
    assert hub[0].repos == {}
    assert infogap("publish", "sums", "--push", cwd=work, hub=hub).returncode == 0

    write_rows(work, 8)
    for stage in ("tasks", "import", "verify", "measure", "dedupe", "balance"):
        assert infogap(stage, "sums", cwd=work, hub=hub).returncode == 0
    before, tags = files_in(work), dict(hub[0].repos["org/sums"].tags)
    plan = plan_of(work, hub)
    assert files_in(work) == before and hub[0].repos["org/sums"].tags == tags
    assert (plan["last"], plan["level"], plan["asked_for"], plan["enough"]) == ("1.0.0", "minor", "1.1.0", False)
    assert plan["changes"]["rows"]["sft"] == {
        "before": 6,
        "after": 8,
        "added": 2,
        "removed": 0,
        "changed": 0,
        "moved": 0,
    }
    assert {"name": "tasks", "before": 6, "after": 8} in plan["changes"]["statistics"]
    assert {"name": "rows: sft: train", "before": 6, "after": 8} in plan["changes"]["statistics"]
    printed = infogap("publish", "sums", "--dry-run", cwd=work, hub=hub)
    assert "version: 1.0.0 (the changes ask for 1.1.0, and would be refused)" in printed.stdout
    assert "sft: 6 rows -> 8; 2 added, 0 removed, 0 changed" in printed.stdout

    refused = infogap("publish", "sums", "--push", "--version", "1.0.1", cwd=work, hub=hub)
    assert refused.returncode == 2
    assert "1.0.1 is too low after 1.0.0: it must be 1.1.0 or higher" in refused.stderr
    pushed = infogap("publish", "sums", "--push", "--version", "auto", cwd=work, hub=hub)
    assert pushed.returncode == 0 and "at v1.1.0" in pushed.stderr, pushed.stderr
    assert set(hub[0].repos["org/sums"].tags) == {"v1.0.0", "v1.1.0"}
    again = infogap("publish", "sums", "--push", "--version", "auto", cwd=work, hub=hub)
    assert again.returncode == 0 and "already published" in again.stderr
    status = json.loads(infogap("status", "sums", "--json", cwd=work, hub=hub).stdout)
    assert "stale" not in json.dumps([stage for stage in status if stage.get("stage") == "publish"])


def test_a_folder_and_another_repository(work: Path, hub: tuple[Hub, str]) -> None:
    plan = plan_of(work, hub, "--to", "out")
    assert plan["where"] == "out" and not (work / "out").exists()
    done = infogap("publish", "sums", "--to", "out", cwd=work, hub=hub)
    assert done.returncode == 0 and "published: out at v1.0.0" in done.stderr
    assert plan_of(work, hub, "--to", "out")["level"] is None
    again = infogap("publish", "sums", "--to", "out", "--version", "auto", cwd=work, hub=hub)
    assert again.returncode == 0 and "already published: out at v1.0.0" in again.stderr
    other = infogap("publish", "sums", "--push", "--repo", "org/other", "--private", cwd=work, hub=hub)
    assert other.returncode == 0, other.stderr
    assert hub[0].repos["org/other"].private and "v1.0.0" in hub[0].repos["org/other"].tags
    assert "repo: org/other" in (work / "runs/sums/recipe.yaml").read_text()


def test_a_pull_request_and_a_branch(work: Path, hub: tuple[Hub, str]) -> None:
    proposed = infogap("publish", "sums", "--push", "--create-pr", cwd=work, hub=hub)
    assert proposed.returncode == 0 and "/discussions/1; once it is merged" in proposed.stderr
    branch = infogap("publish", "sums", "--push", "--branch", "next", cwd=work, hub=hub)
    assert branch.returncode == 0 and "on the branch next, without a tag" in branch.stderr
    assert hub[0].repos["org/sums"].tags == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--branch", "next"], "--branch is for --push; write both"),
        (["--create-pr"], "--create-pr is for --push; write both"),
        (["--push", "--create-pr", "--branch", "next"], "name --create-pr or --branch"),
        (["--version", "1.0"], "version '1.0' is not of the form 1.2.3"),
        (["--repo", "nothing"], "repo 'nothing' is not of the form org/name"),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: list[str], message: str, settled: Path, hub: tuple[Hub, str]
) -> None:
    done = infogap("publish", "sums", *arguments, cwd=settled, hub=hub)
    assert done.returncode == 2
    assert message in done.stderr
    assert "--set" not in done.stderr
    assert len(done.stderr.splitlines()) <= 3


def test_auto_needs_a_last_version_to_go_by(settled: Path, hub: tuple[Hub, str]) -> None:
    done = infogap("publish", "sums", "--version", "auto", cwd=settled, hub=hub)
    assert done.returncode == 2
    assert "name its folder (--to) or its repository (--repo)" in done.stderr
    assert plan_of(settled, hub)["last"] is None


def test_a_hub_that_is_not_there_ends_with_3(settled: Path, hub: tuple[Hub, str]) -> None:
    nowhere = (hub[0], "http://127.0.0.1:9")
    with stamina.set_testing(True, attempts=3):  # it tries again, without half a minute of waits
        done = infogap("publish", "sums", "--dry-run", "--repo", "org/sums", cwd=settled, hub=nowhere)
    assert done.returncode == 3


def test_a_dry_run_needs_a_mix_that_is_up_to_date(work: Path, hub: tuple[Hub, str]) -> None:
    write_rows(work, 8)
    done = infogap("publish", "sums", "--dry-run", cwd=work, hub=hub)
    assert done.returncode == 2
    assert "first: infogap" in done.stderr


def test_a_config_without_rows_is_said_before_anything_is_published(tmp_path: Path) -> None:
    row = {"question": "What is 3 + 2?", "answer": "5", "trace": "It is \\boxed{5}"}
    rows = [row, row | {"trace": "So it must be \\boxed{5}, as 3 + 2 is 5."}]
    (tmp_path / "traces.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    (tmp_path / "recipe.yaml").write_text(
        "name: few\nimport: [{from: traces.jsonl, columns: {question: question, answer: answer, trace: trace}}]\n"
        "publish: {configs: [sft, preference]}\n"
    )
    assert in_process.infogap("run", "recipe.yaml", "--run", "run", cwd=tmp_path).returncode == 4
    for arguments in ((), ("--version", "0.2.0")):  # as it is, and built for the plan
        planned = in_process.infogap("publish", "run", "--dry-run", "--json", *arguments, cwd=tmp_path)
        assert planned.returncode == 4
        assert "nothing would be published: nothing to publish as `preference`" in planned.stderr
        assert "`preference`" in json.loads(planned.stdout)["shortfall"]
