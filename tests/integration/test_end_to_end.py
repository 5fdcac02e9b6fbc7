"""A recipe through every stage: real text from a real model over HTTP, to a dataset that loads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from datasets import load_dataset

from cli.in_process import infogap

RECIPE = """\
name: small
seed: 3
tasks:
  - from: tasks.jsonl
    columns: {{solution: solution}}
    family: sums
  - {{from: reasoning_gym, names: [chain_sum], count: 1}}
teacher:
  backend: openai
  model: smollm2
  base_url: {url}
  concurrency: 2
  sampling: {{max_tokens: 8, temperature: 0.8, top_p: 0.95}}
generate:
  samples: 2
  privileges: [unguided, {{hint: {{fraction: 0.3}}}}, answer, solution, decoy_answer]
  instruction: Be brief.  # the model reads prompts as slowly as it writes
balance: {{max_per_task: 3, verdict: uniform}}
"""
TASKS = [
    {
        "question": f"What is {n} + {n}?",
        "answer": str(2 * n),
        "solution": f"We add {n} to itself. {n} + {n} = {2 * n}. The answer is {2 * n}.",
    }
    for n in (2, 4)
]
STAGES = ["tasks", "generate", "verify", "measure", "dedupe", "balance", "publish", "report"]


def process(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `infogap` in a process of its own."""
    command = [sys.executable, "-m", "infogap", *arguments]
    environment = os.environ | {"COLUMNS": "120"}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env=environment)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def workplace(model_server: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the recipe has been run once, in a process of its own."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "recipe.yaml").write_text(RECIPE.format(url=model_server))
    (folder / "tasks.jsonl").write_text("\n".join(json.dumps(task) for task in TASKS))
    done = process("run", "recipe.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "stdout").write_text(done.stdout)
    (folder / "stderr").write_text(done.stderr)
    return folder


@pytest.mark.model
def test_the_dataset_loads_by_config(workplace: Path) -> None:
    dataset = str(workplace / "runs" / "small" / "dataset")
    traces = load_dataset(dataset, "traces", split="train")
    chosen = load_dataset(dataset, "sft", split="train")
    assert traces.num_rows == 2 * (2 * 5 + 3)
    assert set(traces["privilege"]) == {"unguided", "hint", "answer", "solution", "decoy_answer"}
    assert 0 < chosen.num_rows <= traces.num_rows
    asked = {message["content"] for messages in chosen["messages"] for message in messages[:1]}
    assert not any("The final answer" in prompt or "A solution:" in prompt for prompt in asked)
    assert load_dataset(dataset, split="train").column_names == chosen.column_names


@pytest.mark.model
def test_the_terminal_says_what_came_of_it(workplace: Path) -> None:
    out, err = (workplace / "stdout").read_text(), (workplace / "stderr").read_text()
    for heading in ("privilege", "traces", "accuracy", "mean tokens", "The mix", "dataset", "next"):
        assert heading in out
    for stage in STAGES:
        assert stage in err
    assert "1 task skipped for privilege hint: no solution" in err


@pytest.mark.model
def test_a_second_run_makes_nothing(workplace: Path) -> None:
    before = files(workplace / "runs" / "small")
    again = infogap("run", "recipe.yaml", cwd=workplace)
    assert again.returncode == 0
    assert "everything is up to date" in again.stderr
    assert before.items() - files(workplace / "runs" / "small").items() <= {(".lock.owner", b"")}


@pytest.mark.model
def test_another_folder_gets_the_same_bytes(workplace: Path) -> None:
    done = infogap("run", "recipe.yaml", "--run", "elsewhere", "--json", cwd=workplace)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run"] == "elsewhere"
    assert files(workplace / "elsewhere" / "dataset") == files(workplace / "runs" / "small" / "dataset")
    for table in ("tasks", "contexts", "traces", "verdicts", "measures", "duplicates", "mix"):
        assert files(workplace / "elsewhere" / table) == files(workplace / "runs" / "small" / table)


@pytest.mark.model
def test_a_change_of_the_mix_runs_balance_and_what_follows(workplace: Path) -> None:
    changed = infogap("run", "recipe.yaml", "--run", "elsewhere", "--set", "balance.max_per_task=2", cwd=workplace)
    assert changed.returncode == 0, changed.stderr
    for stage in STAGES[:5]:
        assert f"{stage:<9} up to date" in changed.stderr
    assert "balance   again: balance.max_per_task: 3 -> 2" in changed.stderr
    for stage in STAGES[5:]:
        assert f"{stage:<9} up to date" not in changed.stderr


@pytest.mark.model
def test_status_and_show_look_without_changing(workplace: Path) -> None:
    run = Path("runs/small")
    before = files(workplace / run)
    states = json.loads(infogap("status", run, "--json", cwd=workplace).stdout)
    assert {state["stage"]: state["state"] for state in states} == dict.fromkeys(STAGES, "done")
    shown = json.loads(infogap("show", run, "--privilege", "answer", "--json", cwd=workplace).stdout)
    assert {trace["privilege"] for trace in shown} == {"answer"}
    screen = infogap("show", run, "--limit", "1", cwd=workplace).stdout
    assert "gold answer" in screen
    assert "unguided #0" in screen
    wrong = infogap("show", run, "--privilege", "anwser", cwd=workplace)
    assert wrong.returncode == 2
    assert "did you mean 'answer'" in wrong.stderr
    prompt = infogap("privileges", "show", "decoy_answer", "--run", run, cwd=workplace)
    assert "The final answer:\n" in prompt.stdout
    assert files(workplace / run) == before


@pytest.mark.model
def test_a_stage_command_asks_for_what_it_reads(workplace: Path) -> None:
    (workplace / "elsewhere" / "verdicts" / "manifest.json").unlink()
    refused = infogap("balance", "elsewhere", cwd=workplace)
    assert refused.returncode == 2
    assert "infogap verify elsewhere" in refused.stderr
    assert infogap("verify", "elsewhere", cwd=workplace).returncode == 0
    assert infogap("balance", "elsewhere", cwd=workplace).returncode == 0


@pytest.mark.model
def test_a_dead_server_ends_with_3_and_keeps_what_is_there(workplace: Path) -> None:
    dead = process(
        "run", "recipe.yaml", "--run", "dead", "--set", "teacher.base_url=http://127.0.0.1:9/v1",
        "--set", "teacher.attempts=1", cwd=workplace,
    )  # fmt: skip
    assert dead.returncode == 3
    assert "no server answers at http://127.0.0.1:9/v1" in dead.stderr
    assert "Traceback" not in dead.stderr
    states = json.loads(infogap("status", "dead", "--json", cwd=workplace).stdout)
    assert [state["state"] for state in states[:3]] == ["done", "partial", "missing"]


@pytest.mark.model
def test_too_few_traces_end_with_4_and_say_what_to_do(workplace: Path) -> None:
    short = process("run", "recipe.yaml", "--run", "elsewhere", "--set", "balance.size=1000", cwd=workplace)
    assert short.returncode == 4
    assert "when_short" in short.stderr
    shrunk = infogap(
        "run", "recipe.yaml", "--run", "elsewhere", "--set", "balance.size=1000",
        "--set", "balance.when_short=shrink", cwd=workplace,
    )  # fmt: skip
    assert shrunk.returncode == 4
    assert (workplace / "elsewhere" / "dataset" / "README.md").is_file()


def test_traces_that_exist_go_through_every_later_stage(tmp_path: Path) -> None:
    recipe = Path(__file__).parents[2] / "recipes" / "import-traces.yaml"
    done = infogap("run", recipe, "--run", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    chosen = load_dataset(str(tmp_path / "run" / "dataset"), "sft", split="train")
    bands = list(chosen["band"])
    assert abs(bands.count("confident") - bands.count("uncertain")) <= 1
    assert len(bands) >= 20
