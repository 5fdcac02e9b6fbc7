"""Every command prints one JSON document on stdout under --json, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stamina
from typer.main import get_command

from cli.in_process import infogap
from hub.server import Hub
from infogap.cli import command_line
from servers.serve import serve
from tasks.small_recipes import write_jsonl

pytestmark = [
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
    pytest.mark.usefixtures("without_charts"),
]
SENTENCES = (
    "Let me add the two numbers slowly, and wait, I should check the tens first.",
    "Perhaps the quick way is to count upwards from the larger number here.",
)
RECIPE = """
name: sums
import: [{from: traces.jsonl, columns: {question: q, answer: a, trace: t, privilege: p}, license: cc-by-sa-4.0}]
dedupe: {}
decontaminate: {against: [{from: tests.jsonl, column: q}]}
publish: {repo: org/sums}
"""
SWEPT = "name: swept\nimport: [{from: traces.jsonl, columns: {question: q, answer: a, trace: t, privilege: p}}]\n"
GENERATED = """
name: generated
tasks: [{from: tasks.jsonl, columns: {question: q, answer: a}}]
teacher: {backend: embedded, sampling: {max_tokens: 4}}
generate: {samples: 1, privileges: [unguided]}
derive: [{delete_steps: {verdicts: [truncated]}}]
measure: {gap: {}}
balance: {verdict: {truncated: 1}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("json")
    rows = [
        {"q": f"What is {n} + 1?", "a": str(n + 1), "t": f"{said} So it is \\boxed{{{n + right}}}.", "p": "unguided"}
        for n in range(4)
        for right, said in enumerate(SENTENCES)
    ]
    write_jsonl(folder / "traces.jsonl", [*rows, rows[0]])
    write_jsonl(folder / "tasks.jsonl", [{"q": "What is 1 + 1?", "a": "2"}])
    write_jsonl(folder / "tests.jsonl", [{"q": "Who wrote the tests of this page about sums?"}])
    for name, text in (
        ("recipe", RECIPE),
        ("swept", SWEPT),
        ("generated", GENERATED),
        ("broken", "name: x\ntaks: []\n"),
    ):
        (folder / f"{name}.yaml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Any:
    state = Hub()
    with serve(state.app) as url, pytest.MonkeyPatch.context() as patch, stamina.set_testing(True, attempts=3):
        patch.setenv("HF_ENDPOINT", url)
        patch.setenv("HF_TOKEN", state.token)
        yield state


def check(key: str, expected: Any) -> Callable[[Any], bool]:
    return lambda document: bool(document[key] == expected)


# Each line: the command that it is about, its arguments, and what its document says; in an order in which they work.
STEPS: list[tuple[str, list[str], Callable[[Any], bool]]] = [
    ("init", ["init", "new.yaml"], check("recipe", "new.yaml")),
    ("formats", ["formats"], lambda found: "gsm8k" in [each["format"] for each in found]),
    ("formats", ["formats", "traces.jsonl"], lambda found: isinstance(found, list)),
    ("check", ["check", "recipe.yaml"], lambda found: found["valid"] and "cc-by-sa-4.0" in found["licenses"][0]),
    ("check", ["check", "recipe.yaml", "--plan"], check("traces", 9)),
    ("check", ["check", "generated.yaml", "--plan"], check("requests", 1)),
    ("check", ["check", "--schema"], lambda schema: "properties" in schema),
    ("privileges", ["privileges"], lambda ladder: ladder[0]["name"] == "unguided"),
    ("privileges list", ["privileges", "list"], lambda ladder: ladder[0]["name"] == "unguided"),
    ("run", ["run", "recipe.yaml", "--run", "r"], lambda found: found["stages"][0]["state"] == "done"),
    ("run", ["run", "recipe.yaml", "--run", "r", "--push"], lambda found: found["pushed"]["tag"] == "v0.1.0"),
    ("sweep", ["sweep", "swept.yaml", "--set", "seed=1,2", "--run", "s"], lambda found: len(found["cells"]) == 2),
    ("status", ["status", "r"], lambda found: isinstance(found, (list, dict))),
    ("show", ["show", "r"], lambda found: "response" in found[0]),
    ("show", ["show", "r", "--duplicates"], lambda found: isinstance(found, list)),
    ("import", ["import", "r"], check("rows", 9)),
    ("verify", ["verify", "r"], lambda found: (found["stage"], found["state"]) == ("verify", "done")),
    ("measure", ["measure", "r"], check("rows", 9)),
    ("measure", ["measure", "r", "--table"], lambda found: isinstance(found, list)),
    ("dedupe", ["dedupe", "r"], lambda found: found["stage"] == "dedupe" and found["counts"]),
    ("dedupe", ["dedupe", "--input", "traces.jsonl", "--column", "t"], check("rows", 9)),
    ("decontaminate", ["decontaminate", "r"], check("stage", "decontaminate")),
    ("decontaminate", ["decontaminate", "r", "--table"], lambda found: found == []),
    ("balance", ["balance", "r"], lambda found: "mixes" in found),
    ("balance", ["balance", "r", "--plan"], lambda found: "mix" in found),
    ("publish", ["publish", "r"], lambda found: found["configs"]["traces"]["rows"] == 9 and found["pushed"] is None),
    ("publish", ["publish", "r", "--to", "out"], check("to", {"folder": "out", "created": True})),
    ("publish", ["publish", "r", "--push"], lambda found: found["pushed"]["created"] is False),
    ("publish", ["publish", "r", "--dry-run"], lambda found: found["where"] == "org/sums"),
    ("report", ["report", "r"], check("stage", "report")),
    ("report", ["report", "r", "r", "--to", "compared.html"], check("same", True)),
    ("view", ["view", "r", "--static", "pages"], check("traces", 9)),
    ("export", ["export", "r", "mix.jsonl", "--format", "trl-sft"], lambda found: found["rows"] > 0),
    ("diff", ["diff", "r", "r"], check("same", True)),
    ("pull", ["pull", "org/sums", "--to", "pulled"], check("version", "v0.1.0")),
    ("run", ["run", "generated.yaml", "--run", "g"], lambda found: len(found["privileges"]) == 1),
    ("tasks", ["tasks", "g"], lambda found: "question" in found["examples"][0]),
    ("generate", ["generate", "g"], check("rows", 1)),
    ("derive", ["derive", "g"], check("stage", "derive")),
    ("gap", ["gap", "g"], check("stage", "gap")),
    ("gap", ["gap", "g", "--table"], lambda found: isinstance(found, (dict, list))),
    ("privileges show", ["privileges", "show", "unguided", "--run", "g"], check("privilege", "unguided")),
]
OTHERS = {
    "quickstart",  # prints what `run` prints; generating takes a minute
}


def names() -> set[str]:
    commands: Any = get_command(command_line()).commands  # type: ignore[attr-defined]
    subcommands = {f"{name} {sub}" for name, each in commands.items() for sub in getattr(each, "commands", {})}
    return {*commands} | subcommands


def test_every_command_is_tried() -> None:
    assert {name for name, _, _ in STEPS} | OTHERS == names()


def test_stdout_is_one_document(folder: Path, hub: Hub) -> None:
    for name, arguments, says in STEPS:
        done = infogap(*arguments, "--json", cwd=folder)
        assert done.returncode == 0, (arguments, done.stderr)
        document = json.loads(done.stdout)
        assert says(document), (name, arguments, document)
        again = infogap(*arguments, "--json", "-q", cwd=folder) if name not in ("init", "pull") else done
        assert json.loads(again.stdout) is not None and (again.stderr == "" or again is done), (arguments, again.stderr)


def test_what_falls_short_is_a_document_too(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "short")
    short = tmp_path / "short"
    (short / "recipe.yaml").write_text(f"{RECIPE}balance: {{size: 100}}\n")
    for arguments in (["run", "recipe.yaml", "--run", "r2"], ["balance", "r2"]):
        done = infogap(*arguments, "--json", cwd=short)
        assert done.returncode == 4 and json.loads(done.stdout), done.stderr
    (short / "recipe.yaml").write_text(RECIPE.replace("org/sums}", "org/sums, configs: [sft, preference]}"))
    right = {"q": "What is 1 + 1?", "a": "2", "t": "So it is \\boxed{2}.", "p": "unguided"}
    write_jsonl(short / "traces.jsonl", [right, right | {"t": f"{SENTENCES[0]} \\boxed{{2}}."}])
    ran = infogap("run", "recipe.yaml", "--run", "r3", cwd=short)
    assert ran.returncode == 4, ran.stderr
    done = infogap("publish", "r3", "--json", cwd=short)
    assert done.returncode == 4 and "preference" in json.loads(done.stdout)["shortfall"]


def test_a_wrong_recipe_is_a_document_with_its_problems(folder: Path) -> None:
    done = infogap("check", "broken.yaml", "--json", cwd=folder)
    found = json.loads(done.stdout)
    assert done.returncode == 2 and not found["valid"]
    assert ("broken.yaml:2", "taks") in [(each["where"], each["path"]) for each in found["problems"]]


def test_what_was_stopped_says_so(folder: Path) -> None:
    done = infogap("run", "generated.yaml", "--run", "stopped", "--max-requests", "0", "--json", cwd=folder)
    assert done.returncode == 2 and done.stdout == ""  # not a budget
    write_jsonl(folder / "tasks.jsonl", [{"q": f"What is {n} + 1?", "a": "2"} for n in range(3)])
    done = infogap("run", "generated.yaml", "--run", "stopped", "--max-requests", "1", "--json", cwd=folder)
    found = json.loads(done.stdout)
    assert done.returncode == 0 and found["stopped"] and found["stages"][1]["state"] == "partial"
    done = infogap("generate", "stopped", "--max-requests", "1", "--json", cwd=folder)
    assert json.loads(done.stdout)["state"] == "partial"
