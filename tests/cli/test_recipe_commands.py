"""Starting from a file: formats, init --from, check --plan."""

import json
from pathlib import Path

from cli.in_process import infogap
from infogap.cli.task_preview import Preview, PreviewedTask
from tasks.small_recipes import write_jsonl

ROW = {"question": "What is 3 + 4?", "answer": "3 + 4 = 7\n#### 7"}


def test_formats_are_listed_and_recognised(tmp_path: Path) -> None:
    listed = infogap("formats", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert {"gsm8k", "inspect", "sharegpt"} <= {line.split()[0] for line in listed.stdout.splitlines()}
    write_jsonl(tmp_path / "a.jsonl", [ROW])
    found = infogap("formats", "a.jsonl", "--json", cwd=tmp_path)
    assert [row["format"] for row in json.loads(found.stdout)] == ["gsm8k"]
    write_jsonl(tmp_path / "b.jsonl", [{"x": 1}])
    none = infogap("formats", "b.jsonl", cwd=tmp_path)
    assert (none.returncode, none.stdout) == (0, "")
    assert "matches none of them" in none.stderr


def test_a_recipe_from_a_file_is_valid_and_shows_its_tasks(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [ROW])
    done = infogap("init", "made.yaml", "--from", "a.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    plan = infogap("check", "made.yaml", "--plan", cwd=tmp_path)
    assert plan.returncode == 0, plan.stderr
    for shown in ("question", "What is 3 + 4?", "under solution", "worked solutions: 1 of 1 end in the gold answer"):
        assert shown in plan.stdout
    data = json.loads(infogap("check", "made.yaml", "--plan", "--json", cwd=tmp_path).stdout)
    assert data["examples"][0]["answer"] == "7"
    assert data["solutions"]["verdicts"] == {"correct": 1}


def test_the_tasks_command_shows_tasks_and_an_import_its_traces(tmp_path: Path) -> None:
    write_jsonl(
        tmp_path / "t.jsonl", [{"question": "What is 3 + 4?", "answer": 7, "trace": "<think>So.</think>\\boxed{7}"}]
    )
    assert infogap("init", "made.yaml", "--from", "t.jsonl", cwd=tmp_path).returncode == 0
    plan = infogap("check", "made.yaml", "--plan", cwd=tmp_path)
    assert plan.returncode == 0, plan.stderr
    assert "thought             So." in plan.stdout
    assert "traces                           1" in plan.stdout
    run = infogap("run", "made.yaml", "--run", "r", "--quiet", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    tasks = infogap("tasks", "r", cwd=tmp_path)
    assert tasks.returncode == 0, tasks.stderr
    assert "  answer              7" in tasks.stdout


def test_check_reads_the_data(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"q": "Q?", "answer": 1, "level": 2}])
    recipe = "name: x\nimport:\n  - {from: a.jsonl, columns: {question: q, trace: %s}, where: %s}\n"
    (tmp_path / "r.yaml").write_text(recipe % ("t", "levl > 1"))
    done = infogap("check", "r.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "r.yaml:3: import[0].columns.trace: a.jsonl: no row has 't'; its columns are q, answer, level" in done.stderr
    (tmp_path / "r.yaml").write_text(recipe % ("'{{ q }'", "level > 1"))
    done = infogap("check", "r.yaml", cwd=tmp_path)
    assert "import[0].columns.trace: not a valid template" in done.stderr
    (tmp_path / "r.yaml").write_text(recipe % ("q", "levl > 1"))
    done = infogap("check", "r.yaml", cwd=tmp_path)
    assert "import[0].where: not a condition over a task's columns: unable to find column" in done.stderr


def test_a_long_label_does_not_run_into_its_text() -> None:
    task = PreviewedTask("1", "a.jsonl", "math", "What is 3 + 4?", "7", contexts={"solution_in_lines": "So it is 7."})
    lines = Preview([task], None).lines()
    assert "  under solution_in_lines So it is 7." in lines
    assert f"  {'question':<23} What is 3 + 4?" in lines


def test_the_plan_says_what_a_top_up_may_add(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"question": "What is 3 + 4?", "answer": "7"}])
    (tmp_path / "r.yaml").write_text(
        "name: x\ntasks: [{from: a.jsonl}]\nteacher: {backend: openai, model: m, base_url: http://localhost:1/v1}\n"
        "generate: {samples: 1, privileges: [unguided]}\nbalance: {size: 20, top_up: {rounds: 3}}\n"
    )
    plan = infogap("check", "r.yaml", "--plan", cwd=tmp_path)
    assert "top_up                         480 more requests at most, in up to 3 rounds, 8 for each" in plan.stdout
    unknown = ("check", "r.yaml", "--plan", "--set", "balance.size=max")
    assert "the number of missing traces is not known" in infogap(*unknown, cwd=tmp_path).stdout
    assert json.loads(infogap(*unknown, "--json", cwd=tmp_path).stdout)["top_up"] == {"rounds": 3, "requests": None}
    nothing = "top_up: nothing is generated for a mix without a `size`"
    assert nothing in infogap(*unknown, cwd=tmp_path).stderr
    assert nothing not in infogap("check", "r.yaml", cwd=tmp_path).stderr
